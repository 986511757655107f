/** Reads CPU time and memory of processes from /proc. */
import { readdirSync, readFileSync } from 'node:fs';

/** USER_HZ: the unit of times in /proc, 100 a second on every Linux of today. */
const ticksPerSecond = 100;

function statFields(task: number | string): string[] {
  const stat = readFileSync(`/proc/${task}/stat`, 'latin1');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

/**
 * User and system time of a process with all its threads, ended ones included, and of its children that ended, in
 * milliseconds. Exact to 10 ms. @throws the system's error if it is gone
 */
export function cpuMs(pid: number): number {
  const fields = statFields(pid);
  const ticks = [11, 12, 13, 14].reduce((sum, at) => sum + Number(fields[at]), 0);
  return (ticks * 1000) / ticksPerSecond;
}

/**
 * User and system time of each living thread of a process, in the order in which they began, in milliseconds: of a
 * Node.js process the main thread first, then V8's helpers and those of its workers.
 */
export function threadCpuMs(pid: number): number[] {
  const ids = readdirSync(`/proc/${pid}/task`).map(Number);
  return ids
    .toSorted((a, b) => a - b)
    .map((id) => {
      const fields = statFields(`${pid}/task/${id}`);
      return ((Number(fields[11]) + Number(fields[12])) * 1000) / ticksPerSecond;
    });
}

/** The processes and their living descendants. */
export function withDescendants(pids: readonly number[]): number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      parents.set(Number(name), Number(statFields(Number(name))[1]));
    } catch {
      // It ended while we looked.
    }
  }
  const found = new Set(pids);
  for (let grown = true; grown;) {
    grown = false;
    for (const [pid, parent] of parents) {
      if (found.has(parent) && !found.has(pid)) {
        found.add(pid);
        grown = true;
      }
    }
  }
  return [...found];
}

/** Sum of {@link cpuMs}. */
export function cpuMsOf(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + cpuMs(pid), 0);
}

/** Resident memory and the proportional share of it (shared pages counted in parts), MiB. */
export function memoryOf(pid: number): { readonly rssMib: number; readonly pssMib: number } {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1');
  const field = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1]) / 1024;
  return { rssMib: field('Rss'), pssMib: field('Pss') };
}
