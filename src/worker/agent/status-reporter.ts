/**
 * Reports the newest status of each pod, one write at a time, and none that says nothing new. A failed write is tried
 * again with back-off, so that the last status always arrives unless the pod is gone.
 */
import { ownConditions } from '../pod/conditions.js';
import { semanticEqual } from '../../api/equal.js';
import { resources } from '../../client/resources.js';
import type { Pod, PodStatus } from '../../api/types/core.js';
import type { ApiClient } from '../../client/types.js';
import { isApiError } from '../../client/types.js';
import type { Clock } from '../../lib/clock.js';
import { resizeConditionTypes } from '../pod/resize.js';
import type { Logger } from '../../lib/log.js';
import { WorkQueue } from '../../lib/work-queue.js';

/** A pod as it is to be reported. */
export interface Reportable {
  readonly pod: Pod;
  status(): PodStatus;
  update(pod: Pod): void;
}

/** The dependencies of {@link StatusReporter}. */
export interface StatusReporterOptions {
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly log: Logger;
  /** The pod of that uid, if this node still has it. */
  readonly find: (uid: string) => Reportable | undefined;
}

const writesAtOnce = 16;

/** Writes pods' statuses to the API; of several that wait for one pod only the last. */
export class StatusReporter {
  readonly #options: StatusReporterOptions;
  readonly #queue: WorkQueue;
  /** By uid, the last status that the API took, as JSON, and the pod's version with it. */
  readonly #sent = new Map<string, { readonly text: string; readonly version: string }>();

  constructor(options: StatusReporterOptions) {
    this.#options = options;
    this.#queue = new WorkQueue({
      name: 'pod-status',
      clock: options.clock,
      log: options.log,
      workers: writesAtOnce,
      backOff: { baseMs: 50, maxMs: 5000 },
      reconcile: (uid) => this.report(uid),
    });
  }

  /** The pod's status may have changed. */
  changed(uid: string): void {
    this.#queue.add(uid);
  }

  forget(uid: string): void {
    this.#sent.delete(uid);
  }

  stop(): Promise<void> {
    return this.#queue.stop();
  }

  /** Resolves when everything that is known has been tried once. */
  flush(): Promise<void> {
    return this.#queue.whenIdle();
  }

  /** Writes the pod's status if it says something new. @throws ApiError */
  async report(uid: string): Promise<void> {
    const { client, find } = this.#options;
    const found = find(uid);
    if (found === undefined) return;
    const { pod } = found;
    const status = found.status();
    const text = JSON.stringify(status);
    const { resourceVersion: version = '' } = pod.metadata;
    const sent = this.#sent.get(uid);
    // The API may have stored other words than these. They are sent once, and again only when somebody else has changed
    // the pod.
    if (sent?.text === text && sent.version === version) return;
    if (covers(pod.status, status)) {
      this.#sent.set(uid, { text, version });
      return;
    }
    const { namespace = '', name } = pod.metadata;
    try {
      const answer = await client.patch<Pod>(
        resources.pods,
        { namespace, name },
        'application/strategic-merge-patch+json',
        {
          // An attempt that a server holds back must not undo what was said after it.
          metadata: { uid, ...(version === '' ? {} : { resourceVersion: version }) },
          status: statusPatch(pod.status, status),
        },
        { subresource: 'status' },
      );
      this.#sent.set(uid, { text, version: answer.metadata.resourceVersion ?? '' });
      found.update(answer);
    } catch (error) {
      // Gone: the informer tells. A conflict is tried again with what the informer brings meanwhile.
      if (isApiError(error, 'NotFound')) return;
      throw error;
    }
  }
}

/** True when all that `status` says stands in `reported` already. */
function covers(reported: PodStatus | undefined, status: PodStatus): boolean {
  if (reported === undefined) return false;
  const known = reported as Readonly<Record<string, unknown>>;
  for (const [field, value] of Object.entries(status)) {
    if (field === 'conditions') continue;
    if (!semanticEqual(known[field], value)) return false;
  }
  if (endedConditions(reported, status).length > 0) return false;
  return (status.conditions ?? []).every((condition) => {
    const old = reported.conditions?.find(({ type }) => type === condition.type);
    return (
      old?.status === condition.status &&
      semanticEqual(old.reason, condition.reason) &&
      semanticEqual(old.message, condition.message)
    );
  });
}

/**
 * Conditions that go: of a resize that is over, and all of the node's when it says none of a pod that it did not take.
 */
function endedConditions(reported: PodStatus | undefined, status: PodStatus): readonly string[] {
  const has = (of: PodStatus | undefined, wanted: string): boolean =>
    of?.conditions?.some(({ type }) => type === wanted) === true;
  const mayEnd = status.conditions === undefined ? [...ownConditions] : resizeConditionTypes;
  return mayEnd.filter((type) => has(reported, type) && !has(status, type));
}

/** Fields that the API has and the status no longer says are taken away. */
function statusPatch(reported: PodStatus | undefined, status: PodStatus): object {
  const patch: Record<string, unknown> = { ...status };
  const had = (reported ?? {}) as Readonly<Record<string, unknown>>;
  for (const field of ['reason', 'message', 'podIP', 'podIPs'] as const) {
    if (had[field] !== undefined && status[field] === undefined) patch[field] = null;
  }
  const conditions = (status.conditions ?? []).map((condition) => {
    const old = reported?.conditions?.find(({ type }) => type === condition.type);
    return {
      ...condition,
      ...(old?.reason !== undefined && condition.reason === undefined ? { reason: null } : {}),
      ...(old?.message !== undefined && condition.message === undefined ? { message: null } : {}),
    };
  });
  const ended = endedConditions(reported, status).map((type) => ({ type, $patch: 'delete' }));
  patch['conditions'] = [...conditions, ...ended];
  // Lists that merge by key would keep an address that the pod no longer has.
  const stale = (reported?.podIPs ?? []).some(
    ({ ip }) => !(status.podIPs ?? []).some((known) => known.ip === ip),
  );
  if (stale && status.podIPs !== undefined) {
    patch['podIPs'] = [...status.podIPs, { $patch: 'replace' }];
  }
  return patch;
}
