/** The schema of ReplicationController. */
import {
  always,
  doc,
  int32,
  labels,
  listMap,
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
import { isNonNegative } from '../validation/checks.js';
import { podTemplateSpec } from './pod-spec.js';

/** ReplicationController. */
export const replicationControllerSchema = kindSchema(
  'core/v1.ReplicationController',
  'Keeps replicas of a pod; Deployments do it better.',
  {
    spec: always(
      struct('core/v1.ReplicationControllerSpec', 'What the controller shall keep.', {
        minReadySeconds: num32('Seconds a pod must be ready to count as available.', {
          checks: [isNonNegative],
        }),
        replicas: int32('How many pods there shall be.', { default: 1, checks: [isNonNegative] }),
        selector: tuned(labels('Labels of the pods.'), { mapType: 'atomic' }),
        template: doc('The pods to make.', podTemplateSpec),
      }),
    ),
    status: written(
      struct('core/v1.ReplicationControllerStatus', 'What is known.', {
        availableReplicas: num32('Pods ready for minReadySeconds.'),
        conditions: listMap(
          'State by aspect.',
          ['type'],
          struct('core/v1.ReplicationControllerCondition', 'One aspect of the state.', {
            lastTransitionTime: time('When the status last changed.'),
            message: str('Details for people.'),
            reason: str('Reason of the last change.'),
            status: req(str('True, False or Unknown.')),
            type: req(str('Type of the condition.')),
          }),
        ),
        fullyLabeledReplicas: num32('Pods with all labels of the template.'),
        observedGeneration: num64('Generation that the controller has seen.'),
        readyReplicas: num32('Ready pods.'),
        replicas: req(int32('Pods.', { default: 0 })),
      }),
    ),
  },
);
