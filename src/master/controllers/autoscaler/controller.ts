/** Controller "horizontalpodautoscaler": sets the number of replicas by what the pods use. */
import { jsonEqual } from '../../../api/equal.js';
import { keyOf, splitKey } from '../../../api/facts/keys.js';
import type { Matcher } from '../../../api/facts/selectors.js';
import { now } from '../../../api/facts/time.js';
import { parseGroupVersion } from '../../../api/object.js';
import type { Pod } from '../../../api/types/core.js';
import type { HorizontalPodAutoscaler, Scale } from '../../../api/types/policy.js';
import type { CatalogEntry } from '../../../client/controller/catalog.js';
import { Catalog } from '../../../client/controller/catalog.js';
import { podInformer } from '../../../client/controller/pod-index.js';
import type { Reconciler } from '../../../client/controller/reconciler.js';
import { createReconciler, ignoreNotFound } from '../../../client/controller/reconciler.js';
import type { EventRecorder } from '../../../client/events/recorder.js';
import { resources } from '../../../client/resources.js';
import type { Informer } from '../../../client/types.js';
import { isApiError } from '../../../client/types.js';
import { errorMessage } from '../../../lib/errors.js';
import type { ReconcileResult } from '../../../lib/work-queue.js';
import type { ControllerContext } from '../context.js';
import type { History } from './behavior.js';
import { startHistory } from './behavior.js';
import type { Proposal } from './metrics.js';
import { MetricError, propose } from './metrics.js';
import type { Plan, Status } from './plan.js';
import { afterRescale, judgeSize, planAutoscaler, planWithoutTarget } from './plan.js';
import { milliOf, defaultTolerance } from './replicas.js';
import type { SelectionFailure } from './selection.js';
import { selectPods } from './selection.js';

interface Target {
  readonly entry: CatalogEntry;
  readonly scale: Scale;
}

/** The memory of an autoscaler between its reconciles. */
interface Memory {
  readonly history: History;
  /** The selector it used last. */
  matches: Matcher;
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
  readonly #memories = new Map<string, Memory>();
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
    const autoscaler = this.#autoscalers.get(splitKey(key));
    if (autoscaler === undefined) {
      this.#memories.delete(key);
      return undefined;
    }
    if (autoscaler.metadata.deletionTimestamp !== undefined) return undefined;
    const { clock, flags } = this.#context;
    const target = await this.#target(autoscaler);
    const plan =
      typeof target === 'string'
        ? planWithoutTarget(autoscaler, target, now(clock))
        : await this.#plan(key, autoscaler, target.scale);
    this.#tell(autoscaler, plan.notices);
    if (plan.rescale === undefined || typeof target === 'string') {
      await this.#report(autoscaler, plan.status);
    } else await this.#rescale(key, autoscaler, target, plan);
    return { requeueAfterMs: flags.hpaSyncPeriodMs };
  }

  /** The Scale of the target; or why it cannot be had. */
  async #target(autoscaler: HorizontalPodAutoscaler): Promise<Target | string> {
    const { apiVersion = 'v1', kind, name } = autoscaler.spec.scaleTargetRef;
    const { namespace = '' } = autoscaler.metadata;
    const entry = this.#catalog.byKind(apiVersion, kind);
    if (entry === undefined) {
      return `no matches for kind "${kind}" in group "${parseGroupVersion(apiVersion).group}"`;
    }
    try {
      const key = { namespace, name };
      const options = { subresource: 'scale' };
      return { entry, scale: await this.#context.client.get<Scale>(entry, key, options) };
    } catch (error) {
      if (!isApiError(error)) throw error;
      return error.message;
    }
  }

  async #plan(key: string, autoscaler: HorizontalPodAutoscaler, scale: Scale): Promise<Plan> {
    const { clock } = this.#context;
    const current = scale.spec?.replicas ?? 0;
    const memory = this.#memoryOf(key, current);
    const measures = judgeSize(autoscaler.spec, current).type === 'measure';
    const readings = measures ? await this.#read(autoscaler, scale, memory) : [];
    const nowMs = clock.monotonicMs();
    const { history } = memory;
    return planAutoscaler(autoscaler, { current, readings, history, nowMs, now: now(clock) });
  }

  async #read(
    autoscaler: HorizontalPodAutoscaler,
    scale: Scale,
    memory: Memory,
  ): Promise<(Proposal | MetricError)[] | SelectionFailure> {
    const { client, clock } = this.#context;
    const { namespace = '', name } = autoscaler.metadata;
    const { selector = '' } = scale.status ?? {};
    const others = [...this.#memories]
      .filter(([, other]) => other !== memory)
      .map(([key, { matches }]) => ({ ...splitKey(key), matches }))
      .filter((other) => other.namespace === namespace);
    const selection = selectPods({ namespace, name }, selector, this.#pods.list(namespace), others);
    if ('reason' in selection) return selection;
    memory.matches = selection.matches;
    const { scaleUp, scaleDown } = autoscaler.spec.behavior ?? {};
    const scope = {
      client,
      namespace,
      selector,
      pods: selection.pods,
      currentReplicas: scale.spec?.replicas ?? 0,
      tolerance: { up: toleranceOf(scaleUp), down: toleranceOf(scaleDown) },
      nowMs: clock.nowMs(),
    };
    const readings: (Proposal | MetricError)[] = [];
    for (const metric of autoscaler.spec.metrics ?? []) {
      try {
        readings.push(await propose(scope, metric));
      } catch (error) {
        if (!(error instanceof MetricError)) throw error;
        readings.push(error);
      }
    }
    return readings;
  }

  async #rescale(
    key: string,
    autoscaler: HorizontalPodAutoscaler,
    { entry, scale }: Target,
    plan: Plan,
  ): Promise<void> {
    const { client, clock } = this.#context;
    const { metadata, spec } = scale;
    const replicas = plan.rescale?.replicas ?? 0;
    const { resourceVersion } = metadata;
    let failure: unknown;
    try {
      const change = { metadata: { resourceVersion }, spec: { replicas } };
      await client.patch(entry, metadata, 'application/merge-patch+json', change, {
        subresource: 'scale',
      });
      const by = replicas - (spec?.replicas ?? 0);
      this.#memories.get(key)?.history.changes.push({ atMs: clock.monotonicMs(), by });
    } catch (error) {
      // Somebody else wrote the object: look again.
      if (isApiError(error, 'Conflict')) throw error;
      failure = error;
    }
    const text = failure === undefined ? undefined : errorMessage(failure);
    const done = afterRescale(plan, text, now(clock));
    this.#tell(autoscaler, done.notices);
    await this.#report(autoscaler, done.status);
    if (failure !== undefined) throw failure;
  }

  #memoryOf(key: string, replicas: number): Memory {
    let memory = this.#memories.get(key);
    if (memory === undefined) {
      const history = startHistory(replicas, this.#context.clock.monotonicMs());
      memory = { history, matches: () => false };
      this.#memories.set(key, memory);
    }
    return memory;
  }

  #tell(autoscaler: HorizontalPodAutoscaler, notices: Plan['notices']): void {
    for (const { type, reason, message } of notices) {
      this.#recorder.event(subjectOf(autoscaler), type, reason, message);
    }
  }

  async #report(autoscaler: HorizontalPodAutoscaler, status: Status): Promise<void> {
    if (jsonEqual(autoscaler.status, status)) return;
    await this.#context.client
      .updateStatus<HorizontalPodAutoscaler>(resources.autoscalers, { ...autoscaler, status })
      .catch(ignoreNotFound);
  }
}

function toleranceOf(rules: { readonly tolerance?: string | undefined } | undefined): number {
  return rules?.tolerance === undefined ? defaultTolerance : milliOf(rules.tolerance) / 1000;
}

function subjectOf({ metadata }: HorizontalPodAutoscaler) {
  return { apiVersion: 'autoscaling/v2', kind: 'HorizontalPodAutoscaler', metadata };
}
