import type { WriteOptions } from '../registry/types.js';
import { badRequest, failure } from '../status.js';
import type { Exchange } from './exchange.js';
import { header } from './exchange.js';

const validations = ['Strict', 'Warn', 'Ignore'] as const;

function invalidOption(kind: string, field: string, body: string): Error {
  const message = `${kind}.meta.k8s.io "" is invalid: ${field}: ${body}`;
  const causes = [{ reason: 'FieldValueNotSupported', message: body, field }];
  return failure(422, 'Invalid', message, { group: 'meta.k8s.io', kind, causes });
}

/** The client's program, up to its version: the field manager when none is named. */
function defaultManager(exchange: Exchange): string {
  const [program = ''] = header(exchange, 'user-agent').split('/');
  return program.slice(0, 128) || 'unknown';
}

/** Reads dryRun, fieldManager, fieldValidation and force. @throws StatusError */
export function readWriteOptions(exchange: Exchange, kind: string): WriteOptions {
  const { query } = exchange;
  const dryRun = query.getAll('dryRun').filter((value) => value !== '');
  const strange = dryRun.find((value) => value !== 'All');
  if (strange !== undefined) {
    const body = `Unsupported value: ${JSON.stringify(strange)}: supported values: "All"`;
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
  return {
    dryRun: dryRun.length > 0,
    fieldManager: manager === '' ? defaultManager(exchange) : manager,
    fieldValidation,
    force: readFlag(query, 'force') ?? false,
  };
}

/** A boolean query parameter; undefined when it is absent. */
export function readFlag(query: URLSearchParams, name: string): boolean | undefined {
  const value = query.get(name);
  if (value === null) return undefined;
  return value !== 'false' && value !== '0';
}

/** A whole number; undefined when absent. @throws StatusError BadRequest */
export function readNumber(query: URLSearchParams, name: string): number | undefined {
  const value = query.get(name);
  if (value === null || value === '') return undefined;
  if (!/^-?\d+$/.test(value)) {
    const text = JSON.stringify(value);
    throw badRequest(`strconv.ParseInt: parsing ${text}: invalid syntax`);
  }
  return Number(value);
}
