/** Conversion of autoscalers between v1 and v2; other metrics than CPU travel in an annotation. */
import type { KubeObject } from '../object.js';

/** The metrics' part of both specs, as loose JSON. */
interface Spec {
  targetCPUUtilizationPercentage?: number | undefined;
  metrics?: Metric[] | undefined;
  behavior?: unknown;
}

interface Metric {
  type: string;
  resource?: { name: string; target: { type: string; averageUtilization?: number } };
}

type Loose = KubeObject & { spec: Spec; status?: Record<string, unknown> };

const metricsAnnotation = 'autoscaling.alpha.kubernetes.io/metrics';
const behaviorAnnotation = 'autoscaling.alpha.kubernetes.io/behavior';

function isCpu(metric: Metric): boolean {
  return (
    metric.type === 'Resource' &&
    metric.resource?.name === 'cpu' &&
    metric.resource.target.type === 'Utilization'
  );
}

function take(object: KubeObject, annotation: string): unknown {
  const text = object.metadata.annotations?.[annotation];
  if (text === undefined || object.metadata.annotations === undefined) return undefined;
  delete object.metadata.annotations[annotation];
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** v1 → v2, in place. */
export function toV2(object: KubeObject): void {
  const { spec, status } = object as Loose;
  const others = take(object, metricsAnnotation);
  const metrics: Metric[] = Array.isArray(others) ? (others as Metric[]) : [];
  const percent = spec.targetCPUUtilizationPercentage;
  if (percent !== undefined || metrics.length === 0) {
    const target = { type: 'Utilization', averageUtilization: percent ?? 80 };
    metrics.unshift({ type: 'Resource', resource: { name: 'cpu', target } });
  }
  delete spec.targetCPUUtilizationPercentage;
  spec.metrics = metrics;
  const behavior = take(object, behaviorAnnotation);
  if (behavior !== undefined) spec.behavior = behavior;
  const current = status?.['currentCPUUtilizationPercentage'];
  if (status === undefined || current === undefined) return;
  delete status['currentCPUUtilizationPercentage'];
  status['currentMetrics'] = [
    { type: 'Resource', resource: { name: 'cpu', current: { averageUtilization: current } } },
  ];
}

/** v2 → v1, in place. */
export function fromV2(object: KubeObject): void {
  const { spec, status } = object as Loose;
  const metrics = spec.metrics ?? [];
  const cpu = metrics.find(isCpu);
  const others = metrics.filter((metric) => metric !== cpu);
  delete spec.metrics;
  if (cpu?.resource?.target.averageUtilization !== undefined) {
    spec.targetCPUUtilizationPercentage = cpu.resource.target.averageUtilization;
  }
  const notes: Record<string, string> = {};
  if (others.length > 0) notes[metricsAnnotation] = JSON.stringify(others);
  if (spec.behavior !== undefined) notes[behaviorAnnotation] = JSON.stringify(spec.behavior);
  delete spec.behavior;
  if (Object.keys(notes).length > 0) {
    object.metadata.annotations = { ...object.metadata.annotations, ...notes };
  }
  if (status === undefined) return;
  const read = status['currentMetrics'];
  delete status['currentMetrics'];
  delete status['conditions'];
  const first = Array.isArray(read)
    ? (read[0] as { resource?: { current?: { averageUtilization?: number } } })
    : undefined;
  const use = first?.resource?.current?.averageUtilization;
  if (use !== undefined) status['currentCPUUtilizationPercentage'] = use;
}
