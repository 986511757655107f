/** RuntimeClass. */
import { defineKind } from '../define.js';
import { canonicalJson } from '../facts/hash.js';
import { at, child, duplicate, invalid } from '../field-error.js';
import { ageColumn, column, nameColumn } from '../print/columns.js';
import { labels, list, quantities, req, str, struct, tuned } from '../schema/dsl.js';
import { kindSchema } from '../schema/meta.js';
import type { Check, Infer } from '../schema/node.js';
import { toleration } from '../core/affinity.js';
import { areLabels, isDnsLabel } from '../validation/checks.js';
import { areOverheads } from '../validation/resources.js';
import { isToleration } from '../validation/scheduling.js';

/** Kubernetes names the list twice in these paths. */
const areTolerations: Check = (value, path, errors) => {
  if (!Array.isArray(value)) return;
  const twice = child(path, 'tolerations');
  value.forEach((item, index) => isToleration(item, at(twice, index), errors));
};

/** Equal tolerations are refused here; in a pod they are not. */
const areDifferent: Check = (value, path, errors) => {
  if (!Array.isArray(value)) return;
  const seen = new Set<string>();
  value.forEach((item, index) => {
    const text = canonicalJson(item);
    if (seen.has(text)) errors.push(duplicate(at(path, index), item));
    seen.add(text);
  });
};

const schema = kindSchema('node/v1.RuntimeClass', 'A way in which containers are run.', {
  handler: req(
    str('Name of the handler on the nodes.', { checks: [isDnsLabel], checksEmpty: true }),
  ),
  overhead: struct('node/v1.Overhead', 'Resources that running a pod takes.', {
    podFixed: tuned(quantities('Resources per pod.'), { checks: [areOverheads] }),
  }),
  scheduling: struct('node/v1.Scheduling', 'Nodes that have the handler.', {
    nodeSelector: tuned(labels('Labels of the nodes.'), { mapType: 'atomic', checks: [areLabels] }),
    tolerations: list('Tolerations that pods get.', tuned(toleration, { checks: [] }), {
      checks: [areTolerations, areDifferent],
    }),
  }),
});

/** RuntimeClass as a type. */
export interface RuntimeClass extends Infer<typeof schema> {}

/** RuntimeClass. */
export const runtimeClassKind = defineKind<RuntimeClass>({
  group: 'node.k8s.io',
  version: 'v1',
  kind: 'RuntimeClass',
  plural: 'runtimeclasses',
  allowUnconditionalUpdate: false,
  namespaced: false,
  schema,
  validateUpdate: (next, old) =>
    next.handler === old.handler
      ? []
      : [invalid('handler', next.handler ?? '', 'field is immutable')],
  columns: [nameColumn, column<RuntimeClass>('Handler', ({ handler }) => handler), ageColumn],
});
