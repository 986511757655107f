/** HorizontalPodAutoscaler (v2 is stored, v1 converted) and Scale. */
import { cloneJson } from '../clone.js';
import { defineKind, defineVirtual } from '../define.js';
import { ageColumn, column, nameColumn } from '../print/columns.js';
import { adopt, fromV2, toV2 } from './convert.js';
import { metricTexts } from './print.js';
import { scaleSchema, schemaV1, schemaV2 } from './schemas.js';
import type { HorizontalPodAutoscaler, Scale } from './schemas.js';
import { validateAutoscaler } from './validation.js';
import { negativeCounts } from '../validation/status-counts.js';

function setDefaults({ spec }: HorizontalPodAutoscaler): void {
  if (!spec.metrics?.length) {
    spec.metrics = [
      {
        type: 'Resource',
        resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } },
      },
    ];
  }
  const { behavior } = spec;
  if (behavior === undefined) return;
  behavior.scaleUp = {
    stabilizationWindowSeconds: 0,
    selectPolicy: 'Max',
    policies: [
      { type: 'Pods', value: 4, periodSeconds: 15 },
      { type: 'Percent', value: 100, periodSeconds: 15 },
    ],
    ...behavior.scaleUp,
  };
  behavior.scaleDown = {
    selectPolicy: 'Max',
    policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }],
    ...behavior.scaleDown,
  };
}

const common = {
  group: 'autoscaling',
  kind: 'HorizontalPodAutoscaler',
  validateStatus: ({ status }: { readonly status?: object | undefined }) =>
    negativeCounts(status, ['currentReplicas', 'desiredReplicas']),
  plural: 'horizontalpodautoscalers',
  shortNames: ['hpa'],
  categories: ['all'],
  hasGeneration: false,
  storage: {
    group: 'autoscaling',
    plural: 'horizontalpodautoscalers',
    apiVersion: 'autoscaling/v2',
    adopt,
  },
} as const;

/** autoscaling/v2 HorizontalPodAutoscaler. */
export const horizontalPodAutoscalerKind = defineKind<HorizontalPodAutoscaler>({
  ...common,
  version: 'v2',
  schema: schemaV2,
  setDefaults,
  validate: validateAutoscaler,
  columns: [
    nameColumn,
    column<HorizontalPodAutoscaler>(
      'Reference',
      ({ spec }) => `${spec.scaleTargetRef.kind}/${spec.scaleTargetRef.name}`,
    ),
    column<HorizontalPodAutoscaler>('Targets', metricTexts),
    column<HorizontalPodAutoscaler>('MinPods', ({ spec }) => String(spec.minReplicas ?? '<unset>')),
    column<HorizontalPodAutoscaler>('MaxPods', ({ spec }) => spec.maxReplicas),
    column<HorizontalPodAutoscaler>('Replicas', ({ status }) => status?.currentReplicas ?? 0),
    ageColumn,
  ],
});

/** autoscaling/v1 HorizontalPodAutoscaler; stored as v2. */
export const horizontalPodAutoscalerV1Kind = defineKind({
  ...common,
  version: 'v1',
  schema: schemaV1,
  toStorage: toV2,
  fromStorage: fromV2,
  validate: (object) => {
    const copy = structuredClone(object);
    toV2(copy);
    return validateAutoscaler(copy);
  },
  columns: horizontalPodAutoscalerKind.columns.map((item) =>
    item.name === 'Age' || item.name === 'Name'
      ? item
      : {
          ...item,
          cell: (object, now) => {
            const copy = cloneJson(object);
            toV2(copy);
            return item.cell(copy, now);
          },
        },
  ),
});

/** Scale, the body of `…/scale`; not a resource of its own. */
export const scaleKind = defineVirtual<Scale>({
  group: 'autoscaling',
  version: 'v1',
  kind: 'Scale',
  plural: 'scales',
  verbs: [],
  schema: scaleSchema,
});
