/**
 * Every `ctr` command that we run, as pure functions: its arguments, its deadline and the parser of what it prints.
 * Each parser is tested with what ctr 1.6.20, 1.7.24 and 2.1.9 printed (testdata/ctr), and throws for what it does
 * not understand.
 */
import type { CommandLane } from '../spawn.js';

/** One call of `ctr`, after the global flags. */
export interface CtrCommand {
  readonly args: readonly string[];
  readonly timeoutMs: number;
  readonly maxBytes?: number;
  readonly lane?: CommandLane;
}

/** `ctr` printed what no version of it is known to print. */
export class UnreadableOutputError extends Error {
  override readonly name = 'UnreadableOutputError';
  readonly code = 'UNREADABLE_OUTPUT';
}

const second = 1000;

/** Also tells whether containerd answers. */
export const version = (timeoutMs = 10 * second): CtrCommand => ({ args: ['version'], timeoutMs });

/** Prints what happens, until it is ended. */
export const events = (): readonly string[] => ['events'];

/** All images of the namespace. */
export const imagesList = (): CtrCommand => ({
  args: ['images', 'list'],
  timeoutMs: 10 * second,
  maxBytes: 8 * 1024 * 1024,
});

/** Takes every image of an archive. */
export const imagesImport = (archive: string): CtrCommand => ({
  args: ['images', 'import', archive],
  timeoutMs: 300 * second,
  lane: 'transfer',
});

/** Fetches an image from its registry. @param options.user the name; its password is typed at a terminal */
export const imagesPull = (
  reference: string,
  options: { readonly user?: string; readonly plainHttp: boolean; readonly hostsDir?: string },
): CtrCommand => ({
  args: [
    'images',
    'pull',
    ...(options.plainHttp ? ['--plain-http'] : []),
    ...(options.hostsDir === undefined ? [] : ['--hosts-dir', options.hostsDir]),
    ...(options.user === undefined ? [] : ['--user', options.user]),
    reference,
  ],
  timeoutMs: 600 * second,
  lane: 'transfer',
});

/** Removes the name; what nothing else refers to is collected before it returns. */
export const imagesRemove = (reference: string): CtrCommand => ({
  args: ['images', 'rm', '--sync', reference],
  timeoutMs: 60 * second,
});

/** Without `--rw`: a read-only view of the image's file system at `target`. */
export const imagesMount = (reference: string, target: string): CtrCommand => ({
  args: ['images', 'mount', reference, target],
  timeoutMs: 120 * second,
});

/** Reads one blob, for example a manifest. */
export const contentGet = (digest: string): CtrCommand => ({
  args: ['content', 'get', digest],
  timeoutMs: 10 * second,
  maxBytes: 4 * 1024 * 1024,
});

/** Makes a container from a whole specification and starts it. */
export const run = (options: {
  readonly id: string;
  readonly specPath: string;
  readonly logUri: string;
  readonly pidFile: string;
}): CtrCommand => ({
  args: [
    'run',
    '--detach',
    '--config',
    options.specPath,
    '--log-uri',
    options.logUri,
    '--pid-file',
    options.pidFile,
    options.id,
  ],
  timeoutMs: 120 * second,
  // A volume mounted over the image's files can hold it up.
  lane: 'guest',
});

/**
 * `ctr run` that stays: it holds the container's streams. Run below the shim, which gives it pipes or a terminal.
 */
export const runAttached = (options: {
  readonly id: string;
  readonly specPath: string;
  readonly pidFile: string;
  readonly tty: boolean;
}): readonly string[] => [
  'run',
  '--config',
  options.specPath,
  ...(options.tty ? ['--tty'] : []),
  '--pid-file',
  options.pidFile,
  options.id,
];

/** All tasks of the namespace: containers that have a process, or had one. */
export const tasksList = (): CtrCommand => ({
  args: ['tasks', 'list'],
  timeoutMs: 10 * second,
  maxBytes: 8 * 1024 * 1024,
});

/** Sends a signal to the first process. */
export const tasksKill = (id: string, signal: string): CtrCommand => ({
  args: ['tasks', 'kill', '--signal', signal, id],
  timeoutMs: 10 * second,
});

/** Removes the task, and ends it if it runs. */
export const tasksRemove = (id: string): CtrCommand => ({
  args: ['tasks', 'rm', '--force', id],
  timeoutMs: 30 * second,
});

/** The ids of all containers, with a task or without. */
export const containersList = (): CtrCommand => ({
  args: ['containers', 'list', '--quiet'],
  timeoutMs: 10 * second,
  maxBytes: 8 * 1024 * 1024,
});

/** Removes containers' metadata; fails for one that has a task. */
export const containersRemove = (...ids: readonly string[]): CtrCommand => ({
  args: ['containers', 'rm', ...ids],
  timeoutMs: 30 * second,
});

/** Creates (and does not run) a container from flags, to read containerd's default seccomp profile from it. */
export const seccompProbe = (id: string, rootfs: string): CtrCommand => ({
  args: ['containers', 'create', '--seccomp', '--rootfs', rootfs, id, '/true'],
  timeoutMs: 10 * second,
});

/** The specification that a container was made from, as JSON. */
export const containersInfo = (id: string): CtrCommand => ({
  args: ['containers', 'info', '--spec', id],
  timeoutMs: 10 * second,
});

/** One line of `ctr images list`. */
export interface ListedImage {
  readonly reference: string;
  readonly digest: string;
  readonly sizeBytes: number;
}

const units: Readonly<Record<string, number>> = {
  B: 1,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
  TiB: 1024 ** 4,
};

/** @throws UnreadableOutputError */
export function parseImages(text: string): ListedImage[] {
  return tableRows(text, 'REF').map((line) => {
    const match = /^(\S+)\s+(\S+)\s+(sha\d+:[0-9a-f]+)\s+(\d+(?:\.\d+)?)\s+(\w+)\s/.exec(
      `${line} `,
    );
    const [, reference = '', , digest = '', size = '', unit = ''] = match ?? [];
    const unitBytes = units[unit];
    if (match === null || unitBytes === undefined) throw unreadable('images list', line);
    return { reference, digest, sizeBytes: Math.round(Number(size) * unitBytes) };
  });
}

/** One line of `ctr tasks list`. */
export interface ListedTask {
  readonly id: string;
  readonly pid: number;
  /** RUNNING, STOPPED, CREATED, PAUSED or UNKNOWN. */
  readonly status: string;
}

/** @throws UnreadableOutputError */
export function parseTasks(text: string): ListedTask[] {
  return tableRows(text, 'TASK').map((line) => {
    const match = /^(\S+)\s+(\d+)\s+([A-Z]+)\s*$/.exec(line);
    const [, id = '', pid = '', status = ''] = match ?? [];
    if (match === null) throw unreadable('tasks list', line);
    return { id, pid: Number(pid), status };
  });
}

/** Parses a list with one id a line. */
export function parseQuietList(text: string): string[] {
  return text.split('\n').filter((line) => line !== '');
}

/**
 * The images of an archive: `unpacking REFERENCE (sha256:…)...done` for each until 1.7, `REFERENCE saved` in 2.x,
 * which writes it anew while it goes on. @throws UnreadableOutputError when it printed something and named none
 */
export function parseImported(text: string): string[] {
  const lines = text.matchAll(/^(?:unpacking (\S+) \(sha\d+:|(\S+)\s+saved\s*$)/gm);
  const names = new Set([...lines].map(([, unpacked, saved]) => unpacked ?? saved ?? ''));
  if (names.size === 0 && text.trim() !== '') throw unreadable('images import', text);
  return [...names];
}

/** The server's version of `ctr version`. */
export function parseVersion(text: string): string {
  const server = text.slice(Math.max(0, text.indexOf('Server:')));
  return /Version:\s*v?([0-9][^\s~+]*)/.exec(server)?.[1] ?? 'unknown';
}

/** The exit code that `ctr tasks rm` mentions on standard error; 0 when it says nothing. */
export function parseRemovedExitCode(stderr: string): number {
  const match = /exit with non-zero exit code (\d+)/.exec(stderr);
  return match === null ? 0 : Number(match[1]);
}

/** The events of `ctr events` that we use. */
export type CtrEvent =
  | {
      readonly type: 'exit';
      readonly containerId: string;
      readonly exitCode: number;
      readonly atMs: number;
    }
  | { readonly type: 'oom'; readonly containerId: string };

/**
 * Parses one line of `ctr events`; undefined for lines that do not concern us, those of exec'd processes among them.
 * @throws UnreadableOutputError for an end or a lack of memory that is told in a way we do not understand
 */
export function parseEvent(line: string, namespace: string): CtrEvent | undefined {
  const match = /^\S+ \S+ \S+ \S+ (\S+) (\/\S+) (\{.*\})$/.exec(line);
  if (match === null) {
    if (/ \/tasks\/(?:exit|oom) /.test(line)) throw unreadable('events', line);
    return undefined;
  }
  const [, from, topic, text = ''] = match;
  if (from !== namespace || (topic !== '/tasks/exit' && topic !== '/tasks/oom')) return undefined;
  const body = jsonObject(text) ?? {};
  const { container_id: containerId } = body;
  if (typeof containerId !== 'string' || containerId === '') throw unreadable('events', line);
  if (topic === '/tasks/oom') return { type: 'oom', containerId };
  if (body['id'] !== containerId) return undefined;
  const atMs = timeMs(body['exited_at']);
  // Go leaves a code of 0 out.
  const { exit_status: exitCode = 0 } = body;
  if (typeof exitCode !== 'number' || !Number.isInteger(exitCode) || atMs === undefined) {
    throw unreadable('events', line);
  }
  return { type: 'exit', containerId, exitCode, atMs };
}

/**
 * A time as protobuf's JSON has it (ctr 1.6), or as Go prints the message's fields (since 1.7); both leave zeros out.
 */
function timeMs(value: unknown): number | undefined {
  if (typeof value === 'string') {
    const parsed = Date.parse(value);
    return Number.isNaN(parsed) ? undefined : parsed;
  }
  if (typeof value !== 'object' || value === null || !('seconds' in value)) return undefined;
  const { seconds } = value;
  const nanos = 'nanos' in value ? value.nanos : 0;
  if (!Number.isSafeInteger(seconds) || !Number.isInteger(nanos)) return undefined;
  return Number(seconds) * 1000 + Math.floor(Number(nanos) / 1_000_000);
}

function jsonObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

const shownLengthMax = 300;

function unreadable(command: string, text: string): UnreadableOutputError {
  const shown = JSON.stringify(text.slice(0, shownLengthMax));
  return new UnreadableOutputError(`ctr ${command} printed what is not understood: ${shown}`);
}

/** The rows below the heading, which begins with a known word. Nothing at all is no rows. */
function tableRows(text: string, heading: string): string[] {
  const [first = '', ...rows] = text.split('\n');
  if (first.trim() !== '' && !first.startsWith(heading)) throw unreadable('list', first);
  return rows.filter((line) => line.trim() !== '');
}
