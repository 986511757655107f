/** The TARGETS cell of autoscalers: `cpu: 10%/80%, memory: <unknown>/1Gi`. */
import type { Infer } from '../schema/node.js';
import type { metricSpec, metricStatus } from './metrics.js';

type Metric = Infer<typeof metricSpec>;
type MetricRead = Infer<typeof metricStatus>;

const shown = 2;

/** The fields that all sources have in common. */
interface Source {
  readonly name?: string;
  readonly metric?: { name: string };
  readonly target?: {
    averageUtilization?: number | undefined;
    averageValue?: string | undefined;
    value?: string | undefined;
  };
  readonly current?: {
    averageUtilization?: number | undefined;
    averageValue?: string | undefined;
    value?: string | undefined;
  };
}

function sourceOf(metric: Metric | MetricRead | undefined): Source | undefined {
  if (metric === undefined) return undefined;
  return (
    metric.resource ?? metric.containerResource ?? metric.pods ?? metric.object ?? metric.external
  );
}

function metricText(metric: Metric, read: MetricRead | undefined): string {
  const source = sourceOf(metric);
  const target = source?.target;
  const current = sourceOf(read)?.current;
  const isResource = metric.resource !== undefined || metric.containerResource !== undefined;
  const prefix = isResource ? `${source?.name ?? ''}: ` : '';
  const suffix =
    !isResource && target?.averageValue !== undefined && metric.pods === undefined ? ' (avg)' : '';
  if (target?.averageUtilization !== undefined) {
    const use = current?.averageUtilization;
    return `${prefix}${use === undefined ? '<unknown>' : `${use}%`}/${target.averageUtilization}%`;
  }
  const wanted = target?.averageValue ?? target?.value ?? '<auto>';
  const now =
    (target?.averageValue === undefined ? current?.value : current?.averageValue) ?? '<unknown>';
  return `${prefix}${now}/${wanted}${suffix}`;
}

/** The parts of an autoscaler that name its metrics. */
interface MetricsView {
  readonly spec: { readonly metrics?: readonly Metric[] | undefined };
  readonly status?:
    { readonly currentMetrics?: readonly MetricRead[] | null | undefined } | undefined;
}

/** All metrics, at most two in full. */
export function metricTexts({ spec, status }: MetricsView): string {
  const metrics = spec.metrics ?? [];
  if (metrics.length === 0) return '<none>';
  const texts = metrics.map((metric, index) => metricText(metric, status?.currentMetrics?.[index]));
  if (texts.length <= shown) return texts.join(', ');
  return `${texts.slice(0, shown).join(', ')} + ${texts.length - shown} more...`;
}
