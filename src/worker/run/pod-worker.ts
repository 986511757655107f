/**
 * Runs one pod: asks `decide` what to do, does it, records what came of it, and asks again. Actions on different
 * parts of the pod overlap; on one part there is never more than one, since beginning it is recorded at once.
 */
import type { Container, Pod, PodStatus } from '../../api/types/core.js';
import type { ContainerState } from '../../runtime/types.js';
import type { PodAction } from '../pod/decide.js';
import { decide } from '../pod/decide.js';
import * as record from '../pod/record.js';
import type { PodFailure, PodState, TrackedContainer } from '../pod/state.js';
import { containersByRole, newPodState } from '../pod/state.js';
import { podStatus } from '../pod/status.js';
import { attemptProbe } from '../probes/attempt.js';
import { ProbeManager } from '../probes/probe-manager.js';
import type { ProbeTarget } from '../probes/prober.js';
import { admit } from './admit.js';
import { adopt } from './adoption.js';
import type { Adopted } from './adoption.js';
import { lookForRoom, resizeContainer } from './container-resize.js';
import { StartError, startContainer } from './container-start.js';
import { stopContainer } from './container-stop.js';
import { getImage } from './get-image.js';
import type { NodeContext } from './node-context.js';
import { keyOf } from './node-context.js';
import { containerEvents, podEvent, probeNotice } from './pod-events.js';
import { podLabel, versionOf } from './pod-facts.js';
import { PodInfrastructure } from './pod-infrastructure.js';
import { runPostStart } from './post-start.js';
import { endedRuns, heldIds, isSandboxLost } from './resync.js';
import { StartObserver } from './start-observer.js';
import { messageOf, readMessages } from './run-messages.js';
import { errorMessage } from '../../lib/errors.js';

/** The pod and the dependencies of {@link PodWorker}. */
export interface PodWorkerOptions {
  readonly node: NodeContext;
  readonly pod: Pod;
  /** The sandbox and containers that an earlier agent left. */
  readonly adopted?: Adopted;
  /** The pods of the node that were taken before and have not ended. */
  readonly others: () => readonly Pod[];
  /** Called when the status may have changed. */
  readonly onChange: () => void;
  /** Deletes the object from the API; the last status has been reported before. */
  readonly deleteObject: () => Promise<void>;
  /** Called when nothing is left of the pod on the node, and its object is gone. */
  readonly onGone: () => void;
}

interface Exit {
  readonly exitCode: number;
  readonly atMs: number;
}

/** Runs one pod: asks `decide` what to do next, does it, and records what came of it. */
export class PodWorker {
  readonly #options: PodWorkerOptions;
  readonly #node: NodeContext;
  readonly #state: PodState;
  readonly #probes: ProbeManager;
  /** Ends that were told before the start had returned. */
  readonly #earlyExits = new Map<string, Exit>();
  readonly #oomKilled = new Set<string>();
  readonly #infra: PodInfrastructure;
  readonly #starts: StartObserver;
  #cancelWake: () => void = () => undefined;
  #scheduled = false;
  #stopped = false;
  #isAdmitted = true;

  constructor(options: PodWorkerOptions) {
    this.#options = options;
    this.#node = options.node;
    this.#state = newPodState(options.pod, options.node.clock.nowMs());
    this.#starts = new StartObserver(options.node, this.#state, options.adopted !== undefined);
    this.#probes = new ProbeManager({
      clock: options.node.clock,
      attempt: (target) => this.#attempt(target),
      onResult: (target, result) => {
        const tracked = this.#trackOf(target.containerId);
        if (tracked === undefined) return;
        record.recordProbe(tracked, target.kind, result);
        this.kick();
      },
      onNotice: (target, outcome) => probeNotice(this.#node.events, this.#state, target, outcome),
    });
    adopt(this.#state, options.node, options.adopted);
    if (options.adopted !== undefined) {
      this.#run(readMessages(this.#node, this.#state).then(() => this.kick()));
    }
    this.#infra = new PodInfrastructure({
      node: options.node,
      state: this.#state,
      adopted: options.adopted?.handle,
      onSandboxLost: () => this.#probes.stopAll(),
    });
    record.recordPod(this.#state, options.pod, options.node.clock.nowMs());
    if (options.adopted === undefined) this.#run(this.#admit());
    for (const tracked of this.#state.trackedContainers.values()) this.#startProbes(tracked);
  }

  /** Nothing is done for the pod before that is decided. */
  async #admit(): Promise<void> {
    this.#isAdmitted = false;
    await admit(this.#node, this.#state, this.#options.others);
    this.#isAdmitted = true;
  }

  get pod(): Pod {
    return this.#state.pod;
  }

  /** Read-only view for logs, exec and their kin. */
  get state(): Readonly<PodState> {
    return this.#state;
  }

  /** The object has changed. Older versions than the one known are ignored. */
  update(pod: Pod): void {
    if (versionOf(pod) < versionOf(this.#state.pod)) return;
    record.recordPod(this.#state, pod, this.#node.clock.nowMs());
    this.kick();
  }

  /** The object is no longer there. */
  gone(): void {
    record.recordGone(this.#state, this.#node.clock.nowMs());
    this.kick();
  }

  status(): PodStatus {
    const { hostIps, clock } = this.#node;
    return podStatus(this.#state, { hostIps, nowMs: clock.nowMs() });
  }

  /** A container has ended. */
  exited(containerId: string, exit: Exit): void {
    const tracked = this.#trackOf(containerId);
    if (tracked === undefined) this.#keepEarlyExit(containerId, exit);
    else this.#run(this.#recordExit(tracked, containerId, exit));
  }

  /** It may be of a run whose start has not returned yet. */
  #keepEarlyExit(containerId: string, exit: Exit): void {
    const all = [...this.#state.trackedContainers.values()];
    if (all.some(({ work }) => work === 'starting')) this.#earlyExits.set(containerId, exit);
    else this.#earlyExits.clear();
  }

  oom(containerId: string): void {
    if (this.#trackOf(containerId) !== undefined) this.#oomKilled.add(containerId);
  }

  /** See {@link heldIds}. */
  held(): ReadonlySet<string> {
    return heldIds(this.#state);
  }

  /** Makes up for what was missed. @param held when the runtime was asked, which may not know of what is younger */
  resync(
    held: ReadonlySet<string>,
    sandboxIds: ReadonlySet<string>,
    containers: ReadonlyMap<string, ContainerState>,
  ): void {
    const nowMs = this.#node.clock.nowMs();
    if (isSandboxLost(this.#state, held, sandboxIds)) {
      record.recordSandboxLost(this.#state, nowMs);
      this.#probes.stopAll();
    }
    for (const { id, ...exit } of endedRuns(this.#state, held, { containers, nowMs })) {
      this.exited(id, exit);
    }
    this.kick();
  }

  /** Brings the files of ConfigMaps, Secrets and tokens up to date; an Event says which could not be. */
  refreshVolumes(): Promise<void> {
    return this.#infra.refreshVolumes();
  }

  readonly volumePaths = (): ReadonlyMap<string, string> => this.#infra.volumePaths;

  /** Fails the pod. */
  evict(failure: PodFailure): void {
    record.recordFailure(this.#state, failure, this.#node.clock.nowMs());
    this.kick();
  }

  /** Has the pod looked at soon. */
  kick(): void {
    if (this.#scheduled || this.#stopped) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      if (!this.#stopped) this.#step();
    });
  }

  /** The agent ends; the pod goes on. */
  stop(): void {
    this.#stopped = true;
    this.#cancelWake();
    this.#probes.stopAll();
  }

  #step(): void {
    if (!this.#isAdmitted) return;
    const { clock } = this.#node;
    lookForRoom(this.#node, this.#state);
    const { actions, wakeAtMs } = decide(this.#state, clock.nowMs());
    this.#cancelWake();
    if (wakeAtMs !== undefined) {
      this.#cancelWake = clock.schedule(wakeAtMs - clock.nowMs(), () => this.kick());
    }
    for (const action of actions) this.#perform(action);
    this.#options.onChange();
    if (this.#isOver()) {
      this.stop();
      this.#options.onGone();
    }
  }

  #isOver(): boolean {
    const { gone, sandbox, volumes, trackedContainers } = this.#state;
    const quiet = [...trackedContainers.values()].every(
      (tracked) => tracked.work === 'none' && tracked.image.phase !== 'getting',
    );
    return gone && quiet && sandbox.phase === 'none' && volumes.phase === 'none';
  }

  #perform(action: PodAction): void {
    const state = this.#state;
    const nowMs = this.#node.clock.nowMs();
    switch (action.type) {
      case 'makeSandbox':
      case 'removeSandbox':
        record.recordPartBegun(state, 'sandbox');
        return this.#run(
          action.type === 'makeSandbox' ? this.#infra.makeSandbox() : this.#infra.removeSandbox(),
        );
      case 'makeVolumes':
      case 'removeVolumes':
        record.recordPartBegun(state, 'volumes');
        return this.#run(
          action.type === 'makeVolumes' ? this.#infra.makeVolumes() : this.#infra.removeVolumes(),
        );
      case 'fail':
        podEvent(this.#node.events, state.pod, 'Normal', action.reason, action.message);
        record.recordFailure(state, action, nowMs);
        return this.kick();
      case 'finish':
        record.recordFinished(state);
        return this.kick();
      case 'deleteObject':
        record.recordDeletion(state, 'asked', nowMs);
        return this.#run(this.#deleteObject());
      default:
        return this.#performOnContainer(action, nowMs);
    }
  }

  #performOnContainer(action: Extract<PodAction, { container: string }>, nowMs: number): void {
    const tracked = this.#state.trackedContainers.get(action.container);
    const container = this.#container(action.container);
    if (tracked === undefined || container === undefined) return;
    switch (action.type) {
      case 'getImage':
        record.recordImageBegun(tracked);
        return this.#run(getImage(this.#node, this.#state, tracked, container));
      case 'startContainer':
        record.recordStartBegun(this.#state, tracked, nowMs);
        return this.#run(this.#startContainer(tracked, container));
      case 'resizeContainer':
        record.recordResizeBegun(tracked);
        return this.#run(resizeContainer(this.#node, this.#state, tracked, container));
      case 'stopContainer': {
        const again = tracked.work === 'stopping';
        record.recordStopBegun(tracked, action.cause, action.deadlineMs);
        return this.#run(this.#stopContainer(tracked, container, action, again));
      }
      case 'backOff': {
        record.recordBackOff(tracked, action);
        const text = `Back-off restarting failed container ${tracked.name} in pod ${podLabel(this.pod)}`;
        containerEvents(this.#node.events, this.pod, tracked.name)('Warning', 'BackOff', text);
        return this.kick();
      }
      case 'removeDeadContainer':
        record.recordDeadContainerRemoved(tracked, action.id);
        return this.#run(this.#node.runtime.removeContainer(action.id));
    }
  }

  /** Runs an action; the pod is looked at again after its success or failure. */
  #run(action: Promise<void>): void {
    action
      .catch((error: unknown) =>
        this.#node.log.warn({ error, ...keyOf(this.pod) }, 'an action on a pod failed'),
      )
      .finally(() => this.kick());
  }

  async #startContainer(tracked: TrackedContainer, container: Container): Promise<void> {
    const node = this.#node;
    const { sandbox, ips } = this.#state;
    const restartCount = tracked.current === undefined ? 0 : tracked.current.restartCount + 1;
    const event = containerEvents(node.events, this.pod, tracked.name);
    try {
      const instance = await node.gates.starts.run(keyOf(this.pod).uid, () =>
        startContainer({
          node,
          pod: this.pod,
          container,
          sandboxId: sandbox.id ?? '',
          restartCount,
          ips,
          volumePaths: this.#infra.volumePaths,
          event,
        }),
      );
      const postStart = container.lifecycle?.postStart;
      // By its reason: 128 is what git ends with, too.
      const hasFailed = instance.reason === 'StartError';
      // A short run may be over by now: it never was ready. Its end is recorded when its output is whole, with that.
      record.recordStarted(tracked, hasFailed ? instance : record.stillRunning(instance));
      this.#starts.started(tracked, hasFailed ? 'RunContainerError' : undefined);
      if (hasFailed) {
        record.recordNeverRan(tracked, instance.message ?? '', node.clock.nowMs());
        await this.#infra.replaceBrokenSandbox();
      }
      if (postStart !== undefined && instance.phase === 'running') {
        const { id: containerId } = instance;
        await runPostStart({ node, state: this.#state, tracked, container, containerId });
      }
      const early = this.#earlyExits.get(instance.id);
      this.#earlyExits.delete(instance.id);
      if (early !== undefined) await this.#recordExit(tracked, instance.id, early);
      if (instance.phase === 'running') this.#startProbes(tracked);
    } catch (error) {
      const reason = error instanceof StartError ? error.reason : 'CreateContainerError';
      node.observer?.containerStarted(tracked.role, reason);
      const failure = { reason, message: errorMessage(error) };
      record.recordStartFailed(tracked, failure, node.clock.nowMs());
      await this.#infra.tryToReplaceSandbox();
    }
  }

  async #stopContainer(
    tracked: TrackedContainer,
    container: Container,
    action: Extract<PodAction, { type: 'stopContainer' }>,
    again: boolean,
  ): Promise<void> {
    const { current } = tracked;
    try {
      if (current?.phase === 'running') {
        const { node } = this.#options;
        const { cause, deadlineMs } = action;
        const { ips } = this.#state;
        const event = containerEvents(node.events, this.pod, tracked.name);
        await stopContainer({
          node,
          container,
          containerId: current.id,
          ips,
          cause,
          deadlineMs,
          again,
          event,
        });
        const ended = await node.runtime.containerStatus(current.id).catch(() => undefined);
        const exitCode = ended?.exitCode ?? 137;
        await this.#recordExit(tracked, current.id, {
          exitCode,
          atMs: ended?.finishedAtMs ?? node.clock.nowMs(),
        });
      }
      record.recordStopEnded(tracked);
    } catch (error) {
      record.recordStopFailed(tracked, this.#node.clock.nowMs());
      throw error;
    }
  }

  async #recordExit(tracked: TrackedContainer, containerId: string, exit: Exit): Promise<void> {
    this.#probes.stop(containerId);
    const { current } = tracked;
    if (current?.id !== containerId || current.phase === 'exited') return;
    const found = await this.#node.runtime.containerStatus(containerId).catch(() => undefined);
    const message = await messageOf(this.#node, this.#state, tracked, exit.exitCode);
    const oomKilled = (found?.oomKilled ?? false) || this.#oomKilled.delete(containerId);
    record.recordExit(tracked, {
      exitCode: exit.exitCode,
      reason: record.exitReason(exit.exitCode, oomKilled),
      finishedAtMs: found?.finishedAtMs ?? exit.atMs,
      message,
    });
    this.kick();
  }

  async #deleteObject(): Promise<void> {
    const { clock } = this.#node;
    try {
      await this.#options.deleteObject();
      record.recordDeletion(this.#state, 'done', clock.nowMs());
    } catch (error) {
      record.recordDeletion(this.#state, 'failed', clock.nowMs());
      this.#node.log.debug(
        { error, ...keyOf(this.pod) },
        'a pod could not be deleted; tried again',
      );
    }
  }

  #startProbes(tracked: TrackedContainer): void {
    const container = this.#container(tracked.name);
    const { current } = tracked;
    if (container === undefined || current?.phase !== 'running' || tracked.role === 'ephemeral')
      return;
    const known = tracked.probes.startup === 'success' ? tracked.probes : {};
    this.#probes.start(current.id, container, known);
    for (const kind of ['startup', 'liveness', 'readiness'] as const) {
      record.recordProbe(tracked, kind, this.#probes.result(current.id, kind));
    }
  }

  async #attempt(target: ProbeTarget): ReturnType<typeof attemptProbe> {
    const { clock, runtime, observer } = this.#node;
    const outcome = await attemptProbe(target.probe, {
      podIp: this.#state.ips[0] ?? '127.0.0.1',
      ports: this.#container(target.containerName)?.ports ?? [],
      clock,
      execSync: (command, ms) => runtime.execSync(target.containerId, command, ms),
    });
    observer?.probed(this.pod, target.containerName, target.kind, outcome.ok);
    return outcome;
  }

  #container(name: string): Container | undefined {
    return containersByRole(this.pod).find(({ container }) => container.name === name)?.container;
  }

  #trackOf(containerId: string): TrackedContainer | undefined {
    const all = [...this.#state.trackedContainers.values()];
    return all.find(({ current }) => current?.id === containerId);
  }
}
