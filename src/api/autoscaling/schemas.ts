/** Schemas of the autoscaling group. */
import {
  always,
  int32,
  int64,
  list,
  num32,
  req,
  reqValue,
  str,
  strPtr,
  struct,
  time,
  tuned,
  written,
} from '../schema/dsl.js';
import { kindSchema } from '../schema/meta.js';
import type { Infer } from '../schema/node.js';
import { metricSpec, metricStatus } from './metrics.js';

const d = 'autoscaling/v2.';

/** The scaled object, the same in both versions but for its definition's name. */
function targetRef(version: string) {
  return struct(
    `autoscaling/${version}.CrossVersionObjectReference`,
    'Names the object that is scaled.',
    {
      apiVersion: str('Group and version of the object.'),
      kind: req(str('Kind of the object.', { checksEmpty: true })),
      name: req(str('Name of the object.', { checksEmpty: true })),
    },
    { atomic: true },
  );
}

const rules = struct(`${d}HPAScalingRules`, 'How fast to scale in one direction.', {
  // An empty list is kept, and refused; an absent one gets the defaults.
  policies: tuned(
    list(
      'Limits.',
      struct(`${d}HPAScalingPolicy`, 'A limit.', {
        periodSeconds: req(int32('Seconds to look at.')),
        type: req(str('Pods or Percent.', { checksEmpty: true })),
        value: req(int32('Greatest change.')),
      }),
    ),
    { pointer: true },
  ),
  selectPolicy: strPtr('Max, Min or Disabled.'),
  stabilizationWindowSeconds: int32('Seconds of past recommendations that count.'),
  tolerance: { ...str('How far a metric may be off.'), format: 'quantity', pointer: true },
});

/** autoscaling/v2 HorizontalPodAutoscaler. */
export const schemaV2 = kindSchema(`${d}HorizontalPodAutoscaler`, 'Scales an object by metrics.', {
  spec: always(
    struct(`${d}HorizontalPodAutoscalerSpec`, 'How to scale.', {
      behavior: struct(`${d}HorizontalPodAutoscalerBehavior`, 'How fast to scale.', {
        scaleDown: rules,
        scaleUp: rules,
      }),
      maxReplicas: req(int32('Upper limit.')),
      metrics: list('The metrics; the greatest result counts.', metricSpec),
      minReplicas: int32('Lower limit.', { default: 1 }),
      scaleTargetRef: reqValue(targetRef('v2')),
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
      observedGeneration: int64('Generation that the controller has seen.'),
    }),
  ),
});

/** HorizontalPodAutoscaler (v2) as a type. */
export interface HorizontalPodAutoscaler extends Infer<typeof schemaV2> {}

/** autoscaling/v1 HorizontalPodAutoscaler. */
export const schemaV1 = kindSchema(
  'autoscaling/v1.HorizontalPodAutoscaler',
  'Scales an object by CPU.',
  {
    spec: always(
      struct('autoscaling/v1.HorizontalPodAutoscalerSpec', 'How to scale.', {
        maxReplicas: req(int32('Upper limit.')),
        minReplicas: int32('Lower limit.', { default: 1 }),
        scaleTargetRef: reqValue(targetRef('v1')),
        targetCPUUtilizationPercentage: int32('CPU use to aim for, in percent of requests.'),
      }),
    ),
    status: written(
      struct('autoscaling/v1.HorizontalPodAutoscalerStatus', 'What is known.', {
        currentCPUUtilizationPercentage: int32('CPU use in percent of requests.'),
        currentReplicas: req(int32('Pods.', { default: 0 })),
        desiredReplicas: req(int32('Pods there should be.', { default: 0 })),
        lastScaleTime: time('When it last scaled.'),
        observedGeneration: int64('Generation that the controller has seen.'),
      }),
    ),
  },
);

/** Scale. */
export const scaleSchema = kindSchema('autoscaling/v1.Scale', 'A request to scale an object.', {
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
