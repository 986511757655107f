import { readFile } from 'node:fs/promises';
import type { ContainerStats } from '../types.js';

const tickNanos = 10_000_000;

/** Reads the resource use of one process, without its running children; undefined when it is gone. */
export async function readProcessStats(
  id: string,
  pid: number,
  atMs: number,
): Promise<ContainerStats | undefined> {
  try {
    const [stat, status] = await Promise.all([
      readFile(`/proc/${pid}/stat`, 'utf8'),
      readFile(`/proc/${pid}/status`, 'utf8'),
    ]);
    // Fields after the command's name, which may hold spaces: utime and stime are the 12th and 13th, in ticks.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const ticks = fields.slice(11, 15).reduce((sum, text) => sum + Number(text), 0);
    const rss = Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024;
    return {
      id,
      atMs,
      cpuUsageNanos: ticks * tickNanos,
      memoryUsageBytes: rss,
      memoryWorkingSetBytes: rss,
      memoryRssBytes: rss,
      pids: 1,
    };
  } catch {
    return undefined;
  }
}
