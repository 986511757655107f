/** Autoscalers. */
import { goQuote } from '../../api/go-text/quote.js';
import type { HorizontalPodAutoscaler } from '../../api/types/policy.js';
import type { DescribeFacts } from './common.js';
import { timeOrZero, writeEvents, writeMetadata, writePairs } from './common.js';
import type { DescribeWriter } from './writer.js';

/** What is measured, or what should be. */
interface Amount {
  readonly averageUtilization?: number | undefined;
  readonly averageValue?: string | undefined;
  readonly value?: string | undefined;
}

interface MetricSource {
  readonly name?: string;
  readonly container?: string;
  readonly metric?: { readonly name: string };
  readonly describedObject?: { readonly kind: string; readonly name: string };
  readonly target?: Amount;
  readonly current?: Amount;
}

interface Rules {
  readonly stabilizationWindowSeconds?: number | undefined;
  readonly selectPolicy?: string | undefined;
  readonly policies?:
    | readonly { readonly type: string; readonly value: number; readonly periodSeconds: number }[]
    | undefined;
}

/** The field of a metric that bears its type's name. */
const sourceNames: Readonly<Record<string, string>> = {
  Resource: 'resource',
  ContainerResource: 'containerResource',
  Pods: 'pods',
  Object: 'object',
  External: 'external',
};

function sourceOf(metric: unknown, type: string): MetricSource | undefined {
  const name = sourceNames[type];
  const sources = metric as Readonly<Record<string, MetricSource | undefined>> | undefined;
  return name === undefined ? undefined : sources?.[name];
}

/** An autoscaler. */
export function describeAutoscaler(
  writer: DescribeWriter,
  object: HorizontalPodAutoscaler,
  facts: DescribeFacts,
): void {
  const { metadata, spec, status } = object;
  const { scaleTargetRef: target, behavior } = spec;
  writeMetadata(writer, object);
  writePairs(writer, object);
  writer.field(0, 'CreationTimestamp', timeOrZero(metadata.creationTimestamp));
  writer.field(0, 'Reference', `${target.kind}/${target.name}`);
  writer.line(0, 'Metrics:\t( current / target )');
  for (const [at, metric] of (spec.metrics ?? []).entries()) {
    const current = sourceOf(status?.currentMetrics?.[at], metric.type)?.current;
    writer.line(1, metricText(metric.type, sourceOf(metric, metric.type), current));
  }
  writer.field(0, 'Min replicas', spec.minReplicas ?? '<unset>');
  writer.field(0, 'Max replicas', spec.maxReplicas);
  if (behavior !== undefined) {
    writer.line(0, 'Behavior:');
    writeRules(writer, 'Scale Up', behavior.scaleUp);
    writeRules(writer, 'Scale Down', behavior.scaleDown);
  }
  const { currentReplicas = 0, desiredReplicas = 0, conditions = [] } = status ?? {};
  writer.field(0, `${target.kind} pods`, `${currentReplicas} current / ${desiredReplicas} desired`);
  if (conditions.length > 0) {
    writer.line(0, 'Conditions:');
    writer.line(1, 'Type\tStatus\tReason\tMessage');
    writer.line(1, '----\t------\t------\t-------');
  }
  for (const { type, status: value, reason = '', message = '' } of conditions) {
    writer.line(1, `${type}\t${value}\t${reason}\t${message}`);
  }
  writeEvents(writer, facts);
}

const unknown = '<unknown>';

/** A metric as a line: what it is, how much there is, how much there should be. */
function metricText(
  type: string,
  source: MetricSource | undefined,
  current: Amount | undefined,
): string {
  const { name = '', container = '', metric, describedObject, target } = source ?? {};
  const isAverage = target?.averageValue !== undefined;
  const values = isAverage
    ? `${current?.averageValue ?? unknown} / ${target.averageValue ?? ''}`
    : `${current?.value ?? unknown} / ${target?.value ?? ''}`;
  const metricName = metric?.name ?? '';
  const targetText = isAverage ? 'target average value' : 'target value';
  switch (type) {
    case 'External':
      return `${goQuote(metricName)} (${targetText}):\t${values}`;
    case 'Pods':
      return `${goQuote(metricName)} on pods:\t${values}`;
    case 'Object': {
      const { kind = '', name: object = '' } = describedObject ?? {};
      return `"${metricName}" on ${kind}/${object} (${targetText}):\t${values}`;
    }
    case 'Resource':
    case 'ContainerResource': {
      const of = type === 'Resource' ? '' : ` of container "${container}"`;
      const head = `resource ${name}${of} on pods`;
      return isAverage
        ? `${head}:\t${values}`
        : `${head}  (as a percentage of request):\t${utilization(current, target)}`;
    }
    default:
      return `<unknown metric type ${goQuote(type)}>`;
  }
}

function utilization(current: Amount | undefined, target: Amount | undefined): string {
  const wanted = target?.averageUtilization;
  const measured = current?.averageUtilization;
  const shown = measured === undefined ? unknown : `${measured}% (${current?.averageValue ?? '0'})`;
  return `${shown} / ${wanted === undefined ? '<auto>' : `${wanted}%`}`;
}

function writeRules(writer: DescribeWriter, title: string, rules: Rules | undefined): void {
  if (rules === undefined) return;
  const { stabilizationWindowSeconds: seconds, policies = [], selectPolicy = 'Max' } = rules;
  writer.line(1, `${title}:`);
  if (seconds !== undefined) writer.line(2, `Stabilization Window: ${seconds} seconds`);
  if (policies.length === 0) return;
  writer.line(2, `Select Policy: ${selectPolicy}`);
  writer.line(2, 'Policies:');
  for (const { type, value, periodSeconds } of policies) {
    writer.line(3, `- Type: ${type}\tValue: ${value}\tPeriod: ${periodSeconds} seconds`);
  }
}
