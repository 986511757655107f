import { goStrings } from '../../../api/go-text/syntax.js';
import { goQuote } from '../../../api/go-text/quote.js';
import type { ListRequest, WriteOptions } from '../verbs/index.js';
import { badRequest, failure } from '../status.js';
import type { Exchange } from './exchange.js';
import { header } from './exchange.js';
import type { Format } from './negotiate.js';
import { readFlag } from './request-info.js';

const validations = ['Strict', 'Warn', 'Ignore'] as const;

/** apimachinery's `FieldManagerMaxLength`. */
const maxManagerLength = 128;
/** Server-side apply: has no manager but the one that it names. */
const applyType = 'application/apply-patch+yaml';

function invalidOption(
  kind: string,
  field: string,
  body: string,
  reason = 'FieldValueNotSupported',
): Error {
  const message = `${kind}.meta.k8s.io "" is invalid: ${field}: ${body}`;
  const causes = [{ reason, message: body, field }];
  return failure(422, 'Invalid', message, { group: 'meta.k8s.io', kind, causes });
}

/** The client's program, up to its version: the field manager when none is named. */
function defaultManager(exchange: Exchange): string {
  const [program = ''] = header(exchange, 'user-agent').split('/');
  let manager = '';
  for (const character of program) {
    if (!isPrint(character)) continue;
    if (Buffer.byteLength(manager + character) > maxManagerLength) break;
    manager += character;
  }
  return manager || 'unknown';
}

/** Reads dryRun, fieldManager, fieldValidation and force. @throws StatusError */
export function readWriteOptions(exchange: Exchange, kind: string): WriteOptions {
  const { query } = exchange;
  const dryRun = query.getAll('dryRun').filter((value) => value !== '');
  const strange = dryRun.find((value) => value !== 'All');
  if (strange !== undefined) {
    const body = `Unsupported value: ${goStrings(dryRun)}: supported values: "All"`;
    throw invalidOption(kind, 'dryRun', body);
  }
  const validation = query.get('fieldValidation') ?? '';
  const fieldValidation =
    validation === '' ? 'Warn' : validations.find((value) => value === validation);
  if (fieldValidation === undefined) {
    const body =
      `Unsupported value: ${JSON.stringify(validation)}: ` +
      'supported values: "", "Ignore", "Strict", "Warn"';
    throw invalidOption(kind, 'fieldValidation', body);
  }
  const manager = query.get('fieldManager') ?? '';
  checkManager(kind, manager);
  const force = readFlag(query, 'force');
  const applies = header(exchange, 'content-type').startsWith(applyType);
  if (force !== undefined && kind === 'PatchOptions' && !applies) {
    const body = 'Forbidden: may not be specified for non-apply patch';
    throw invalidOption(kind, 'force', body, 'FieldValueForbidden');
  }
  return {
    dryRun: dryRun.length > 0,
    fieldManager: manager === '' && !applies ? defaultManager(exchange) : manager,
    fieldValidation,
    force: force ?? false,
  };
}

/** @throws StatusError for a field manager that is too long, or that cannot be shown */
function checkManager(kind: string, manager: string): void {
  if (Buffer.byteLength(manager) > maxManagerLength) {
    const body = `Too long: may not be more than ${maxManagerLength} bytes`;
    throw invalidOption(kind, 'fieldManager', body, 'FieldValueTooLong');
  }
  let at = 0;
  for (const character of manager) {
    if (!isPrint(character)) {
      const code = (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
      const value = goQuote(manager);
      const body = `Invalid value: ${value}: invalid character U+${code} (at position ${at})`;
      throw invalidOption(kind, 'fieldManager', body, 'FieldValueInvalid');
    }
    at += Buffer.byteLength(character);
  }
}

/** As Go's `unicode.IsPrint`. */
function isPrint(character: string): boolean {
  return /[\p{L}\p{M}\p{N}\p{P}\p{S} ]/u.test(character);
}

const int64Max = 2n ** 63n - 1n;

/**
 * A whole number of 64 bits; beyond what a number holds exactly, the largest one. Undefined when absent.
 * @throws StatusError BadRequest
 */
export function readNumber(query: URLSearchParams, name: string): number | undefined {
  const value = query.get(name);
  if (value === null || value === '') return undefined;
  if (!/^-?\d+$/.test(value)) {
    const text = JSON.stringify(value);
    throw badRequest(`strconv.ParseInt: parsing ${text}: invalid syntax`);
  }
  const exact = BigInt(value);
  if (exact > int64Max || exact < -int64Max - 1n) {
    throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(value)}: value out of range`);
  }
  return Math.max(-Number.MAX_SAFE_INTEGER, Math.min(Number(exact), Number.MAX_SAFE_INTEGER));
}

/** The list that a query describes. @throws StatusError BadRequest */
export function readListRequest(query: URLSearchParams): ListRequest {
  readNumber(query, 'timeoutSeconds');
  return {
    labelSelector: query.get('labelSelector') ?? '',
    resourceVersion: query.get('resourceVersion') ?? '',
    resourceVersionMatch: query.get('resourceVersionMatch') ?? '',
    sendInitialEvents: readFlag(query, 'sendInitialEvents'),
    limit: Math.max(0, readNumber(query, 'limit') ?? 0),
    continue: query.get('continue') ?? '',
  };
}

const includable = ['Metadata', 'Object', 'None'];

/** How much of each object a table shows. @throws StatusError BadRequest */
export function readIncludeObject(query: URLSearchParams, format: Format): string {
  const wanted = query.get('includeObject') ?? '';
  if (wanted === '') return 'Metadata';
  if (format.as !== 'Table' || includable.includes(wanted)) return wanted;
  throw badRequest(
    `Unable to convert to Table as requested: includeObject: Invalid value: ${JSON.stringify(wanted)}: ` +
      "must be 'Metadata', 'Object', 'None', or empty",
  );
}
