/** PodDisruptionBudget and Eviction. */
import { defineKind, defineVirtual } from '../define.js';
import { invalid } from '../field-error.js';
import { ageColumn, column, nameColumn } from '../print/columns.js';
import {
  always,
  dict,
  doc,
  int32,
  intOrString,
  num64,
  req,
  strPtr,
  struct,
  time,
  written,
} from '../schema/dsl.js';
import { condition, conditions, deleteOptions, kindSchema, labelSelector } from '../schema/meta.js';
import type { Infer } from '../schema/node.js';
import { isCountOrPercent, isNotMoreThan100Percent, oneOf } from '../validation/checks.js';
import { conditionErrors } from '../validation/status-conditions.js';
import { negativeCounts } from '../validation/status-counts.js';

const policy = { group: 'policy', version: 'v1' } as const;
const partOf = { checks: [isCountOrPercent, isNotMoreThan100Percent] };

const budgetSchema = kindSchema('policy/v1.PodDisruptionBudget', 'How many pods may be missing.', {
  spec: always(
    struct('policy/v1.PodDisruptionBudgetSpec', 'The budget.', {
      maxUnavailable: intOrString('Pods that may be missing.', partOf),
      minAvailable: intOrString('Pods that must stay.', partOf),
      selector: {
        ...doc('Selects the pods.', labelSelector),
        patchStrategy: 'replace',
      },
      unhealthyPodEvictionPolicy: strPtr('IfHealthyBudget or AlwaysAllow.', {
        checks: [oneOf(['AlwaysAllow', 'IfHealthyBudget'])],
      }),
    }),
  ),
  status: written(
    struct('policy/v1.PodDisruptionBudgetStatus', 'What is known.', {
      conditions: conditions(condition),
      currentHealthy: req(int32('Healthy pods.', { default: 0 })),
      desiredHealthy: req(int32('Pods that must be healthy.', { default: 0 })),
      disruptedPods: dict('Pods whose eviction is under way.', time('')),
      disruptionsAllowed: req(int32('Pods that may be evicted now.', { default: 0 })),
      expectedPods: req(int32('Pods that are counted.', { default: 0 })),
      observedGeneration: num64('Generation that the controller has seen.'),
    }),
  ),
});

/** PodDisruptionBudget as a type. */
export interface PodDisruptionBudget extends Infer<typeof budgetSchema> {}

/** PodDisruptionBudget. */
export const podDisruptionBudgetKind = defineKind<PodDisruptionBudget>({
  ...policy,
  kind: 'PodDisruptionBudget',
  validateStatus: ({ status }) => [
    ...conditionErrors(status?.conditions),
    ...negativeCounts(status, [
      'disruptionsAllowed',
      'currentHealthy',
      'desiredHealthy',
      'expectedPods',
    ]),
  ],
  plural: 'poddisruptionbudgets',
  allowUnconditionalUpdate: false,
  shortNames: ['pdb'],
  nameRule: 'path-segment',
  schema: budgetSchema,
  hasGeneration: true,
  validate: ({ spec }) => {
    if (spec.minAvailable === undefined || spec.maxUnavailable === undefined) return [];
    const text = 'minAvailable and maxUnavailable cannot be both set';
    return [invalid('spec', spec, text)];
  },
  columns: [
    nameColumn,
    column<PodDisruptionBudget>('Min Available', ({ spec }) => String(spec.minAvailable ?? 'N/A')),
    column<PodDisruptionBudget>('Max Unavailable', ({ spec }) =>
      String(spec.maxUnavailable ?? 'N/A'),
    ),
    column<PodDisruptionBudget>(
      'Allowed Disruptions',
      ({ status }) => status?.disruptionsAllowed ?? 0,
      {
        type: 'integer',
      },
    ),
    ageColumn,
  ],
});

const evictionSchema = kindSchema('policy/v1.Eviction', 'Asks for a pod to be evicted.', {
  deleteOptions: doc('Options of the deletion.', deleteOptions),
});

/** Eviction, the body of `pods/eviction`; not a resource of its own. */
export const evictionKind = defineVirtual({
  ...policy,
  kind: 'Eviction',
  plural: 'evictions',
  verbs: [],
  schema: evictionSchema,
});
