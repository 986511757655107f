import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ContainerStats } from '../types.js';

const root = '/sys/fs/cgroup';

/** Reads what a cgroup has used, from either hierarchy; undefined when it is gone. */
export async function readCgroupStats(
  id: string,
  cgroup: string,
  atMs: number,
  v2: boolean,
): Promise<ContainerStats | undefined> {
  try {
    const stats = v2 ? await readV2(id, join(root, cgroup), atMs) : await readV1(id, cgroup, atMs);
    // A cgroup that goes away meanwhile may give anything: no number is better than a wrong one.
    const numbers = Object.values(stats).filter((value) => typeof value === 'number');
    return numbers.every(Number.isFinite) ? stats : undefined;
  } catch {
    return undefined;
  }
}

async function readV1(id: string, cgroup: string, atMs: number): Promise<ContainerStats> {
  const [cpu, usage, stat, pids] = await Promise.all([
    readFile(join(root, 'cpuacct', cgroup, 'cpuacct.usage'), 'utf8'),
    readFile(join(root, 'memory', cgroup, 'memory.usage_in_bytes'), 'utf8'),
    readFile(join(root, 'memory', cgroup, 'memory.stat'), 'utf8'),
    readFile(join(root, 'pids', cgroup, 'pids.current'), 'utf8').catch(() => '0'),
  ]);
  return {
    id,
    atMs,
    cpuUsageNanos: Number(cpu),
    memoryUsageBytes: Number(usage),
    memoryWorkingSetBytes: Math.max(0, Number(usage) - field(stat, 'total_inactive_file')),
    memoryRssBytes: field(stat, 'total_rss'),
    pids: Number(pids),
  };
}

async function readV2(id: string, dir: string, atMs: number): Promise<ContainerStats> {
  const [cpu, usage, stat, pids] = await Promise.all([
    readFile(join(dir, 'cpu.stat'), 'utf8'),
    readFile(join(dir, 'memory.current'), 'utf8'),
    readFile(join(dir, 'memory.stat'), 'utf8'),
    readFile(join(dir, 'pids.current'), 'utf8').catch(() => '0'),
  ]);
  return {
    id,
    atMs,
    cpuUsageNanos: field(cpu, 'usage_usec') * 1000,
    memoryUsageBytes: Number(usage),
    memoryWorkingSetBytes: Math.max(0, Number(usage) - field(stat, 'inactive_file')),
    memoryRssBytes: field(stat, 'anon'),
    pids: Number(pids),
  };
}

function field(text: string, name: string): number {
  return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1] ?? 0);
}
