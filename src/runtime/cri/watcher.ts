import type { Clock } from '../../lib/clock.js';
import { delay } from '../../lib/clock.js';
import { Code, isGrpcError } from '../../lib/grpc/index.js';
import type { Logger } from '../../lib/log.js';
import { ContainerState } from '../../gen/cri/api.js';
import type { RuntimeEvent } from '../types.js';
import type { CriClient } from './client.js';
import { ownLabels } from './labels.js';
import type { CriObjects } from './objects.js';
import { containerState } from './states.js';

type ContainerEnd = NonNullable<ReturnType<typeof containerState>>;

/** Without events all containers are looked at this often. @see kubelet genericPlegRelistPeriod */
const lookEveryMs = 1000;
/** With events a look makes up for those that are lost. */
const slowLookEveryMs = 10_000;
const retryEventsMs = 5000;
/** containerd hears of an end and of a lack of memory apart, and may tell of the first before it knows the second. */
const oomWaitMs = 200;

/** Looks at all containers again and again, and tells the ends that it finds. Events of the runtime only hasten it. */
export class CriWatcher {
  readonly #options: {
    readonly client: CriClient;
    readonly objects: CriObjects;
    readonly scheme: () => string;
    readonly emit: (event: RuntimeEvent) => void;
    readonly clock: Clock;
    readonly log: Logger;
  };
  readonly #stop = new AbortController();
  /** Containers whose end has not been told, by the runtime's ids. */
  readonly #running = new Set<string>();
  #hasEvents = false;
  #isFailing = false;
  #looking: Promise<void> | undefined;
  /** The look after that which is under way. */
  #next: Promise<void> | undefined;
  #cancel: (() => void) | undefined;

  constructor(options: {
    readonly client: CriClient;
    readonly objects: CriObjects;
    /** Of the ids that are reported. */
    readonly scheme: () => string;
    readonly emit: (event: RuntimeEvent) => void;
    readonly clock: Clock;
    readonly log: Logger;
  }) {
    this.#options = options;
  }

  /** Learns what runs, without telling of what ended before, and begins. @throws RuntimeError */
  async start(): Promise<void> {
    for (const { id, state } of await this.#options.objects.listContainers()) {
      if (state !== ContainerState.CONTAINER_EXITED) this.#running.add(id);
    }
    this.#follow().catch((error: unknown) => this.#failed(error));
    this.#schedule();
  }

  stop(): void {
    this.#stop.abort();
    this.#cancel?.();
  }

  /** The end of a container that was started is told from now on. @param criId the runtime's id */
  expect(criId: string): void {
    this.#running.add(criId);
  }

  /** Begins a look, and waits for nothing. */
  lookSoon(): void {
    this.look().catch((error: unknown) => this.#failed(error));
  }

  /**
   * Looks now, or once more after a look that is under way, which may have missed what the caller knows. Never rejects.
   */
  look(): Promise<void> {
    if (this.#looking === undefined) return this.#begin();
    this.#next ??= this.#looking.then(() => {
      this.#next = undefined;
      return this.#looking ?? this.#begin();
    });
    return this.#next;
  }

  #begin(): Promise<void> {
    this.#looking = this.#look().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #look(): Promise<void> {
    const { objects, emit } = this.#options;
    // What is made while the runtime answers is not in its answer.
    const known = [...this.#running];
    let isWhole = true;
    try {
      const containers = await objects.listContainers();
      const there = new Set(containers.map(({ id }) => id));
      const ended = containers.filter(
        ({ id, state, labels }) =>
          labels[ownLabels.container] !== undefined &&
          this.#running.has(id) &&
          (state === ContainerState.CONTAINER_EXITED || state === ContainerState.CONTAINER_UNKNOWN),
      );
      const told = ended.map(({ id }) =>
        this.#tellEnd(id).catch((error: unknown) => {
          // The ends of the others are told all the same.
          isWhole = false;
          this.#failed(error);
        }),
      );
      await Promise.all(told);
      for (const id of known) if (!there.has(id)) this.#running.delete(id);
      if (!isWhole) return;
      if (this.#isFailing) emit({ type: 'resync' });
      this.#isFailing = false;
    } catch (error) {
      this.#failed(error);
    }
  }

  #failed(error: unknown): void {
    if (!this.#isFailing && !this.#stop.signal.aborted) {
      this.#options.log.warn({ error }, 'the containers of the runtime cannot be looked at');
    }
    this.#isFailing = true;
  }

  async #tellEnd(criId: string): Promise<void> {
    const { objects, scheme, emit, clock } = this.#options;
    const look = async (): Promise<ContainerEnd | undefined> => {
      const status = await objects.statusOf(criId);
      return status === undefined ? undefined : containerState(status, scheme());
    };
    let state = await look();
    if (state?.exitCode === 137 && state.oomKilled !== true) {
      await delay(clock, oomWaitMs, this.#stop.signal);
      state = (await look()) ?? state;
    }
    this.#running.delete(criId);
    if (state === undefined) return;
    const { id: containerId, exitCode = 0, finishedAtMs: atMs = clock.nowMs() } = state;
    if (state.oomKilled === true) emit({ type: 'oom', containerId });
    emit({ type: 'exited', containerId, exitCode, atMs });
  }

  #schedule(): void {
    if (this.#stop.signal.aborted) return;
    const everyMs = this.#hasEvents ? slowLookEveryMs : lookEveryMs;
    this.#cancel = this.#options.clock.schedule(everyMs, () => {
      this.look().then(
        () => this.#schedule(),
        (error: unknown) => this.#failed(error),
      );
    });
  }

  /** Follows the runtime's events for as long as it has them: containerd 1.6 has none. */
  async #follow(): Promise<void> {
    const { client, clock, log } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        const events = client.runtime.getContainerEvents({}, { signal });
        for await (const event of events) {
          this.#hasEvents = true;
          void event;
          this.lookSoon();
        }
      } catch (error) {
        if (isGrpcError(error) && error.code === Code.Unimplemented) return;
        if (!signal.aborted) log.debug({ error }, 'the events of the runtime have ended');
      }
      this.#hasEvents = false;
      await delay(clock, retryEventsMs, signal);
    }
  }
}
