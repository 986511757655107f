/** Builds of this program, as directories. */
import { execFile } from 'node:child_process';
import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { firstLogVersion } from '../../etcd/apply/entry-format.js';
import { UsageError } from '../../lib/usage-error.js';
import { twoProcessesFlag } from '../up/worker-network.js';

const execute = promisify(execFile);
const askMsMax = 30_000;

/** A build that hosts can be started with. */
export interface Build {
  /** Its `bin/trireme`. */
  readonly program: string;
  /** As `--version` names it: `0.1.0+g1a2b3c4d5e`. */
  readonly version: string;
  /** The newest log version that it knows. */
  readonly logVersion: number;
  /** When it was made, in Unix milliseconds: what was started before runs another one. */
  readonly madeMs: number;
  /** The flags that its `trireme master` and `trireme worker` know, with their dashes. */
  readonly flags: { readonly master: readonly string[]; readonly worker: readonly string[] };
}

/** True for a build whose workers have their network in a process of its own: earlier ones do not know the flag. */
export function servesApart({ flags }: Pick<Build, 'flags'>): boolean {
  return flags.worker.includes(twoProcessesFlag);
}

/** @throws UsageError for a directory without a build that runs here */
export async function readBuild(directory: string): Promise<Build> {
  const root = resolve(directory);
  const path = join(root, 'bin', 'trireme');
  if (!existsSync(path)) throw new UsageError(`${root} is no build: it has no bin/trireme`);
  const program = realpathSync(path);
  const ask = async (...words: readonly string[]): Promise<string> => {
    try {
      const parameters = [program, ...words];
      const { stdout } = await execute(process.execPath, parameters, { timeout: askMsMax });
      return stdout;
    } catch (error) {
      const { stderr = '', message } = error as { stderr?: string; message: string };
      const said = stderr.trim() === '' ? message : stderr.trim();
      throw new UsageError(`${program} ${words.join(' ')} fails (is it built?): ${said}`);
    }
  };
  const said = await ask('--version');
  const [, version = 'of unknown version'] = /^trireme (\S+)/.exec(said) ?? [];
  const flagsOf = (help: string): string[] =>
    [...help.matchAll(/^ +(?:-\w, )?(--[\w-]+)/gm)].map(([, flag = '']) => flag);
  return {
    program,
    version,
    logVersion: logVersionOf(root, said),
    madeMs: madeMs(root),
    flags: {
      master: flagsOf(await ask('master', '--help')),
      worker: flagsOf(await ask('worker', '--help')),
    },
  };
}

/** What `--version` says; of builds that do not say it, what their list of entries does. Those without one know 1. */
function logVersionOf(root: string, said: string): number {
  const [, told] = /log version (\d+)/.exec(said) ?? [];
  if (told !== undefined) return Number(told);
  const path = join(root, 'dist/src/etcd/apply/entry-format.js');
  if (!existsSync(path)) return firstLogVersion;
  const [, list = ''] = /kindSince = \{([^}]*)\}/.exec(readFileSync(path, 'utf8')) ?? [];
  const versions = [...list.matchAll(/: (\d+)/g)].map(([, version]) => Number(version));
  return Math.max(firstLogVersion, ...versions);
}

/** When its files were made, or came here: an archive that is unpacked gives them the times of their making. */
function madeMs(root: string): number {
  const files = ['current/packed.json', 'packed/packed.json', '.tsbuildinfo'];
  const times = files.map((file) => {
    const stat = statSync(join(root, 'dist', file), { throwIfNoEntry: false });
    return Math.max(stat?.mtimeMs ?? 0, stat?.ctimeMs ?? 0);
  });
  return Math.max(...times);
}
