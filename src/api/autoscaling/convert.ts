/**
 * Conversion of autoscalers between v1 and v2, in place. What v1 has no field for travels in annotations of its
 * objects, and stands in no object of v2 (Kubernetes' `pkg/apis/autoscaling/v1/conversion.go`).
 */
import type { KubeObject } from '../object.js';
import { isJsonObject } from '../object.js';
import type { Loose } from './convert-metrics.js';
import { specToV1, specToV2, statusToV1, statusToV2 } from './convert-metrics.js';

type Autoscaler = KubeObject & { spec?: Loose; status?: Loose };

const group = 'autoscaling.alpha.kubernetes.io';
const annotation = {
  metrics: `${group}/metrics`,
  currentMetrics: `${group}/current-metrics`,
  conditions: `${group}/conditions`,
  behavior: `${group}/behavior`,
} as const;

/** Takes the annotations out, and reads those that are JSON. */
function takeNotes(object: KubeObject): Partial<Record<keyof typeof annotation, unknown>> {
  const { annotations } = object.metadata;
  const notes: Partial<Record<keyof typeof annotation, unknown>> = {};
  if (annotations === undefined) return notes;
  for (const [name, key] of Object.entries(annotation)) {
    const text = annotations[key];
    if (text === undefined) continue;
    delete annotations[key];
    try {
      notes[name as keyof typeof annotation] = JSON.parse(text) as unknown;
    } catch {
      // What cannot be read says nothing, as there.
    }
  }
  if (Object.keys(annotations).length === 0) delete object.metadata.annotations;
  return notes;
}

function cpu(averageUtilization: unknown): Loose {
  const target = { type: 'Utilization', averageUtilization };
  return { type: 'Resource', resource: { name: 'cpu', target } };
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** The resource metric of CPU. */
function isCpu(metric: unknown): metric is { resource: Loose } {
  if (!isJsonObject(metric) || metric['type'] !== 'Resource') return false;
  return isJsonObject(metric['resource']) && metric['resource']['name'] === 'cpu';
}

function utilization(metric: unknown, field: 'target' | 'current'): unknown {
  if (!isCpu(metric)) return undefined;
  const value = metric.resource[field];
  return isJsonObject(value) ? value['averageUtilization'] : undefined;
}

/** v1 → v2, in place. */
export function toV2(object: KubeObject): void {
  const { spec = {}, status } = object as Autoscaler;
  const notes = takeNotes(object);
  const metrics = listOf(notes.metrics).map(specToV2);
  const percent = spec['targetCPUUtilizationPercentage'];
  delete spec['targetCPUUtilizationPercentage'];
  if (percent !== undefined) metrics.push(cpu(percent));
  spec['metrics'] = metrics.length === 0 ? [cpu(80)] : metrics;
  if (isJsonObject(notes.behavior)) spec['behavior'] = lowerCased(notes.behavior);
  const current = status?.['currentCPUUtilizationPercentage'];
  const currentMetrics = listOf(notes.currentMetrics).map(statusToV2);
  const conditions = listOf(notes.conditions);
  if (current === undefined && currentMetrics.length === 0 && conditions.length === 0) return;
  const next = status ?? {};
  (object as Autoscaler).status = next;
  delete next['currentCPUUtilizationPercentage'];
  if (currentMetrics.length > 0) next['currentMetrics'] = currentMetrics;
  else if (current !== undefined) {
    const resource = { name: 'cpu', current: { averageUtilization: current } };
    next['currentMetrics'] = [{ type: 'Resource', resource }];
  }
  if (conditions.length > 0) next['conditions'] = conditions;
}

/** What was stored under the name of v1 → v2, in place. Its metrics tell when it has that form already. */
export function adopt(object: KubeObject): void {
  if (!Array.isArray((object as Autoscaler).spec?.['metrics'])) toV2(object);
}

/** v2 → v1, in place. */
export function fromV2(object: KubeObject): void {
  const { spec = {}, status } = object as Autoscaler;
  takeNotes(object);
  const notes: Record<string, string> = {};
  const metrics = listOf(spec['metrics']);
  delete spec['metrics'];
  const percent = utilization(metrics.find(isCpu), 'target');
  if (percent !== undefined) spec['targetCPUUtilizationPercentage'] = percent;
  const others = metrics.filter((metric) => utilization(metric, 'target') === undefined);
  if (others.length > 0) notes[annotation.metrics] = JSON.stringify(others.map(specToV1));
  if (isJsonObject(spec['behavior'])) {
    notes[annotation.behavior] = JSON.stringify(behaviorNote(spec['behavior']));
  }
  delete spec['behavior'];
  const currentMetrics = listOf(status?.['currentMetrics']);
  const conditions = listOf(status?.['conditions']);
  if (status !== undefined) {
    delete status['currentMetrics'];
    delete status['conditions'];
    const current = utilization(currentMetrics.findLast(isCpu), 'current');
    if (current !== undefined) status['currentCPUUtilizationPercentage'] = current;
  }
  if (currentMetrics.length > 0) {
    notes[annotation.currentMetrics] = JSON.stringify(currentMetrics.map(statusToV1));
  }
  if (conditions.length > 0) notes[annotation.conditions] = JSON.stringify(conditions);
  if (Object.keys(notes).length === 0) return;
  object.metadata.annotations = { ...object.metadata.annotations, ...notes };
}

/** The behaviour as Kubernetes notes it: its internal type, whose fields have no names of JSON. */
function behaviorNote({ scaleUp, scaleDown }: Loose): Loose {
  return { ScaleUp: rulesNote(scaleUp), ScaleDown: rulesNote(scaleDown) };
}

function rulesNote(rules: unknown): Loose | null {
  if (!isJsonObject(rules)) return null;
  const policies = rules['policies'];
  return {
    StabilizationWindowSeconds: rules['stabilizationWindowSeconds'] ?? null,
    SelectPolicy: rules['selectPolicy'] ?? null,
    Policies: Array.isArray(policies) ? policies.map(policyNote) : null,
    Tolerance: rules['tolerance'] ?? null,
  };
}

function policyNote(policy: unknown): Loose {
  const { type, value, periodSeconds } = isJsonObject(policy) ? policy : {};
  return { Type: type, Value: value, PeriodSeconds: periodSeconds };
}

/** A note's fields by their names in v2, without those that are null; Go reads names in any case. */
function lowerCased(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(lowerCased);
  if (!isJsonObject(value)) return value;
  const present = Object.entries(value).filter(([, item]) => item !== null);
  return Object.fromEntries(
    present.map(([name, item]) => [name.charAt(0).toLowerCase() + name.slice(1), lowerCased(item)]),
  );
}
