/** PriorityClass. */
import { defineKind } from '../define.js';
import { forbidden, invalid, notSupported, required } from '../field-error.js';
import type { FieldError } from '../field-error.js';
import { ageColumn, column, nameColumn } from '../print/columns.js';
import { flag, int32, req, str, strPtr } from '../schema/dsl.js';
import { kindSchema } from '../schema/meta.js';
import type { Infer } from '../schema/node.js';

const schema = kindSchema('scheduling/v1.PriorityClass', 'Gives a name to a priority.', {
  description: str('When to use it.'),
  globalDefault: flag('Used for pods without a class.'),
  preemptionPolicy: strPtr('Never or PreemptLowerPriority.', {
    default: 'PreemptLowerPriority',
  }),
  value: req(int32('The priority.')),
});

/** PriorityClass as a type. */
export interface PriorityClass extends Infer<typeof schema> {}

const highestUserPriority = 1_000_000_000;

function validate(object: PriorityClass): FieldError[] {
  return checkNameAndValue(object);
}

function checkNameAndValue(object: PriorityClass): FieldError[] {
  const name = object.metadata.name ?? '';
  if (name.startsWith('system-')) {
    if (name === 'system-cluster-critical' || name === 'system-node-critical') return [];
    const text = "priority class names with 'system-' prefix are reserved for system use only";
    return [forbidden('metadata.name', text)];
  }
  if ((object.value ?? 0) <= highestUserPriority) return [];
  const text = `maximum allowed value of a user defined priority is ${highestUserPriority}`;
  return [forbidden('value', text)];
}

const policies = ['PreemptLowerPriority', 'Never'];

function checkPolicy(policy = ''): FieldError[] {
  if (policy === '') return [required('preemptionPolicy')];
  return policies.includes(policy) ? [] : [notSupported('preemptionPolicy', policy, policies)];
}

/** PriorityClass. */
export const priorityClassKind = defineKind<PriorityClass>({
  group: 'scheduling.k8s.io',
  version: 'v1',
  kind: 'PriorityClass',
  plural: 'priorityclasses',
  shortNames: ['pc'],
  namespaced: false,
  schema,
  setDefaults: (object) => {
    object.value ??= 0;
  },
  // A new class has a generation, which no change counts up.
  prepareCreate: ({ metadata }) => {
    metadata.generation = 1;
  },
  validate,
  validateCreate: (object) => checkPolicy((object as PriorityClass).preemptionPolicy),
  validateUpdate: (next, old) => {
    const errors: FieldError[] = [];
    if (next.value !== old.value)
      errors.push(forbidden('value', 'may not be changed in an update.'));
    if (next.preemptionPolicy !== old.preemptionPolicy) {
      errors.push(invalid('preemptionPolicy', next.preemptionPolicy, 'field is immutable'));
    }
    return errors;
  },
  columns: [
    nameColumn,
    column<PriorityClass>('Value', (object) => object.value, { type: 'integer' }),
    column<PriorityClass>('Global-Default', (object) => object.globalDefault ?? false, {
      type: 'boolean',
    }),
    ageColumn,
    column<PriorityClass>('PreemptionPolicy', (object) => object.preemptionPolicy ?? ''),
  ],
});
