import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ContainerState as CriState } from '../../gen/cri/api.js';
import type { Container, ContainerStatus } from '../../gen/cri/api.js';
import type { Clock } from '../../lib/clock.js';
import { delay } from '../../lib/clock.js';
import { StateStore } from '../state-store.js';
import type { ContainerConfig, ContainerState, ContainerUpdate } from '../types.js';
import { RuntimeError } from '../types.js';
import type { CriClient } from './client.js';
import { called, calledIfThere, patient, runtimeError } from './client.js';
import { containerConfig } from './container-config.js';
import type { CriImages } from './images.js';
import { ownLabels } from './labels.js';
import { changedLimits } from './limits.js';
import type { CriObjects } from './objects.js';
import { namespaceOption, sameSandboxConfig, sandboxNoteOf } from './sandbox-config.js';
import { containerState, imageUserOf } from './states.js';
import type { CriWatcher } from './watcher.js';

/** The runtime may have to come up again before it tells whether a start that it was asked for took place. */
const outcomeMsMax = 60_000;
const outcomeEveryMs = 250;

/** What the agent takes for ended gets this long to end. */
const twinGraceSeconds = 2n;

/** The tries to remove a container, and the time between two. */
const removeTries = 5;
const removeEveryMs = 200;

/** The parts that {@link CriContainers} works with. */
export interface CriContainersOptions {
  readonly client: CriClient;
  readonly objects: CriObjects;
  readonly images: CriImages;
  readonly watcher: CriWatcher;
  /** Of the ids that are reported: the runtime's name. */
  readonly scheme: () => string;
  readonly seccompDir: string;
  /** For the annotations that were added to containers: runtimes keep those of the creation alone. */
  readonly recordsDir: string;
  readonly clock: Clock;
}

/** The containers of one runtime, from their creation to their removal. */
export class CriContainers {
  readonly #options: CriContainersOptions;
  readonly #added: StateStore<Readonly<Record<string, string>>>;

  constructor(options: CriContainersOptions) {
    this.#options = options;
    this.#added = new StateStore(options.recordsDir);
  }

  async start(): Promise<void> {
    await this.#added.load();
  }

  /** The states of containers. */
  async list(containers: readonly Container[]): Promise<ContainerState[]> {
    const { objects } = this.#options;
    const statuses = await Promise.all(containers.map(({ id }) => objects.statusOf(id)));
    return statuses.flatMap((status) =>
      status === undefined ? [] : (this.#stateOf(status) ?? []),
    );
  }

  async status(id: string): Promise<ContainerState | undefined> {
    const status = await this.#options.objects.containerStatus(id);
    return status === undefined ? undefined : this.#stateOf(status);
  }

  /** @throws RuntimeError NotFound */
  async known(id: string): Promise<ContainerState> {
    const state = await this.status(id);
    if (state === undefined) throw new RuntimeError('NotFound', `container ${id} does not exist`);
    return state;
  }

  /** @throws RuntimeError NotFound, NotRunning */
  async running(id: string): Promise<ContainerState> {
    const state = await this.known(id);
    if (state.phase === 'running') return state;
    throw new RuntimeError('NotRunning', `container ${id} is not running`);
  }

  async create(config: ContainerConfig): Promise<void> {
    const { client, objects, images, seccompDir } = this.#options;
    if ((await objects.containerStatus(config.id)) !== undefined) return;
    const sandbox = await objects.sandboxStatus(config.sandboxId);
    if (sandbox === undefined) {
      throw new RuntimeError('NotFound', `sandbox ${config.sandboxId} does not exist`);
    }
    const image = await images.find(config.image);
    if (image === undefined) {
      throw new RuntimeError('ImageNotFound', `image "${config.image}" not found`);
    }
    const note = sandboxNoteOf(sandbox.annotations);
    if (note === undefined) {
      throw new RuntimeError('NotFound', `sandbox ${config.sandboxId} has no record`);
    }
    const own = containerConfig(config, {
      imageId: image.id,
      imageUser: imageUserOf(image),
      namespaces: namespaceOption(note.config.namespaces),
      logDirectory: note.config.logDirectory ?? '/',
      cgroup: note.cgroupParent,
      seccompDir,
    });
    await this.#removeTwins(config, sandbox.id);
    await mkdir(dirname(config.logPath), { recursive: true });
    try {
      await client.runtime.createContainer({
        podSandboxId: sandbox.id,
        config: own,
        sandboxConfig: sameSandboxConfig(sandbox, note),
      });
    } catch (cause) {
      const error = runtimeError(cause, 'CreateFailed');
      throw new RuntimeError(error.code, error.message, { retryable: true, cause });
    }
  }

  /**
   * Makes sure that no earlier run is alive, of whose start nobody could tell what became of it, or of which the
   * runtime lost sight. And makes room for a name that a runtime gives once: a creation whose answer was lost left a
   * container of the same run, which nobody starts.
   */
  async #removeTwins({ id, name, restartCount }: ContainerConfig, sandbox: string): Promise<void> {
    const { client, objects } = this.#options;
    for (const twin of await objects.containersIn(sandbox)) {
      const { id: containerId, metadata, state } = twin;
      if (twin.labels[ownLabels.container] === id || metadata?.name !== name) continue;
      if (state === CriState.CONTAINER_RUNNING || state === CriState.CONTAINER_UNKNOWN) {
        const request = { containerId, timeout: twinGraceSeconds };
        await calledIfThere(client.runtime.stopContainer(request));
      }
      if (metadata.attempt !== restartCount) continue;
      await calledIfThere(client.runtime.removeContainer({ containerId }));
    }
  }

  async begin(id: string): Promise<ContainerState> {
    const { client, objects, watcher } = this.#options;
    const containerId = await objects.containerId(id);
    const before = await this.known(id);
    if (before.phase !== 'created') return before;
    watcher.expect(containerId);
    try {
      await client.runtime.startContainer({ containerId });
    } catch (cause) {
      const error = runtimeError(cause, 'StartFailed');
      const after = error.retryable ? await this.#whenKnown(id) : undefined;
      // A short run is over by now. What was never started has no time of it.
      if (after?.phase === 'running' || after?.startedAtMs !== undefined) return after;
      watcher.lookSoon();
      const { message, retryable } = error;
      throw new RuntimeError('StartFailed', message, { retryable, cause });
    }
    return this.known(id);
  }

  /** A call whose answer was lost may have been carried out: that must be known before anything else is tried. */
  async #whenKnown(id: string): Promise<ContainerState | undefined> {
    const { clock } = this.#options;
    const untilMs = clock.monotonicMs() + outcomeMsMax;
    for (;;) {
      try {
        return await this.status(id);
      } catch (error) {
        if (clock.monotonicMs() > untilMs) throw error;
        await delay(clock, outcomeEveryMs);
      }
    }
  }

  /** @throws RuntimeError NotFound, NotRunning, and what the runtime answers */
  async update(id: string, { resources, annotations }: ContainerUpdate): Promise<void> {
    const { client, objects } = this.#options;
    await this.running(id);
    const containerId = await objects.containerId(id);
    const linux = changedLimits(resources);
    await called(client.runtime.updateContainerResources({ containerId, linux, annotations: {} }));
    // A container that was removed meanwhile has no record.
    if ((await this.status(id)) === undefined) return;
    await this.#added.set(id, { ...this.#added.get(id), ...annotations });
  }

  /** The signal is the image's: what asks for another is refused when it is made. */
  async stop(id: string, { graceMs }: { readonly graceMs: number }): Promise<void> {
    const { client, objects, watcher } = this.#options;
    const containerId = await objects.findContainer(id);
    if (containerId === undefined) return;
    const seconds = Math.ceil(graceMs / 1000);
    const request = { containerId, timeout: BigInt(seconds) };
    await calledIfThere(client.runtime.stopContainer(request, patient(seconds * 1000)));
    await watcher.look();
  }

  /** Also ends one that still runs. */
  async remove(id: string): Promise<void> {
    const { objects, watcher } = this.#options;
    const containerId = await objects.findContainer(id);
    if (containerId !== undefined) {
      const state = await this.status(id);
      if (state?.phase === 'running') await this.stop(id, { graceMs: 0 });
      await watcher.look();
      await this.#takeAway(containerId);
    }
    objects.forgetContainer(id);
    await this.#added.delete(id);
  }

  /** A runtime may take a container for running whose end it has not yet worked through: it is ended once more. */
  async #takeAway(containerId: string): Promise<void> {
    const { client, clock } = this.#options;
    for (let tries = 1; ; tries++) {
      try {
        await calledIfThere(client.runtime.removeContainer({ containerId }));
        return;
      } catch (error) {
        if (tries === removeTries) throw error;
      }
      await calledIfThere(client.runtime.stopContainer({ containerId, timeout: 0n }));
      await delay(clock, removeEveryMs);
    }
  }

  /** Drops what was added to containers that are gone. */
  async forgetOthers(there: ReadonlySet<string>): Promise<void> {
    for (const id of this.#added.keys()) if (!there.has(id)) await this.#added.delete(id);
  }

  #stateOf(status: ContainerStatus): ContainerState | undefined {
    const { scheme } = this.#options;
    const id = status.labels[ownLabels.container] ?? '';
    return containerState(status, scheme(), this.#added.get(id));
  }
}
