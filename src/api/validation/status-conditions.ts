/** Rules for the conditions in a status: those of `meta/v1 Condition`, and that no type is there twice. */
import { at, child, duplicate, invalid, notSupported, required, tooLong } from '../field-error.js';
import type { FieldError, FieldPath } from '../field-error.js';
import { qualifiedNameErrors } from './names.js';

/** A condition as it is read: nothing of it need be there. */
interface GivenCondition {
  readonly type?: string | undefined;
  readonly status?: string | undefined;
  readonly reason?: string | undefined;
  readonly message?: string | undefined;
  readonly lastTransitionTime?: string | null | undefined;
  readonly observedGeneration?: number | bigint | undefined;
}

const path = 'status.conditions';
const statuses = ['False', 'True', 'Unknown'];
const reasonPattern = /^[A-Za-z](?:[A-Za-z0-9_,:]*[A-Za-z0-9_])?$/;
const reasonText =
  'a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric ' +
  "characters or '_,:', and must end with an alphanumeric character or '_' (e.g. 'my_name',  or 'MY_NAME',  or " +
  "'MyName',  or 'ReasonA,ReasonB',  or 'ReasonA:ReasonB', regex used for validation is " +
  "'[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?')";
const maxReasonLength = 1024;
const maxMessageLength = 32 * 1024;

/** Errors of types that were there before in the list. */
export function repeatedTypes(conditions: readonly GivenCondition[]): FieldError[] {
  const seen = new Set<string>();
  return conditions.flatMap(({ type = '' }, index) => {
    if (seen.has(type)) return [duplicate(child(at(path, index), 'type'), type)];
    seen.add(type);
    return [];
  });
}

/** Errors of conditions of `meta/v1`. */
export function conditionErrors(conditions: readonly GivenCondition[] = []): FieldError[] {
  const errors = repeatedTypes(conditions);
  conditions.forEach((condition, index) => checkCondition(condition, at(path, index), errors));
  return errors;
}

function checkCondition(condition: GivenCondition, here: FieldPath, errors: FieldError[]): void {
  const { type = '', status = '', reason = '', message = '' } = condition;
  for (const text of qualifiedNameErrors(type))
    errors.push(invalid(child(here, 'type'), type, text));
  if (!statuses.includes(status))
    errors.push(notSupported(child(here, 'status'), status, statuses));
  const { observedGeneration: generation = 0, lastTransitionTime } = condition;
  if (generation < 0) {
    const text = 'must be greater than or equal to zero';
    errors.push(invalid(child(here, 'observedGeneration'), generation, text));
  }
  if ((lastTransitionTime ?? '') === '') {
    errors.push(required(child(here, 'lastTransitionTime'), 'must be set'));
  }
  const field = child(here, 'reason');
  if (reason === '') errors.push(required(field, 'must be set'));
  else if (!reasonPattern.test(reason)) errors.push(invalid(field, reason, reasonText));
  if (Buffer.byteLength(reason) > maxReasonLength) errors.push(tooLong(field, maxReasonLength));
  if (Buffer.byteLength(message) > maxMessageLength) {
    errors.push(tooLong(child(here, 'message'), maxMessageLength));
  }
}

/** Errors of conditions of which only the types are checked. */
export function conditionTypeErrors(conditions: readonly GivenCondition[] = []): FieldError[] {
  const missing = conditions.flatMap(({ type = '' }, index) =>
    type === '' ? [required(child(at(path, index), 'type'), 'must not be empty')] : [],
  );
  return [...repeatedTypes(conditions), ...missing];
}
