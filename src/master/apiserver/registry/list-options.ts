/**
 * Options of lists and watches: what is refused about them, by the rules and with the texts of apimachinery's
 * `ValidateListOptions` and of apiserver's storage. Pure.
 */
import type { FieldError } from '../../../api/field-error.js';
import { forbidden, notSupported } from '../../../api/field-error.js';
import { badRequest, invalidObject } from '../status.js';

/** The options that both have. */
interface CommonOptions {
  readonly resourceVersion: string;
  /** `Exact`, `NotOlderThan` or empty. */
  readonly resourceVersionMatch: string;
  readonly sendInitialEvents?: boolean | undefined;
  /** The token of a next page; empty for the first one. */
  readonly continue: string;
}

const matchField = 'resourceVersionMatch';

/** @throws StatusError Invalid, BadRequest */
export function checkListOptions(options: CommonOptions): void {
  refuse(listErrors(options));
  // A token is read where it is used; a version beside it that is not one is told before.
  if (options.continue === '') parseVersion(options.resourceVersion);
}

/** @throws StatusError Invalid, BadRequest */
export function checkWatchOptions(options: CommonOptions): void {
  refuse(watchErrors(options));
  const wrong = versionFault(options.resourceVersion);
  if (wrong !== undefined) throw badRequest(wrong);
}

function refuse(errors: readonly FieldError[]): void {
  if (errors.length === 0) return;
  throw invalidObject({ group: 'meta.k8s.io', kind: 'ListOptions', name: '' }, errors);
}

function listErrors(options: CommonOptions): FieldError[] {
  const { resourceVersion, resourceVersionMatch: match, sendInitialEvents } = options;
  const errors: FieldError[] = [];
  const forbid = (text: string): unknown => errors.push(forbidden(matchField, text));
  if (match !== '') {
    if (resourceVersion === '') {
      forbid('resourceVersionMatch is forbidden unless resourceVersion is provided');
    }
    if (options.continue !== '') {
      forbid('resourceVersionMatch is forbidden when continue is provided');
    }
    if (match !== 'Exact' && match !== 'NotOlderThan') {
      errors.push(notSupported(matchField, match, ['Exact', 'NotOlderThan', '']));
    }
    if (match === 'Exact' && resourceVersion === '0') {
      forbid('resourceVersionMatch "exact" is forbidden for resourceVersion "0"');
    }
  }
  if (sendInitialEvents !== undefined) {
    errors.push(forbidden('sendInitialEvents', 'sendInitialEvents is forbidden for list'));
  }
  return errors;
}

function watchErrors(options: CommonOptions): FieldError[] {
  const { resourceVersionMatch: match, sendInitialEvents } = options;
  const errors: FieldError[] = [];
  const forbid = (text: string): unknown => errors.push(forbidden(matchField, text));
  if (sendInitialEvents !== undefined && match !== 'NotOlderThan') {
    forbid('sendInitialEvents requires setting resourceVersionMatch to NotOlderThan');
  }
  if (match === '') return errors;
  if (sendInitialEvents === undefined) {
    forbid('resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided');
  }
  if (match !== 'NotOlderThan') errors.push(notSupported(matchField, match, ['NotOlderThan']));
  if (options.continue !== '') {
    forbid('resourceVersionMatch is forbidden when continue is provided');
  }
  return errors;
}

const uint64Max = 2n ** 64n - 1n;

/** Says in Go's words why a text is no revision; undefined for one that is, and for none. */
function versionFault(text: string): string | undefined {
  if (text === '') return undefined;
  const isNumber = /^\d+$/.test(text);
  if (isNumber && BigInt(text.slice(0, 40)) <= uint64Max && text.length <= 40) return undefined;
  const shown = JSON.stringify(text);
  const fault = isNumber ? 'value out of range' : 'invalid syntax';
  return `resourceVersion: Invalid value: ${shown}: strconv.ParseUint: parsing ${shown}: ${fault}`;
}

/** Reads the revision that a get or a list asks for; 0 where it names none. @throws StatusError BadRequest */
export function parseVersion(text: string): number {
  const wrong = versionFault(text);
  if (wrong !== undefined) throw badRequest(`invalid resource version: ${wrong}`);
  return text === '' ? 0 : Math.min(Number(text), Number.MAX_SAFE_INTEGER);
}
