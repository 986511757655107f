/** Managers who write through different versions, after structured-merge-diff's `merge/multiple_appliers_test.go`. */
import { describe, expect, test } from '@jest/globals';
import {
  horizontalPodAutoscalerKind,
  horizontalPodAutoscalerV1Kind,
} from '../autoscaling/kinds.js';
import { convertedTo } from '../equivalents.js';
import type { KindDeclaration } from '../kind.js';
import type { KubeObject, ManagedFieldsEntry } from '../object.js';
import { applyConflictStatus } from './conflicts.js';
import { applyConfiguration, trackUpdate } from './managed-fields.js';

const v2 = horizontalPodAutoscalerKind;
const v1 = horizontalPodAutoscalerV1Kind;
const writer = (manager: string) => ({ manager, subresource: '', now: '2026-01-01T00:00:00Z' });

const scaler = (kind: KindDeclaration, spec: object): KubeObject =>
  ({
    apiVersion: `autoscaling/${kind.version}`,
    kind: 'HorizontalPodAutoscaler',
    metadata: { name: 'h', namespace: 'n' },
    spec,
  }) as KubeObject;
const percent = (averageUtilization: number) => ({
  metrics: [
    {
      type: 'Resource',
      resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization } },
    },
  ],
});
const specOf = (object: KubeObject): unknown => (object as KubeObject & { spec: unknown }).spec;

/** `manager operation version: fields of the spec` of each entry. */
function owners({ metadata }: KubeObject): string[] {
  return (metadata.managedFields ?? []).map((entry: ManagedFieldsEntry) => {
    const fields = Object.keys((entry.fieldsV1 as { 'f:spec'?: object })['f:spec'] ?? {});
    return `${entry.manager} ${entry.operation} ${entry.apiVersion}: ${fields.join(' ')}`;
  });
}

/** The object as a write through a version finds it. */
const seen = (live: KubeObject, from: KindDeclaration, as: KindDeclaration): KubeObject =>
  convertedTo(from, live, as);

function apply(
  kind: KindDeclaration,
  live: KubeObject | undefined,
  spec: object,
  manager: string,
  force = false,
) {
  const config = scaler(kind, spec);
  return applyConfiguration(kind, { live, config, force, writer: writer(manager) });
}

describe('an update through another version', () => {
  test('is an entry of its own, and takes the field from the one that has it by another name', () => {
    const made = scaler(v2, { maxReplicas: 3, ...percent(60) });
    trackUpdate(v2, undefined, made, writer('m'));
    expect(owners(made)).toEqual(['m Update autoscaling/v2: f:maxReplicas f:metrics']);
    const live = seen(made, v2, v1);
    const next = { ...scaler(v1, { maxReplicas: 3, targetCPUUtilizationPercentage: 70 }) };
    trackUpdate(v1, live, next, writer('m'));
    expect(owners(next)).toEqual([
      'm Update autoscaling/v1: f:targetCPUUtilizationPercentage',
      'm Update autoscaling/v2: f:maxReplicas',
    ]);
  });

  test('leaves others what has not changed', () => {
    const live = apply(v1, undefined, { maxReplicas: 3, targetCPUUtilizationPercentage: 60 }, 'a');
    const next = scaler(v2, { maxReplicas: 4, ...percent(60) });
    trackUpdate(v2, seen(live.object, v1, v2), next, writer('b'));
    expect(owners(next)).toEqual([
      'a Apply autoscaling/v1: f:targetCPUUtilizationPercentage',
      'b Update autoscaling/v2: f:maxReplicas',
    ]);
  });
});

describe('an apply through another version', () => {
  const first = (): KubeObject => {
    const spec = { maxReplicas: 3, minReplicas: 2, targetCPUUtilizationPercentage: 60 };
    return seen(apply(v1, undefined, spec, 'a').object, v1, v2);
  };

  test('meets a field that has moved, and tells it by the name that its owner gave it', () => {
    const { conflicts } = apply(v2, first(), percent(70), 'b');
    expect(applyConflictStatus(conflicts).message).toBe(
      'Apply failed with 1 conflict: conflict with "a": .spec.targetCPUUtilizationPercentage',
    );
    const { object } = apply(v2, first(), percent(70), 'b', true);
    expect(owners(object)).toEqual([
      'a Apply autoscaling/v1: f:maxReplicas f:minReplicas',
      'b Apply autoscaling/v2: f:metrics',
    ]);
  });

  test('meets an update, and tells its version', () => {
    const live = scaler(v1, { maxReplicas: 3, targetCPUUtilizationPercentage: 60 });
    trackUpdate(v1, undefined, live, writer('u'));
    const { conflicts } = apply(v2, seen(live, v1, v2), percent(70), 'b');
    expect(applyConflictStatus(conflicts).message).toBe(
      'Apply failed with 1 conflict: conflict with "u" using autoscaling/v1: .spec.targetCPUUtilizationPercentage',
    );
  });

  test('of the same value is no conflict: the field has two owners', () => {
    const { object, conflicts } = apply(v2, first(), percent(60), 'b');
    expect(conflicts).toEqual([]);
    expect(owners(object)).toEqual([
      'a Apply autoscaling/v1: f:maxReplicas f:minReplicas f:targetCPUUtilizationPercentage',
      'b Apply autoscaling/v2: f:metrics',
    ]);
  });

  test('by the same manager takes away what is no longer said', () => {
    const { object } = apply(v2, first(), { maxReplicas: 3, ...percent(60) }, 'a');
    expect(specOf(object)).toEqual({ maxReplicas: 3, ...percent(60) });
    expect(owners(object)).toEqual(['a Apply autoscaling/v2: f:maxReplicas f:metrics']);
  });

  test('leaves what another owns by another name', () => {
    const shared = apply(v2, first(), percent(60), 'b').object;
    const { object } = apply(v1, seen(shared, v2, v1), { maxReplicas: 3 }, 'a');
    expect(specOf(object)).toEqual({ maxReplicas: 3, targetCPUUtilizationPercentage: 60 });
    expect(owners(object)).toEqual([
      'a Apply autoscaling/v1: f:maxReplicas',
      'b Apply autoscaling/v2: f:metrics',
    ]);
  });
});

test.each(['autoscaling/v2beta2', 'apps/v1', ''])(
  'an entry of %p, which there is not, goes with the next write',
  (apiVersion) => {
    const live = scaler(v2, { maxReplicas: 3 });
    trackUpdate(v2, undefined, live, writer('m'));
    for (const entry of live.metadata.managedFields ?? []) entry.apiVersion = apiVersion;
    const next = scaler(v2, { maxReplicas: 4 });
    trackUpdate(v2, live, next, writer('n'));
    expect(owners(next)).toEqual(['n Update autoscaling/v2: f:maxReplicas']);
    const applied = apply(v2, live, { maxReplicas: 4 }, 'n');
    expect(applied.conflicts).toEqual([]);
    expect(owners(applied.object)).toEqual(['n Apply autoscaling/v2: f:maxReplicas']);
  },
);

test('versions of a definition count while the definition has them', () => {
  const schema = { ...v2.schema };
  const versions = {
    stored: 'v1',
    schemas: new Map([
      ['v1', schema],
      ['v2', schema],
    ]),
    webhook: undefined,
  };
  const kind: KindDeclaration = { ...v2, group: 'example.com', custom: true, versions };
  const live = { ...scaler(v2, { maxReplicas: 3, minReplicas: 1 }), apiVersion: 'example.com/v2' };
  trackUpdate(kind, undefined, live, writer('m'));
  const [entry] = live.metadata.managedFields ?? [];
  live.metadata.managedFields = ['v1', 'v0'].map((version) => ({
    ...entry,
    manager: version,
    apiVersion: `example.com/${version}`,
  }));
  const next = { ...scaler(v2, { maxReplicas: 4, minReplicas: 1 }), apiVersion: 'example.com/v2' };
  trackUpdate(kind, live, next, writer('n'));
  expect(owners(next)).toEqual([
    'n Update example.com/v2: f:maxReplicas',
    'v1 Update example.com/v1: f:minReplicas',
  ]);
});
