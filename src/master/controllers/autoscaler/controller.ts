/** Controller "horizontalpodautoscaler": sets the number of replicas by what the pods use. */
import type { HorizontalPodAutoscaler } from '../../../api/types/policy.js';
import type { Informer } from '../../../client/types.js';
import { isApiError } from '../../../client/types.js';
import type { ReconcileResult } from '../../../lib/work-queue.js';
import { errorMessage } from '../../../lib/errors.js';
import { Catalog } from '../../../client/controller/catalog.js';
import type { CatalogEntry } from '../../../client/controller/catalog.js';
import type { ControllerContext } from '../context.js';
import type { Reconciler } from '../../../client/controller/reconciler.js';
import {
  createReconciler,
  ignoreNotFound,
  keyOf,
  splitNamespaced,
} from '../../../client/controller/reconciler.js';
import type { Pod } from '../../../api/types/core.js';
import type { EventRecorder } from '../../../client/events/recorder.js';
import { jsonEqual } from '../../../api/facts/hash.js';
import { podInformer } from '../../../client/controller/pod-index.js';
import { resources } from '../../../client/resources.js';
import { compileSelector, selectorText } from '../../../api/facts/selectors.js';
import { now } from '../../../api/facts/time.js';
import type { Scalable } from '../../../api/types/workloads.js';
import { withCondition } from '../../../api/facts/conditions.js';
import type { History } from './behavior.js';
import { limit } from './behavior.js';
import type { Proposal } from './metrics.js';
import { MetricError, propose } from './metrics.js';

type Status = NonNullable<HorizontalPodAutoscaler['status']>;

interface Target {
  readonly entry: CatalogEntry;
  readonly object: Scalable;
  readonly current: number;
}

/** The number of replicas to set for one autoscaler, and the reason for its event. */
interface Decision {
  readonly replicas: number;
  readonly reason: string;
}

/** Creates the controller of HorizontalPodAutoscalers (kubernetes pkg/controller/podautoscaler). */
export function createAutoscalerController(context: ControllerContext): Reconciler {
  return new Autoscaler(context).reconciler;
}

class Autoscaler {
  readonly #context: ControllerContext;
  readonly #recorder: EventRecorder;
  readonly #catalog: Catalog;
  readonly #pods: Informer<Pod>;
  readonly #autoscalers: Informer<HorizontalPodAutoscaler>;
  readonly #history = new Map<string, History>();
  readonly reconciler: Reconciler;

  constructor(context: ControllerContext) {
    this.#context = context;
    this.#recorder = context.recorder('horizontal-pod-autoscaler');
    this.#catalog = new Catalog(context);
    this.#pods = podInformer(context);
    this.reconciler = createReconciler(context, {
      name: 'horizontalpodautoscaler',
      reconcile: (key) => this.#reconcile(key),
    });
    this.#autoscalers = context.informers.informer<HorizontalPodAutoscaler>(resources.autoscalers);
    this.#autoscalers.onChange((change) => {
      if (change.type === 'update' && jsonEqual(change.old.spec, change.object.spec)) return;
      this.reconciler.enqueue(keyOf(change.object));
    });
  }

  async #reconcile(key: string): Promise<ReconcileResult | void> {
    const autoscaler = this.#autoscalers.get(splitNamespaced(key));
    if (autoscaler === undefined) {
      this.#history.delete(key);
      return undefined;
    }
    if (autoscaler.metadata.deletionTimestamp !== undefined) return undefined;
    const draft = new Draft(autoscaler, now(this.#context.clock));
    try {
      const target = await this.#target(autoscaler, draft);
      if (target !== undefined) await this.#scale(key, autoscaler, target, draft);
    } finally {
      await this.#report(autoscaler, draft.status);
    }
    return { requeueAfterMs: this.#context.flags.hpaSyncPeriodMs };
  }

  async #target(autoscaler: HorizontalPodAutoscaler, draft: Draft): Promise<Target | undefined> {
    const { apiVersion = 'v1', kind, name } = autoscaler.spec.scaleTargetRef;
    const { namespace = '' } = autoscaler.metadata;
    const entry = this.#catalog.byKind(apiVersion, kind);
    let failure = `no matches for kind "${kind}" in group "${apiVersion.split('/')[0] ?? ''}"`;
    if (entry !== undefined) {
      try {
        const object = await this.#context.client.get<Scalable>(entry, { namespace, name });
        const message = "the HPA controller was able to get the target's current scale";
        draft.set('AbleToScale', 'True', 'SucceededGetScale', message);
        return { entry, object, current: object.spec?.replicas ?? 1 };
      } catch (error) {
        if (!isApiError(error)) throw error;
        failure = error.message;
      }
    }
    const message = `the HPA controller was unable to get the target's current scale: ${failure}`;
    draft.set('AbleToScale', 'False', 'FailedGetScale', message);
    this.#recorder.warning(subjectOf(autoscaler), 'FailedGetScale', failure);
    return undefined;
  }

  async #scale(
    key: string,
    autoscaler: HorizontalPodAutoscaler,
    target: Target,
    draft: Draft,
  ): Promise<void> {
    const { current } = target;
    draft.status.currentReplicas = target.object.status?.replicas ?? current;
    const decision = await this.#decide(key, autoscaler, target, draft);
    draft.status.desiredReplicas = decision?.replicas ?? current;
    if (decision === undefined || decision.replicas === current) return;
    const { replicas, reason } = decision;
    try {
      await this.#context.client.patch(
        target.entry,
        target.object.metadata,
        'application/merge-patch+json',
        {
          metadata: { resourceVersion: target.object.metadata.resourceVersion },
          spec: { replicas },
        },
      );
    } catch (error) {
      // Somebody else wrote the object: look again.
      if (isApiError(error, 'Conflict')) throw error;
      const text = errorMessage(error);
      const message = `the HPA controller was unable to update the target scale: ${text}`;
      draft.set('AbleToScale', 'False', 'FailedUpdateScale', message);
      const what = `New size: ${replicas}; reason: ${reason}; error: ${text}`;
      this.#recorder.warning(subjectOf(autoscaler), 'FailedRescale', what);
      throw error;
    }
    const message = `the HPA controller was able to update the target scale to ${replicas}`;
    draft.set('AbleToScale', 'True', 'SucceededRescale', message);
    draft.status.lastScaleTime = now(this.#context.clock);
    const what = `New size: ${replicas}; reason: ${reason}`;
    this.#recorder.normal(subjectOf(autoscaler), 'SuccessfulRescale', what);
    this.#historyOf(key).changes.push({
      atMs: this.#context.clock.monotonicMs(),
      by: replicas - current,
    });
  }

  async #decide(
    key: string,
    autoscaler: HorizontalPodAutoscaler,
    target: Target,
    draft: Draft,
  ): Promise<Decision | undefined> {
    const { minReplicas: min = 1, maxReplicas: max, behavior } = autoscaler.spec;
    const { current } = target;
    if (current === 0 && min !== 0) {
      const message = 'scaling is disabled since the replica count of the target is zero';
      draft.set('ScalingActive', 'False', 'ScalingDisabled', message);
      return undefined;
    }
    if (current > max) {
      return { replicas: max, reason: 'Current number of replicas above Spec.MaxReplicas' };
    }
    if (current < min) {
      return { replicas: min, reason: 'Current number of replicas below Spec.MinReplicas' };
    }
    const best = await this.#read(autoscaler, target, draft);
    if (best === undefined) return undefined;
    const answer = limit(
      {
        current,
        wanted: best.replicas,
        min,
        max,
        scaleUp: behavior?.scaleUp,
        scaleDown: behavior?.scaleDown,
        nowMs: this.#context.clock.monotonicMs(),
      },
      this.#historyOf(key),
    );
    const [reason, message] = answer.stabilized ?? [
      'ReadyForNewScale',
      'recommended size matches current size',
    ];
    draft.set('AbleToScale', 'True', reason, message);
    const [isLimited, limitReason, limitMessage] = answer.limited;
    draft.set('ScalingLimited', isLimited ? 'True' : 'False', limitReason, limitMessage);
    const why =
      answer.replicas > current ? `${best.name} above target` : 'All metrics below target';
    return { replicas: answer.replicas, reason: why };
  }

  /** The greatest of the metrics' proposals; undefined when none can be trusted. */
  async #read(
    autoscaler: HorizontalPodAutoscaler,
    { object, current }: Target,
    draft: Draft,
  ): Promise<Proposal | undefined> {
    const { client, clock } = this.#context;
    const { namespace = '' } = autoscaler.metadata;
    const matches = compileSelector(object.spec?.selector);
    const scope = {
      client,
      namespace,
      selector: selectorText(object.spec?.selector),
      pods: this.#pods.list(namespace).filter((pod) => matches(pod.metadata.labels)),
      currentReplicas: current,
      nowMs: clock.nowMs(),
    };
    const proposals: Proposal[] = [];
    const failures: MetricError[] = [];
    const metrics = autoscaler.spec.metrics ?? [];
    for (const metric of metrics) {
      try {
        proposals.push(await propose(scope, metric));
      } catch (error) {
        if (!(error instanceof MetricError)) throw error;
        failures.push(error);
        this.#recorder.warning(subjectOf(autoscaler), error.reason, error.message);
      }
    }
    draft.status.currentMetrics = proposals.map(({ status }) => status);
    const best = proposals.toSorted((a, b) => b.replicas - a.replicas)[0];
    const [failure] = failures;
    // With a metric missing, more pods may be right and fewer may not.
    if (failure !== undefined && (best === undefined || best.replicas < current)) {
      const message = `the HPA was unable to compute the replica count: ${failure.message}`;
      draft.set('ScalingActive', 'False', failure.reason, message);
      const what = `invalid metrics (${failures.length} invalid out of ${metrics.length}), first error is: ${failure.message}`;
      this.#recorder.warning(subjectOf(autoscaler), 'FailedComputeMetricsReplicas', what);
      return undefined;
    }
    if (best === undefined) return undefined;
    const message = `the HPA was able to successfully calculate a replica count from ${best.name}`;
    draft.set('ScalingActive', 'True', 'ValidMetricFound', message);
    return best;
  }

  #historyOf(key: string): History {
    let history = this.#history.get(key);
    if (history === undefined) {
      history = { recommendations: [], changes: [] };
      this.#history.set(key, history);
    }
    return history;
  }

  async #report(autoscaler: HorizontalPodAutoscaler, status: Status): Promise<void> {
    if (jsonEqual(autoscaler.status, status)) return;
    await this.#context.client
      .updateStatus<HorizontalPodAutoscaler>(resources.autoscalers, { ...autoscaler, status })
      .catch(ignoreNotFound);
  }
}

/** The status that is being made. */
class Draft {
  readonly status: Status;
  readonly #now: string;

  constructor(autoscaler: HorizontalPodAutoscaler, at: string) {
    this.#now = at;
    this.status = structuredClone(autoscaler.status ?? { desiredReplicas: 0 });
  }

  set(type: string, status: string, reason: string, message: string): void {
    const next = { type, status, reason, message };
    const { conditions } = this.status;
    this.status.conditions = withCondition(conditions, next, this.#now);
  }
}

function subjectOf(autoscaler: HorizontalPodAutoscaler) {
  return {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: autoscaler.metadata,
  };
}
