/** The processes of this machine, from /proc: a bare one has no `ps`. */
import { readdir, readFile } from 'node:fs/promises';
import { basename } from 'node:path';

/** A process, its parent, and the words that it was started with. */
export interface ProcessEntry {
  readonly pid: number;
  readonly parent: number;
  readonly words: readonly string[];
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
    return { pid, parent, words: command.replace(/\0$/, '').split('\0') };
  } catch {
    return undefined;
  }
}

/** Programs of a host that are no scripts. */
const programs = /^containerd(?:-shim-.*)?$/;
/** Those that run our scripts, and our scripts. */
const interpreters = /^(?:node|nodejs|perl|unshare)$/;
const scripts = /^trireme(?:-shim(?:\.pl)?)?$/;

/**
 * True for a process that a host has started: one of its programs, told one of its directories, or a program of an
 * image, which lies there. Who only looks at a host's files (an editor, a `tail`) is none.
 */
export function isOfHost({ words }: ProcessEntry, directories: readonly string[]): boolean {
  const [program = '', ...rest] = words;
  const isBelow = (path: string): boolean =>
    directories.some((directory) => path === directory || path.startsWith(`${directory}/`));
  if (isBelow(program)) return true;
  const name = basename(program);
  const isOurs =
    programs.test(name) ||
    (interpreters.test(name) && rest.some((word) => scripts.test(basename(word))));
  return isOurs && rest.some((word) => isBelow(word.replace(/^--?[\w-]+=/, '')));
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
