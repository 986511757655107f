/** Reads what an autoscaler's metrics say now. */
import type { HorizontalPodAutoscaler, PodMetrics } from '../../../api/types/policy.js';
import type { ApiClient } from '../../../client/types.js';
import { quantityOfMilli } from '../../../api/quantity.js';
import type { Pod } from '../../../api/types/core.js';
import { resources } from '../../../client/resources.js';
import { objectKey } from '../../../api/facts/keys.js';
import { parseTime } from '../../../api/facts/time.js';
import type { PodUsage, ReplicaQuestion } from './replicas.js';
import { milliOf, NoMetricError, replicasFor } from './replicas.js';
import { parseDurationMs } from '../../../lib/go-duration.js';
import { errorMessage } from '../../../lib/errors.js';

/** Over which a usage is taken to be measured when nobody says it. */
const defaultWindowMs = 60_000;

/** One metric that an autoscaler is to follow, with its target: an entry of `spec.metrics`. */
export type MetricSpec = NonNullable<HorizontalPodAutoscaler['spec']['metrics']>[number];

/** One metric's measured value: an entry of `status.currentMetrics`. */
export type MetricStatus = NonNullable<
  NonNullable<HorizontalPodAutoscaler['status']>['currentMetrics']
>[number];

/** One metric's proposal. */
export interface Proposal {
  readonly replicas: number;
  /** For people: "cpu resource utilization (percentage of request)". */
  readonly name: string;
  readonly status: MetricStatus;
}

/** A metric that could not be had: what the condition and the event say. */
export class MetricError extends Error {
  override readonly name = 'MetricError';
  /** "FailedGetResourceMetric", … */
  readonly reason: string;
  /** The metric, as the summary of all failures names it: "cpu resource", "pods", … */
  readonly metric: string;

  constructor(reason: string, metric: string, message: string) {
    super(message);
    this.reason = reason;
    this.metric = metric;
  }
}

/** The pods whose metrics count for one autoscaler, and the client that asks the metrics API for them. */
export interface Scope {
  readonly client: ApiClient;
  readonly namespace: string;
  readonly selector: string;
  readonly pods: readonly Pod[];
  readonly currentReplicas: number;
  readonly tolerance: ReplicaQuestion['tolerance'];
  readonly nowMs: number;
}

/** @throws MetricError */
export async function propose(scope: Scope, metric: MetricSpec): Promise<Proposal> {
  const source = metric.resource ?? metric.containerResource;
  if (source === undefined) throw unserved(metric);
  const container = metric.containerResource?.container;
  const { target, name } = source;
  const { averageUtilization } = target;
  const what = averageUtilization === undefined ? `${name} usage` : `${name} utilization`;
  const prefix = `failed to get ${what}: `;
  const reason =
    container === undefined ? 'FailedGetResourceMetric' : 'FailedGetContainerResourceMetric';
  try {
    const usage = await readUsage(scope, name, container);
    const goal: ReplicaQuestion['target'] =
      averageUtilization === undefined
        ? { averageMilli: milliOf(String(target.averageValue ?? '0')) }
        : { utilization: averageUtilization };
    const answer = replicasFor({
      ...scope,
      resource: name,
      ...(container === undefined ? {} : { container }),
      target: goal,
      usage,
    });
    const current = {
      averageValue: quantityOfMilli(Math.round(answer.averageMilli)).toString(),
      ...(answer.utilization === undefined ? {} : { averageUtilization: answer.utilization }),
    };
    const kind = container === undefined ? 'resource' : `container resource`;
    return {
      replicas: answer.replicas,
      name:
        averageUtilization === undefined
          ? `${name} ${kind}`
          : `${name} ${kind} utilization (percentage of request)`,
      status:
        container === undefined
          ? { type: 'Resource', resource: { name, current } }
          : { type: 'ContainerResource', containerResource: { name, container, current } },
    };
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const metricName = `${name} ${container === undefined ? 'resource' : 'container'}`;
    throw new MetricError(reason, metricName, prefix + error.message);
  }
}

function unserved(metric: MetricSpec): MetricError {
  const missing = 'the server could not find the requested resource';
  const { type } = metric;
  const api = type === 'External' ? 'external' : 'custom';
  const name =
    metric.pods?.metric.name ?? metric.object?.metric.name ?? metric.external?.metric.name;
  const text = `unable to get metric ${name ?? type}: unable to fetch metrics from ${api} metrics API: ${missing}`;
  const metricName = type === 'External' ? `${name ?? ''} external` : type.toLowerCase();
  return new MetricError(`FailedGet${type}Metric`, metricName, text);
}

async function readUsage(
  { client, namespace, selector }: Scope,
  resource: string,
  container: string | undefined,
): Promise<Map<string, PodUsage>> {
  let items: PodMetrics[];
  try {
    ({ items } = await client.list<PodMetrics>(resources.podMetrics, {
      namespace,
      labelSelector: selector,
    }));
  } catch (error) {
    const text = errorMessage(error);
    throw new NoMetricError(
      `unable to get metrics for resource ${resource}: unable to fetch metrics from resource metrics API: ${text}`,
    );
  }
  if (items.length === 0) {
    throw new NoMetricError(
      `unable to get metrics for resource ${resource}: no metrics returned from resource metrics API`,
    );
  }
  const usage = new Map<string, PodUsage>();
  for (const { metadata, timestamp, window, containers = [] } of items) {
    if (container !== undefined && !containers.some(({ name }) => name === container)) {
      throw new NoMetricError(
        `unable to get metrics for resource ${resource}: failed to get container metrics: container ${container} not present in metrics for pod ${objectKey(metadata)}`,
      );
    }
    const counted = containers.filter(({ name }) => container === undefined || name === container);
    const texts = counted.map((one) => one.usage?.[resource]);
    if (texts.length === 0 || texts.includes(undefined)) continue;
    usage.set(metadata.name, {
      milli: texts.reduce((sum, text) => sum + milliOf(text ?? '0'), 0),
      timestampMs: parseTime(timestamp) ?? 0,
      windowMs: parseDurationMs(window ?? '') ?? defaultWindowMs,
    });
  }
  return usage;
}
