import { stat } from 'node:fs/promises';
import type { Clock } from '../../lib/clock.js';
import { renameDurably } from '../../lib/files/rename-durably.js';
import type { Logger } from '../../lib/log.js';
import { ContainerState } from '../../gen/cri/api.js';
import type { CriClient } from './client.js';
import { called } from './client.js';
import type { CriObjects } from './objects.js';
import { noteOf } from './states.js';

/** @see kubelet containerLogMonitorInterval */
const lookEveryMs = 10_000;

/**
 * Keeps logs short: the runtime writes them and knows no bound. A full one becomes `.1`, and the runtime is told to
 * open another.
 */
export class LogRotation {
  readonly #options: {
    readonly client: CriClient;
    readonly objects: CriObjects;
    readonly clock: Clock;
    readonly log: Logger;
  };
  #cancel: (() => void) | undefined;
  #isStopped = false;

  constructor(options: {
    readonly client: CriClient;
    readonly objects: CriObjects;
    readonly clock: Clock;
    readonly log: Logger;
  }) {
    this.#options = options;
  }

  start(): void {
    if (this.#isStopped) return;
    this.#cancel = this.#options.clock.schedule(lookEveryMs, () => {
      this.rotate().then(
        () => this.start(),
        (error: unknown) => this.#failed(error),
      );
    });
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancel?.();
  }

  /** Looks at the log of each container that runs. Never rejects: what fails is tried again. */
  async rotate(): Promise<void> {
    const { objects } = this.#options;
    try {
      for (const { id, state, annotations } of await objects.listContainers()) {
        const note = noteOf(annotations);
        if (note === undefined || state !== ContainerState.CONTAINER_RUNNING) continue;
        const size = await stat(note.logPath).then(
          (info) => info.size,
          () => 0,
        );
        if (size <= note.logMaxBytes) continue;
        // One that cannot be rotated holds up no other.
        await this.#rotateOne(id, note.logPath).catch((error: unknown) => this.#failed(error));
      }
    } catch (error) {
      this.#failed(error);
    }
  }

  #failed(error: unknown): void {
    if (!this.#isStopped) {
      this.#options.log.warn({ error }, 'the logs of containers could not be rotated');
    }
  }

  /** The runtime goes on with the file that it has open until it is told: nothing is lost between the two. */
  async #rotateOne(criId: string, path: string): Promise<void> {
    await renameDurably(path, `${path}.1`);
    try {
      await called(this.#options.client.runtime.reopenContainerLog({ containerId: criId }));
    } catch (error) {
      // It writes on into the old file: that must keep its name, or nobody finds what is written. Unless only the
      // answer was lost: then it has a new one.
      const isReopened = await stat(path).then(
        () => true,
        () => false,
      );
      if (!isReopened) await renameDurably(`${path}.1`, path);
      throw error;
    }
  }
}
