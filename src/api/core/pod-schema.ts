/** The schemas of Pod and PodTemplate. */
import { always, doc, written } from '../schema/dsl.js';
import { kindSchema } from '../schema/meta.js';
import { podSpec, podTemplateSpec } from './pod-spec.js';
import { podStatus } from './pod-status.js';

/** Pod. */
export const podSchema = kindSchema('core/v1.Pod', 'Containers that run together on one node.', {
  spec: always(podSpec),
  status: written(podStatus),
});

/** PodTemplate. */
export const podTemplateSchema = kindSchema('core/v1.PodTemplate', 'A template of pods.', {
  template: always(doc('The pods to make.', podTemplateSpec)),
});
