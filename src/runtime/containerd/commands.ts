/**
 * Every `ctr` command that we run, as pure functions: its arguments, its deadline and the parser of what it prints.
 * Tried with ctr 1.6 and written so that 1.7 and 2.x, which keep these flags, fit as well.
 */

/** One call of `ctr`, after the global flags. */
export interface CtrCommand {
  readonly args: readonly string[];
  readonly timeoutMs: number;
  readonly maxBytes?: number;
}

const second = 1000;

export const imagesList = (): CtrCommand => ({
  args: ['images', 'list'],
  timeoutMs: 10 * second,
  maxBytes: 8 * 1024 * 1024,
});

export const imagesImport = (archive: string): CtrCommand => ({
  args: ['images', 'import', archive],
  timeoutMs: 300 * second,
});

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
});

export const imagesRemove = (reference: string): CtrCommand => ({
  args: ['images', 'rm', '--sync', reference],
  timeoutMs: 60 * second,
});

/** Without `--rw`: a read-only view of the image's file system at `target`. */
export const imagesMount = (reference: string, target: string): CtrCommand => ({
  args: ['images', 'mount', reference, target],
  timeoutMs: 120 * second,
});

export const imagesUnmount = (target: string): CtrCommand => ({
  args: ['images', 'unmount', '--rm', target],
  timeoutMs: 60 * second,
});

export const contentGet = (digest: string): CtrCommand => ({
  args: ['content', 'get', digest],
  timeoutMs: 10 * second,
  maxBytes: 4 * 1024 * 1024,
});

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

export const tasksList = (): CtrCommand => ({
  args: ['tasks', 'list'],
  timeoutMs: 10 * second,
  maxBytes: 8 * 1024 * 1024,
});

export const tasksKill = (id: string, signal: string): CtrCommand => ({
  args: ['tasks', 'kill', '--signal', signal, id],
  timeoutMs: 10 * second,
});

export const tasksRemove = (id: string): CtrCommand => ({
  args: ['tasks', 'rm', '--force', id],
  timeoutMs: 30 * second,
});

export const containersList = (): CtrCommand => ({
  args: ['containers', 'list', '--quiet'],
  timeoutMs: 10 * second,
  maxBytes: 8 * 1024 * 1024,
});

export const containersRemove = (...ids: readonly string[]): CtrCommand => ({
  args: ['containers', 'rm', ...ids],
  timeoutMs: 30 * second,
});

export const tasksExec = (options: {
  readonly id: string;
  readonly execId: string;
  readonly tty: boolean;
  readonly command: readonly string[];
}): readonly string[] => [
  'tasks',
  'exec',
  '--exec-id',
  options.execId,
  ...(options.tty ? ['--tty'] : []),
  options.id,
  ...options.command,
];

/** Creates (and does not run) a container from flags, to read containerd's default seccomp profile from it. */
export const seccompProbe = (id: string, rootfs: string): CtrCommand => ({
  args: ['containers', 'create', '--seccomp', '--rootfs', rootfs, id, '/true'],
  timeoutMs: 10 * second,
});

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

export function parseImages(text: string): ListedImage[] {
  return tableRows(text).flatMap((line) => {
    const match = /^(\S+)\s+(\S+)\s+(sha\d+:[0-9a-f]+)\s+([0-9.]+)\s+(\w+)\s/.exec(`${line} `);
    if (match === null) return [];
    const [, reference = '', , digest = '', size = '0', unit = 'B'] = match;
    return [{ reference, digest, sizeBytes: Math.round(Number(size) * (units[unit] ?? 1)) }];
  });
}

export interface ListedTask {
  readonly id: string;
  readonly pid: number;
  /** RUNNING, STOPPED, CREATED, PAUSED or UNKNOWN. */
  readonly status: string;
}

export function parseTasks(text: string): ListedTask[] {
  return tableRows(text).flatMap((line) => {
    const [id, pid, status] = line.trim().split(/\s+/);
    return id === undefined || pid === undefined || status === undefined
      ? []
      : [{ id, pid: Number(pid), status }];
  });
}

export function parseQuietList(text: string): string[] {
  return text.split('\n').filter((line) => line !== '');
}

/** `unpacking REFERENCE (sha256:…)...done` for each image of an archive. */
export function parseImported(text: string): string[] {
  return [...text.matchAll(/^unpacking (\S+) \(sha/gm)].map((match) => match[1] ?? '');
}

/** The exit code that `ctr tasks rm` mentions on standard error; 0 when it says nothing. */
export function parseRemovedExitCode(stderr: string): number {
  const match = /exit with non-zero exit code (\d+)/.exec(stderr);
  return match === null ? 0 : Number(match[1]);
}

/** What we use of `ctr events`. */
export type CtrEvent =
  | {
      readonly type: 'exit';
      readonly containerId: string;
      readonly exitCode: number;
      readonly atMs: number;
    }
  | { readonly type: 'oom'; readonly containerId: string };

/** One line of `ctr events`; undefined for lines that do not concern us, those of exec'd processes among them. */
export function parseEvent(line: string, namespace: string): CtrEvent | undefined {
  const match = /^\S+ \S+ \S+ \S+ (\S+) (\/\S+) (\{.*\})$/.exec(line);
  if (match === null || match[1] !== namespace) return undefined;
  const topic = match[2] ?? '';
  if (topic !== '/tasks/exit' && topic !== '/tasks/oom') return undefined;
  const body = JSON.parse(match[3] ?? '{}') as {
    container_id?: string;
    id?: string;
    exit_status?: number;
    exited_at?: string;
  };
  const containerId = body.container_id ?? '';
  if (topic === '/tasks/oom') return { type: 'oom', containerId };
  if (body.id !== containerId) return undefined;
  return {
    type: 'exit',
    containerId,
    exitCode: body.exit_status ?? 0,
    atMs: Date.parse(body.exited_at ?? ''),
  };
}

function tableRows(text: string): string[] {
  return text
    .split('\n')
    .slice(1)
    .filter((line) => line.trim() !== '');
}
