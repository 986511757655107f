/** HorizontalPodAutoscaler (v2 is stored, v1 converted) and Scale. */
import { cloneJson } from '../clone.js';
import { defineKind, defineVirtual } from '../define.js';
import { invalid, required } from '../field-error.js';
import type { FieldError } from '../field-error.js';
import { ageColumn, column, nameColumn } from '../print/columns.js';
import {
  always,
  int32,
  list,
  num32,
  num64,
  req,
  str,
  struct,
  time,
  tuned,
  written,
} from '../schema/dsl.js';
import { kindSchema } from '../schema/meta.js';
import type { Infer } from '../schema/node.js';
import { isPositive } from '../validation/checks.js';
import { metricSpec, metricStatus } from './metrics.js';
import { fromV2, toV2 } from './convert.js';
import { metricTexts } from './print.js';

const d = 'autoscaling/v2.';

/** The scaled object, the same in both versions but for its definition's name. */
function targetRef(version: string) {
  return struct(
    `autoscaling/${version}.CrossVersionObjectReference`,
    'Names the object that is scaled.',
    {
      apiVersion: str('Group and version of the object.'),
      kind: req(str('Kind of the object.')),
      name: req(str('Name of the object.')),
    },
    { atomic: true },
  );
}

const rules = struct(`${d}HPAScalingRules`, 'How fast to scale in one direction.', {
  policies: list(
    'Limits.',
    struct(`${d}HPAScalingPolicy`, 'A limit.', {
      periodSeconds: req(int32('Seconds to look at.')),
      type: req(str('Pods or Percent.')),
      value: req(int32('Greatest change.')),
    }),
  ),
  selectPolicy: str('Max, Min or Disabled.'),
  stabilizationWindowSeconds: int32('Seconds of past recommendations that count.'),
  tolerance: { ...str('How far a metric may be off.'), format: 'quantity', pointer: true },
});

const schemaV2 = kindSchema(`${d}HorizontalPodAutoscaler`, 'Scales an object by metrics.', {
  spec: always(
    struct(`${d}HorizontalPodAutoscalerSpec`, 'How to scale.', {
      behavior: struct(`${d}HorizontalPodAutoscalerBehavior`, 'How fast to scale.', {
        scaleDown: rules,
        scaleUp: rules,
      }),
      maxReplicas: req(int32('Upper limit.', { checks: [isPositive] })),
      metrics: list('The metrics; the greatest result counts.', metricSpec),
      minReplicas: int32('Lower limit.', { default: 1 }),
      scaleTargetRef: req(targetRef('v2')),
    }),
  ),
  status: written(
    struct(`${d}HorizontalPodAutoscalerStatus`, 'What is known.', {
      conditions: tuned(
        list(
          'State by aspect.',
          struct(`${d}HorizontalPodAutoscalerCondition`, 'One aspect of the state.', {
            lastTransitionTime: time('When the status last changed.'),
            message: str('Details for people.'),
            reason: str('Reason of the last change.'),
            status: req(str('True, False or Unknown.')),
            type: req(str('Type of the condition.')),
          }),
          { merge: 'type' },
        ),
        { listType: 'map', listMapKeys: ['type'] },
      ),
      currentMetrics: tuned(list('Metrics as last read.', metricStatus), { pointer: true }),
      currentReplicas: num32('Pods.'),
      desiredReplicas: req(int32('Pods there should be.', { default: 0 })),
      lastScaleTime: time('When it last scaled.'),
      observedGeneration: num64('Generation that the controller has seen.'),
    }),
  ),
});

/** HorizontalPodAutoscaler (v2) as a type. */
export interface HorizontalPodAutoscaler extends Infer<typeof schemaV2> {}

function validate({ spec }: HorizontalPodAutoscaler): FieldError[] {
  const errors: FieldError[] = [];
  const min = spec.minReplicas ?? 1;
  if (min < 1) errors.push(invalid('spec.minReplicas', min, 'must be greater than or equal to 1'));
  if (spec.maxReplicas === undefined) {
    errors.push(invalid('spec.maxReplicas', 0, 'must be greater than 0'));
  } else if (spec.maxReplicas < min) {
    const text = 'must be greater than or equal to `minReplicas`';
    errors.push(invalid('spec.maxReplicas', spec.maxReplicas, text));
  }
  const { scaleTargetRef } = spec;
  if (scaleTargetRef === undefined) errors.push(required('spec.scaleTargetRef.kind'));
  return errors.filter((error) => error.field !== 'spec.scaleTargetRef');
}

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
  plural: 'horizontalpodautoscalers',
  shortNames: ['hpa'],
  categories: ['all'],
  hasGeneration: false,
} as const;

/** autoscaling/v2 HorizontalPodAutoscaler. */
export const horizontalPodAutoscalerKind = defineKind<HorizontalPodAutoscaler>({
  ...common,
  version: 'v2',
  schema: schemaV2,
  setDefaults,
  validate,
  columns: [
    nameColumn,
    column<HorizontalPodAutoscaler>(
      'Reference',
      ({ spec }) => `${spec.scaleTargetRef.kind}/${spec.scaleTargetRef.name}`,
    ),
    column<HorizontalPodAutoscaler>('Targets', metricTexts),
    column<HorizontalPodAutoscaler>('MinPods', ({ spec }) => String(spec.minReplicas ?? '<unset>')),
    column<HorizontalPodAutoscaler>('MaxPods', ({ spec }) => spec.maxReplicas, { type: 'integer' }),
    column<HorizontalPodAutoscaler>('Replicas', ({ status }) => status?.currentReplicas ?? 0, {
      type: 'integer',
    }),
    ageColumn,
  ],
});

const schemaV1 = kindSchema('autoscaling/v1.HorizontalPodAutoscaler', 'Scales an object by CPU.', {
  spec: always(
    struct('autoscaling/v1.HorizontalPodAutoscalerSpec', 'How to scale.', {
      maxReplicas: req(int32('Upper limit.')),
      minReplicas: int32('Lower limit.', { default: 1 }),
      scaleTargetRef: req(targetRef('v1')),
      targetCPUUtilizationPercentage: int32('CPU use to aim for, in percent of requests.'),
    }),
  ),
  status: written(
    struct('autoscaling/v1.HorizontalPodAutoscalerStatus', 'What is known.', {
      currentCPUUtilizationPercentage: int32('CPU use in percent of requests.'),
      currentReplicas: req(int32('Pods.')),
      desiredReplicas: req(int32('Pods there should be.')),
      lastScaleTime: time('When it last scaled.'),
      observedGeneration: num64('Generation that the controller has seen.'),
    }),
  ),
});

/** autoscaling/v1 HorizontalPodAutoscaler; stored as v2. */
export const horizontalPodAutoscalerV1Kind = defineKind({
  ...common,
  version: 'v1',
  schema: schemaV1,
  toStorage: toV2,
  fromStorage: fromV2,
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

const scaleSchema = kindSchema('autoscaling/v1.Scale', 'A request to scale an object.', {
  spec: always(
    struct('autoscaling/v1.ScaleSpec', 'The request.', { replicas: num32('How many pods.') }),
  ),
  status: written(
    struct('autoscaling/v1.ScaleStatus', 'The state.', {
      replicas: req(int32('Pods.')),
      selector: str('Selector of the pods, as text.'),
    }),
  ),
});

/** Scale as a type. */
export interface Scale extends Infer<typeof scaleSchema> {}

/** Scale, the body of `…/scale`; not a resource of its own. */
export const scaleKind = defineVirtual<Scale>({
  group: 'autoscaling',
  version: 'v1',
  kind: 'Scale',
  plural: 'scales',
  verbs: [],
  schema: scaleSchema,
});
