/** The processes of this machine, from /proc: a bare one has no `ps`. */
import { readdir, readFile } from 'node:fs/promises';

/** A process, its parent, and the words that it was started with, a blank between them. */
export interface ProcessEntry {
  readonly pid: number;
  readonly parent: number;
  readonly command: string;
}

/** Lists all processes; one that ends meanwhile is left out. */
export async function listProcesses(): Promise<ProcessEntry[]> {
  const names = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const entries = await Promise.all(names.map((name) => readProcess(Number(name))));
  return entries.filter((entry) => entry !== undefined);
}

async function readProcess(pid: number): Promise<ProcessEntry | undefined> {
  try {
    const [stat, command] = await Promise.all([
      readFile(`/proc/${pid}/stat`, 'utf8'),
      readFile(`/proc/${pid}/cmdline`, 'utf8'),
    ]);
    // `pid (name) state parent …`: the name may hold blanks and brackets.
    const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
    return { pid, parent, command: command.replaceAll('\0', ' ').trimEnd() };
  } catch {
    return undefined;
  }
}

/** The processes that match, and all below them. */
export function withDescendants(
  processes: readonly ProcessEntry[],
  matches: (entry: ProcessEntry) => boolean,
): ReadonlySet<number> {
  const found = new Set(processes.filter(matches).map(({ pid }) => pid));
  for (let grew = true; grew;) {
    const before = found.size;
    for (const { pid, parent } of processes) if (found.has(parent)) found.add(pid);
    grew = found.size > before;
  }
  return found;
}
