/** The processes of hosts, as /proc and signals know them. */
import { readFileSync, realpathSync } from 'node:fs';
import { basename } from 'node:path';
import type { Build } from './build.js';

/** True for a process that was started with the build as it is now. */
export function runsBuild(
  pid: number,
  { program, madeMs }: Pick<Build, 'program' | 'madeMs'>,
): boolean {
  return programOf(pid) === program && startedMsOf(pid) >= madeMs;
}

/** Sends a signal; a process that has ended gets none. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has ended by itself.
  }
}

/** The words that a process was started with; none for one that has ended. */
export function wordsOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, -1);
  } catch {
    return [];
  }
}

/** The `bin/trireme` that a process runs. */
export function programOf(pid: number): string | undefined {
  const found = wordsOf(pid).find((word) => basename(word) === 'trireme');
  try {
    return found === undefined ? undefined : realpathSync(found);
  } catch {
    return found;
  }
}

/** The clock of /proc ticks so often a second on Linux, whatever the kernel's own does. */
const ticksPerSecond = 100;

/** When a process was started, in Unix milliseconds; 0: it has ended. */
function startedMsOf(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const ticks = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]);
    const [, boot] = /^btime (\d+)$/m.exec(readFileSync('/proc/stat', 'utf8')) ?? [];
    return Number(boot) * 1000 + (ticks / ticksPerSecond) * 1000;
  } catch {
    return 0;
  }
}
