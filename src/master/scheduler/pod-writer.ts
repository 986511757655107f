/** The scheduler's writes about pods: bindings, conditions, evictions, and the events that tell of them. */
import type { KubeObject } from '../../api/object.js';
import type { Pod } from '../../api/types/core.js';
import { patchPodStatus } from '../../client/pod-status.js';
import { resources } from '../../client/resources.js';
import type { ApiClient } from '../../client/types.js';
import { isApiError } from '../../client/types.js';
import type { Clock } from '../../lib/clock.js';
import type { Logger } from '../../lib/log.js';
import type { EventRecorder } from '../../client/events/recorder.js';
import { EventSink } from '../../client/events/recorder.js';
import { now } from '../../api/facts/time.js';
import { findCondition, timedCondition } from '../../api/facts/conditions.js';
import type { PodInfo } from './pod-info.js';

/** The characters of an event's text. */
const maxNoteLength = 1024;
/** How often a mark is written anew because the pod has changed. */
const maxMarkAttempts = 5;

/** Writes bindings, conditions, nominations, evictions and events of pods to the API server. */
export class PodWriter {
  readonly #client: ApiClient;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #recorder: EventRecorder;
  readonly #name: string;
  /** The latest mark of each pod that is being written, by uid. */
  readonly #marks = new Map<string, object>();

  /** @param options.name the scheduler's, for events and conditions */
  constructor(options: {
    readonly client: ApiClient;
    readonly clock: Clock;
    readonly log: Logger;
    readonly name: string;
  }) {
    const { client, clock, log, name } = options;
    this.#client = client;
    this.#clock = clock;
    this.#log = log;
    this.#name = name;
    this.#recorder = new EventSink({ client, clock, log }).recorder(name);
  }

  /** Binds the pod. @throws ApiError when the API server refuses */
  async bind(info: PodInfo, node: string): Promise<void> {
    const { namespace = '', name } = info.pod.metadata;
    const binding: KubeObject & { target: object } = {
      apiVersion: 'v1',
      kind: 'Binding',
      metadata: { namespace, name, ...(info.uid === '' ? {} : { uid: info.uid }) },
      target: { apiVersion: 'v1', kind: 'Node', name: node },
    };
    await this.#client.create(resources.pods, binding, { subresource: 'binding', name });
    const message = `Successfully assigned ${namespace}/${name} to ${node}`;
    const action = 'Binding';
    this.#recorder.event(subjectOf(info.pod), 'Normal', 'Scheduled', message, { action });
  }

  /** Tells of a failure in an event. */
  failed(info: PodInfo, message: string): void {
    const action = 'Scheduling';
    const note = truncated(message);
    this.#recorder.event(subjectOf(info.pod), 'Warning', 'FailedScheduling', note, { action });
  }

  /**
   * Writes that the pod has no node, and why. A pod that has changed is read anew; it is left as it is once it has a
   * node, or this scheduler has something newer to say of it: a late write takes nothing back.
   * @param nominated the node where room is being made; '' when there is none any more; undefined: as it was
   */
  async markUnschedulable(pod: Pod, message: string, nominated?: string): Promise<void> {
    const { uid = '' } = pod.metadata;
    const mark = {};
    this.#marks.set(uid, mark);
    try {
      for (let attempt = 1, present: Pod | undefined = pod; present !== undefined; attempt++) {
        if (await this.#tryMark(present, message, nominated)) return;
        if (attempt >= maxMarkAttempts) throw new Error('the pod changes all the time');
        present = await this.#unplaced(pod);
        if (this.#marks.get(uid) !== mark) return;
      }
    } catch (error) {
      if (isApiError(error, 'NotFound')) return;
      this.#log.warn({ pod: pod.metadata.name, error }, 'a pod condition could not be written');
    } finally {
      if (this.#marks.get(uid) === mark) this.#marks.delete(uid);
    }
  }

  /** @returns false when the pod has changed */
  async #tryMark(pod: Pod, message: string, nominated: string | undefined): Promise<boolean> {
    const old = findCondition(pod.status?.conditions, 'PodScheduled');
    const known = pod.status?.nominatedNodeName ?? '';
    const sameNode = nominated === undefined || nominated === known;
    if (old?.status === 'False' && old.message === message && sameNode) return true;
    const condition = {
      type: 'PodScheduled',
      status: 'False',
      reason: 'Unschedulable',
      message,
      lastProbeTime: null,
    };
    const status = {
      phase: 'Pending',
      ...(sameNode ? {} : { nominatedNodeName: nominated === '' ? null : nominated }),
      conditions: [timedCondition(pod.status?.conditions, condition, now(this.#clock))],
    } as const;
    try {
      await patchPodStatus(this.#client, pod, status, { ifUnchanged: true });
      return true;
    } catch (error) {
      if (isApiError(error, 'Conflict')) return false;
      throw error;
    }
  }

  /** Reads the pod; undefined when it is another by now, or has a node. */
  async #unplaced({ metadata }: Pod): Promise<Pod | undefined> {
    const pod = await this.#client.get<Pod>(resources.pods, metadata);
    return pod.metadata.uid === metadata.uid && (pod.spec.nodeName ?? '') === '' ? pod : undefined;
  }

  /** Evicts `victims` from `node` in favour of `info`; one that fails does not keep the others. */
  async evict(info: PodInfo, node: string, victims: readonly PodInfo[]): Promise<void> {
    for (const victim of victims) {
      try {
        const condition = {
          type: 'DisruptionTarget',
          status: 'True',
          reason: 'PreemptionByScheduler',
          message: `${this.#name}: preempting to accommodate a higher priority pod`,
        };
        await patchPodStatus(this.#client, victim.pod, {
          conditions: [timedCondition(victim.pod.status?.conditions, condition, now(this.#clock))],
        });
        await this.#client.delete(resources.pods, victim.pod.metadata, {
          preconditions: { uid: victim.uid },
        });
        const message = `Preempted by pod ${info.uid} on node ${node}`;
        this.#recorder.event(subjectOf(victim.pod), 'Normal', 'Preempted', message, {
          action: 'Preempting',
          related: subjectOf(info.pod),
        });
      } catch (error) {
        if (isApiError(error, 'NotFound')) continue;
        this.#log.warn({ pod: victim.key, error }, 'a victim could not be evicted');
      }
    }
  }
}

/** A message that an event has room for, cut as kube-scheduler cuts it (`schedule_one.go`, `truncateMessage`). */
function truncated(message: string): string {
  const suffix = ' ...';
  if (message.length <= maxNoteLength) return message;
  return message.slice(0, maxNoteLength - suffix.length) + suffix;
}

function subjectOf(pod: Pod) {
  return { apiVersion: 'v1', kind: 'Pod', metadata: pod.metadata };
}
