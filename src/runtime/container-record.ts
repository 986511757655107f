import type { ContainerConfig, ContainerState } from './types.js';

/** The record of a container, on disk from its creation to its removal. */
export interface ContainerRecord {
  readonly config: ContainerConfig;
  readonly imageId: string;
  readonly stopSignal: string;
  readonly createdAtMs: number;
  readonly startedAtMs?: number;
  readonly finishedAtMs?: number;
  readonly exitCode?: number;
  readonly oomKilled?: boolean;
  readonly pid?: number;
}

/** As the agent sees it. */
export function containerStateOf(record: ContainerRecord): ContainerState {
  const { config } = record;
  const exited = record.finishedAtMs !== undefined;
  return {
    id: config.id,
    sandboxId: config.sandboxId,
    pod: config.pod,
    name: config.name,
    restartCount: config.restartCount,
    image: config.image,
    imageId: record.imageId,
    phase: exited ? 'exited' : record.startedAtMs === undefined ? 'created' : 'running',
    createdAtMs: record.createdAtMs,
    ...(record.startedAtMs === undefined ? {} : { startedAtMs: record.startedAtMs }),
    ...(record.finishedAtMs === undefined ? {} : { finishedAtMs: record.finishedAtMs }),
    ...(record.exitCode === undefined ? {} : { exitCode: record.exitCode }),
    ...(record.oomKilled === undefined ? {} : { oomKilled: record.oomKilled }),
    ...(record.pid === undefined || exited ? {} : { pid: record.pid }),
    logPath: config.logPath,
    tty: config.tty,
    stdin: config.stdin,
    annotations: config.annotations,
  };
}

/** The digest of the image that a container runs. */
export function digestOf({ imageId }: Pick<ContainerRecord, 'imageId'>): string {
  return imageId.slice(imageId.indexOf('@') + 1);
}
