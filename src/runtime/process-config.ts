import type { ImageProcess } from './image-config.js';
import type { ContainerConfig } from './types.js';
import { RuntimeError } from './types.js';

/** Kubernetes' table: command replaces entrypoint and cmd, args replaces cmd only. */
export function commandOf(config: ContainerConfig, image: ImageProcess): string[] {
  const command = config.command ?? [];
  const args = config.args ?? [];
  const entrypoint = image.Entrypoint ?? [];
  const cmd = image.Cmd ?? [];
  const result =
    command.length > 0 ? [...command, ...args] : [...entrypoint, ...(args.length > 0 ? args : cmd)];
  if (result.length === 0) {
    throw new RuntimeError('CreateFailed', 'no command specified', { retryable: false });
  }
  return result;
}

/** The image's variables, then the container's, as `NAME=value`. */
export function environmentOf(config: ContainerConfig, image: ImageProcess): string[] {
  const merged = new Map<string, string>();
  const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
  for (const entry of image.Env ?? []) {
    const equals = entry.indexOf('=');
    if (equals > 0) merged.set(entry.slice(0, equals), entry.slice(equals + 1));
  }
  if (!merged.has('PATH')) merged.set('PATH', defaultPath);
  if (config.tty && !merged.has('TERM')) merged.set('TERM', 'xterm');
  for (const [name, value] of config.env) merged.set(name, value);
  return [...merged].map(([name, value]) => `${name}=${value}`);
}

/** The container's, else the image's, else `/`. */
export function workingDirOf(config: ContainerConfig, image: ImageProcess): string {
  if (config.workingDir !== undefined && config.workingDir !== '') return config.workingDir;
  return image.WorkingDir === undefined || image.WorkingDir === '' ? '/' : image.WorkingDir;
}
