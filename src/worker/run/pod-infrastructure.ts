/**
 * Makes and removes a pod's sandbox, network and volumes, and records the outcome in the pod's state. Failures become
 * events, and the state machine tries again.
 */
import { podEvent } from './pod-events.js';
import type { NodeContext } from './node-context.js';
import { factsFor, keyOf } from './node-context.js';
import type { SandboxHandle } from './sandbox.js';
import { isWhole, makeSandbox, removeSandbox } from './sandbox.js';
import { writePodFiles } from './container-start.js';
import * as record from '../pod/record.js';
import type { PodState } from '../pod/state.js';
import { errorMessage } from '../../lib/errors.js';

/** Makes and takes down what a pod's containers stand on: its sandbox with network, its volumes. */
export class PodInfrastructure {
  readonly #node: NodeContext;
  readonly #state: PodState;
  readonly #onSandboxLost: () => void;
  #volumePaths: ReadonlyMap<string, string> = new Map();
  #sandbox: SandboxHandle | undefined;

  constructor(options: {
    readonly node: NodeContext;
    readonly state: PodState;
    /** The sandbox that an earlier agent made. */
    readonly adopted: SandboxHandle | undefined;
    /** Called before a broken sandbox is taken away. */
    readonly onSandboxLost: () => void;
  }) {
    this.#node = options.node;
    this.#state = options.state;
    this.#sandbox = options.adopted;
    this.#onSandboxLost = options.onSandboxLost;
  }

  /** The path of each volume on the node, by the volume's name. */
  get volumePaths(): ReadonlyMap<string, string> {
    return this.#volumePaths;
  }

  async makeSandbox(): Promise<void> {
    const node = this.#node;
    try {
      const made = await node.gates.sandboxes.run(() => makeSandbox(node, this.#state.pod));
      await writePodFiles(node, this.#state.pod, made.ips);
      this.#sandbox = made.handle;
      record.recordPartDone(this.#state, 'sandbox', { id: made.handle.id, ips: made.ips });
    } catch (error) {
      record.recordPartFailed(this.#state, 'sandbox', node.clock.nowMs());
      const text = `Failed to create pod sandbox: ${errorMessage(error)}`;
      podEvent(node.events, this.#state.pod, 'Warning', 'FailedCreatePodSandBox', text);
    }
  }

  async removeSandbox(): Promise<void> {
    try {
      if (this.#sandbox !== undefined)
        await removeSandbox(this.#node, this.#state.pod, this.#sandbox);
      this.#sandbox = undefined;
      record.recordPartDone(this.#state, 'sandbox');
    } catch (error) {
      record.recordPartFailed(this.#state, 'sandbox', this.#node.clock.nowMs());
      const text = `error killing pod: ${errorMessage(error)}`;
      podEvent(this.#node.events, this.#state.pod, 'Warning', 'FailedKillPod', text);
    }
  }

  async makeVolumes(): Promise<void> {
    try {
      await this.#node.objects.load(this.#state.pod);
      this.#volumePaths = await this.#node.volumes.setUp(
        this.#state.pod,
        factsFor(this.#node, this.#state.ips),
      );
      record.recordPartDone(this.#state, 'volumes');
    } catch (error) {
      record.recordPartFailed(this.#state, 'volumes', this.#node.clock.nowMs());
      podEvent(this.#node.events, this.#state.pod, 'Warning', 'FailedMount', errorMessage(error));
    }
  }

  /** See `VolumeManager.refresh`. Objects that cannot be read now are those that were read last. */
  async refreshVolumes(): Promise<void> {
    const { pod, volumes, finished, ips } = this.#state;
    if (volumes.phase !== 'ready' || finished) return;
    const node = this.#node;
    try {
      await node.objects.load(pod);
    } catch (error) {
      node.log.debug({ error, ...keyOf(pod) }, 'objects of a pod could not be read');
    }
    try {
      await node.volumes.refresh(pod, factsFor(node, ips));
    } catch (error) {
      podEvent(node.events, pod, 'Warning', 'FailedMount', errorMessage(error));
    }
  }

  async removeVolumes(): Promise<void> {
    try {
      await this.#node.volumes.tearDown(keyOf(this.#state.pod).uid);
      record.recordPartDone(this.#state, 'volumes');
    } catch (error) {
      record.recordPartFailed(this.#state, 'volumes', this.#node.clock.nowMs());
      this.#node.log.warn({ error, ...keyOf(this.#state.pod) }, 'volumes could not be taken down');
    }
  }

  /** As {@link replaceBrokenSandbox}. Never rejects: a runtime that cannot tell is asked after the next failure. */
  async tryToReplaceSandbox(): Promise<void> {
    try {
      await this.replaceBrokenSandbox();
    } catch (error) {
      const { log } = this.#node;
      log.debug({ error, ...keyOf(this.#state.pod) }, 'a sandbox could not be looked at');
    }
  }

  /** A sandbox whose network namespace somebody took away is of no use: the pod gets another. */
  async replaceBrokenSandbox(): Promise<void> {
    const handle = this.#sandbox;
    if (handle === undefined || this.#state.sandbox.phase !== 'ready') return;
    if (await isWhole(this.#node, handle)) return;
    const text = 'Pod sandbox changed, it will be killed and re-created.';
    podEvent(this.#node.events, this.#state.pod, 'Normal', 'SandboxChanged', text);
    this.#sandbox = undefined;
    this.#onSandboxLost();
    try {
      await removeSandbox(this.#node, this.#state.pod, handle);
    } catch (error) {
      // What is in it may run: the pod gets no other before it is gone.
      this.#sandbox = handle;
      throw error;
    }
    record.recordSandboxLost(this.#state, this.#node.clock.nowMs());
  }
}
