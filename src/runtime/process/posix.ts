import { access } from 'node:fs/promises';
import type { ContainerRecord } from '../container-record.js';
import type { ImageProcess } from '../image-config.js';
import { environmentOf } from '../process-config.js';
import type { ContainerConfig } from '../types.js';

/** The record of a container that is a plain process. */
export interface ProcessRecord extends ContainerRecord {
  /** Absent: the host's own root. */
  readonly root?: string;
  /** Of the image, as it was when the container was made. */
  readonly process: ImageProcess;
}

/** True between its start and its end. */
export function isRunning(record: ProcessRecord | undefined): boolean {
  return record?.startedAtMs !== undefined && record.finishedAtMs === undefined;
}

/**
 * Sends to the first process, as a container's runtime would; SIGKILL goes to its whole group.
 * @returns false when it is gone
 */
export function signalContainer(pid: number, name: string): boolean {
  // 0 and 1 would address this process's own group, and everybody.
  if (!(pid > 1)) return false;
  const wanted = /^\d+$/.test(name) ? Number(name) : name.startsWith('SIG') ? name : `SIG${name}`;
  try {
    return process.kill(name === 'SIGKILL' ? -pid : pid, wanted);
  } catch {
    return false;
  }
}

/** The whole environment of a container's processes. */
export function environment(config: ContainerConfig, image: ImageProcess): Record<string, string> {
  const pairs = environmentOf(config, image).map((entry): [string, string] => {
    const equals = entry.indexOf('=');
    return [entry.slice(0, equals), entry.slice(equals + 1)];
  });
  return Object.fromEntries(pairs);
}

/** True when there is a file of that name. */
export function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** A synchronous answer as a promise, a thrown error as a rejection. */
export async function settle<T>(answer: () => T): Promise<T> {
  await Promise.resolve();
  return answer();
}
