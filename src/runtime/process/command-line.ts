import { consoleSocket } from '../console-session.js';
import type { ContainerConfig } from '../types.js';

/** All that a container's command line depends on. */
export interface CommandLineInput {
  readonly config: ContainerConfig;
  /** The program and its arguments, settled with the image. */
  readonly command: readonly string[];
  /** The container's own root directory; absent: the host's. */
  readonly root: string | undefined;
  readonly workingDir: string;
  readonly shim: string;
  readonly isRoot: boolean;
  readonly dir: string;
}

/** The files by which the shim and the runtime talk about one container. */
export function shimFiles(dir: string): {
  readonly exit: string;
  readonly pid: string;
} {
  return { exit: `${dir}/exit`, pid: `${dir}/pid` };
}

/**
 * Builds the command line of the shim: it runs the command on pipes or a terminal, below `unshare` where the image has
 * a root of its own (with a user namespace unless we are root). Pure.
 */
export function commandLine(input: CommandLineInput): string[] {
  const { config, root, shim } = input;
  const files = shimFiles(input.dir);
  const flags = [
    'path',
    config.logPath,
    'max',
    String(config.logMaxBytes),
    'exit',
    files.exit,
    'pid',
    files.pid,
    'stdin',
    config.stdin ? '1' : '0',
    'once',
    config.stdinOnce ? '1' : '0',
    'tty',
    config.tty ? '1' : '0',
    ...(config.stdin || config.tty ? ['sock', consoleSocket] : []),
  ];
  if (root === undefined) {
    return ['run', ...flags, 'cwd', input.workingDir, '--', ...input.command];
  }
  const mounts = config.mounts.flatMap((mount) => [
    mount.hostPath,
    mount.containerPath,
    mount.readOnly ? 'ro' : 'rw',
  ]);
  return [
    'run',
    ...flags,
    '--',
    'unshare',
    ...(input.isRoot ? [] : ['--user', '--map-root-user']),
    '--mount',
    '--',
    shim,
    'enter',
    root,
    input.workingDir,
    ...mounts,
    '--',
    ...input.command,
  ];
}

/** Builds the command line that runs a command in a container's mount (and user) namespace and root. Pure. */
export function execLine(options: {
  readonly pid: number;
  readonly root: string | undefined;
  readonly isRoot: boolean;
  readonly command: readonly string[];
}): string[] {
  if (options.root === undefined) return [...options.command];
  return [
    'nsenter',
    '--target',
    String(options.pid),
    ...(options.isRoot ? [] : ['--user', '--preserve-credentials']),
    '--mount',
    '--root',
    '--wd',
    '--',
    ...options.command,
  ];
}
