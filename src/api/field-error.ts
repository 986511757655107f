/**
 * Field errors in Kubernetes' form (apimachinery `util/validation/field`): each has a path, a type,
 * and a message; together they become the causes of a `Status` with reason `Invalid`.
 */
import { formatJson } from '../lib/json.js';
import { goQuote } from './go-text/quote.js';
import { GoSyntax } from './go-text/syntax.js';
import type { Status, StatusCause } from './object.js';
import { qualifiedName } from './object.js';

/** A path to a field, already written out: `spec.containers[0].name`. */
export type FieldPath = string;

/** The reasons as they stand in `details.causes[].reason`. */
export type FieldErrorType =
  | 'FieldValueRequired'
  | 'FieldValueInvalid'
  | 'FieldValueNotSupported'
  | 'FieldValueForbidden'
  | 'FieldValueDuplicate'
  | 'FieldValueNotFound'
  | 'FieldValueTooLong'
  | 'FieldValueTooMany'
  | 'FieldValueTypeInvalid'
  | 'InternalError';

/** One thing that is wrong with one field. */
export interface FieldError {
  readonly type: FieldErrorType;
  readonly field: FieldPath;
  /** The whole text after `field: `. */
  readonly body: string;
}

/** Appends a field name to a path. */
export function child(path: FieldPath, name: string): FieldPath {
  return path === '' ? name : `${path}.${name}`;
}

/** Appends a list index or a map key to a path. */
export function at(path: FieldPath, key: string | number): FieldPath {
  return `${path}[${key}]`;
}

function withDetail(head: string, detail: string): string {
  return detail === '' ? head : `${head}: ${detail}`;
}

/**
 * Longest value in an error's text, in characters: a large one that breaks a hundred rules is not copied whole each
 * time.
 */
const maxShownLength = 16 * 1024;
/** Most values inside of one that is shown. */
const maxShownValues = 2_000;
/** Most errors in one status. */
const maxShownErrors = 1_000;

function show(value: unknown): string {
  if (typeof value === 'string') return goQuote(value.slice(0, maxShownLength));
  // Kubernetes prints the word for nothing as it prints other words.
  if (value === undefined || value === null) return '"null"';
  if (value instanceof GoSyntax) return value.text.slice(0, maxShownLength);
  return formatJson(shownPart(value, { values: maxShownValues })).slice(0, maxShownLength);
}

/**
 * A copy of a value, as far as it is shown. Go prints a map of strings in the order of its keys; structs keep their
 * fields' order.
 */
function shownPart(value: unknown, left: { values: number }): unknown {
  left.values -= 1;
  if (left.values < 0) return undefined;
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) {
    return value.slice(0, left.values).map((item) => shownPart(item, left));
  }
  const entries = Object.entries(value);
  if (entries.every(([, item]) => typeof item === 'string')) {
    entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  }
  return Object.fromEntries(entries.map(([name, item]) => [name, shownPart(item, left)]));
}

/** A missing value. */
export function required(field: FieldPath, detail = ''): FieldError {
  return { type: 'FieldValueRequired', field, body: withDetail('Required value', detail) };
}

/** A value that breaks a rule. */
export function invalid(field: FieldPath, value: unknown, detail: string): FieldError {
  const body = withDetail(`Invalid value: ${show(value)}`, detail);
  return { type: 'FieldValueInvalid', field, body };
}

/** A value of the wrong JSON type. */
export function typeInvalid(field: FieldPath, value: unknown, detail: string): FieldError {
  const body = withDetail(`Invalid value: ${show(value)}`, detail);
  return { type: 'FieldValueTypeInvalid', field, body };
}

/** A value outside an enumeration; `supported` is printed in the given order. */
export function notSupported(
  field: FieldPath,
  value: unknown,
  supported: readonly string[],
): FieldError {
  const list = supported.map(goQuote).join(', ');
  const detail = supported.length === 0 ? '' : `supported values: ${list}`;
  const body = withDetail(`Unsupported value: ${show(value)}`, detail);
  return { type: 'FieldValueNotSupported', field, body };
}

/** A value that may not stand here. */
export function forbidden(field: FieldPath, detail: string): FieldError {
  return { type: 'FieldValueForbidden', field, body: withDetail('Forbidden', detail) };
}

/** A value that must be unique and is not. */
export function duplicate(field: FieldPath, value: unknown, detail = ''): FieldError {
  const body = withDetail(`Duplicate value: ${show(value)}`, detail);
  return { type: 'FieldValueDuplicate', field, body };
}

/** A reference to something that is not there. */
export function notFound(field: FieldPath, value: unknown): FieldError {
  return { type: 'FieldValueNotFound', field, body: `Not found: ${show(value)}` };
}

/** A value above its greatest size in bytes. */
export function tooLong(field: FieldPath, maxBytes: number): FieldError {
  const text = maxBytes < 0 ? 'value is too long' : `may not be more than ${maxBytes} bytes`;
  const body = `Too long: ${text}`;
  return { type: 'FieldValueTooLong', field, body };
}

/** A list with more items than allowed. */
export function tooMany(field: FieldPath, actual: number, max: number): FieldError {
  const body = `Too many: ${actual}: must have at most ${max} items`;
  return { type: 'FieldValueTooMany', field, body };
}

/** `field: body`, the text of one error. */
export function formatFieldError(error: FieldError): string {
  return `${error.field}: ${error.body}`;
}

/** One error as it is, several as `[a, b]`; equal texts stand once. */
export function aggregate(messages: readonly string[]): string {
  const unique = [...new Set(messages)];
  return unique.length === 1 ? (unique[0] ?? '') : `[${unique.join(', ')}]`;
}

/**
 * The `Invalid` status (HTTP 422) of an object that failed validation.
 * @param target names the kind; `name` is the object's, `''` when it has none yet.
 */
export function invalidStatus(
  target: { group: string; kind: string; name: string },
  all: readonly FieldError[],
): Status {
  const errors = all.slice(0, maxShownErrors);
  const causes = errors.map((e): StatusCause => ({
    reason: e.type,
    message: e.body,
    field: e.field,
  }));
  const subject = `${qualifiedName(target.group, target.kind)} ${goQuote(target.name)}`;
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: `${subject} is invalid: ${aggregate(errors.map(formatFieldError))}`,
    reason: 'Invalid',
    details: {
      ...(target.name === '' ? {} : { name: target.name }),
      ...(target.group === '' ? {} : { group: target.group }),
      ...(target.kind === '' ? {} : { kind: target.kind }),
      causes,
    },
    code: 422,
  };
}
