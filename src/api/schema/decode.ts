/**
 * Typed decoding: from any JSON value to an object of the schema's type, as Go's decoder and the next
 * encoding would leave it. Unknown fields are dropped and named, wrong types are errors with Go's
 * texts, nulls and zero values of plain fields are dropped, quantities and times become canonical.
 */
import { quantityError, storedQuantity, storedResource } from '../quantity.js';
import { isJsonObject } from '../object.js';
import { goQuote, timeQuote } from '../go-text/quote.js';
import { microTimeText, timeText } from './time.js';
import type { SchemaNode } from './node.js';
import { resolved } from './node.js';
import { goNameOf } from './go-names.js';
import { maxInt64, minInt64 } from '../../lib/json.js';

/** A value that cannot be read as the schema's type. Definite, not retryable; HTTP 400. */
export class DecodeError extends Error {
  readonly code = 'DECODE_FAILED';
}

/** Most unknown or duplicate fields that are named, as in Kubernetes' own decoder. */
export const maxProblems = 100;

/** The place of a value, for messages. */
interface Place {
  /** With list indexes: `spec.containers[0].name`. */
  readonly path: string;
  /** Without: `spec.containers.name`. */
  readonly goPath: string;
  /** Name of the Go struct that holds the field. */
  readonly owner: string;
  /** The struct's definition and its field, by which Go's name for the field's type is found. */
  readonly definition?: string | undefined;
  readonly field?: string;
}

/** Collects the names of unknown fields, as `unknown field "spec.foo"`. */
type Problems = string[];

function goName(definition: string | undefined): string {
  return definition?.slice(definition.lastIndexOf('.') + 1) ?? '';
}

function goType(node: SchemaNode, named?: string): string {
  switch (node.type) {
    case 'array':
      return node.items === undefined
        ? '[]interface {}'
        : `[]${goType(resolved(node.items), named)}`;
    case 'map':
      if (node.items?.format === 'quantity') return 'v1.ResourceList';
      return `map[string]${node.items === undefined ? 'string' : goType(resolved(node.items))}`;
    case 'object': {
      const parts = (node.definition ?? '').split('.');
      return parts.slice(-2).join('.');
    }
    case 'boolean':
      return 'bool';
    case 'integer':
      return node.format ?? 'int64';
    case 'number':
      return 'float64';
    case 'string':
      return node.format === 'byte' ? '[]uint8' : (named ?? 'string');
    default:
      return 'interface {}';
  }
}

/** The type of a JSON value in the words of Go's decoder. */
export function jsonType(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'boolean') return 'bool';
  return typeof value === 'bigint' ? 'number' : typeof value;
}

/** The digits of a number; of one beyond int64 those that are left of it. */
function numberText(value: unknown): string {
  const isWhole = typeof value === 'number' && Number.isInteger(value);
  return String(isWhole && Math.abs(value) < 1e21 ? BigInt(value) : value);
}

function mismatch(value: unknown, node: SchemaNode, place: Place): DecodeError {
  const shown =
    jsonType(value) === 'number' && node.type === 'integer'
      ? `number ${numberText(value)}`
      : jsonType(value);
  const type = goType(node, goNameOf(place.definition, place.field ?? ''));
  if (place.goPath === '') {
    return new DecodeError(`json: cannot unmarshal ${shown} into Go value of type ${type}`);
  }
  const field = `${place.owner}.${place.goPath}`;
  return new DecodeError(
    `json: cannot unmarshal ${shown} into Go struct field ${field} of type ${type}`,
  );
}

/** Every int64 beyond the safe integers is a bigint already: a number there has lost what would make it one. */
function fits({ format }: SchemaNode, value: number | bigint): boolean {
  if (format === 'int32') return value <= 2147483647 && value >= -2147483648;
  return value <= maxInt64 && value >= minInt64;
}

function addUnknown(problems: Problems, path: string): void {
  if (problems.length < maxProblems) problems.push(`unknown field ${goQuote(path)}`);
}

function decodeScalar(
  node: SchemaNode,
  value: unknown,
  place: Place,
  problems: Problems = [],
): unknown {
  switch (node.type) {
    case 'string':
      return decodeString(node, value, place);
    case 'integer': {
      const isWhole = typeof value === 'bigint' || Number.isInteger(value);
      if (!isWhole || !fits(node, value as number | bigint)) throw mismatch(value, node, place);
      return value;
    }
    case 'number':
      if (typeof value === 'bigint') return Number(value);
      if (typeof value !== 'number') throw mismatch(value, node, place);
      return value;
    case 'boolean':
      if (typeof value !== 'boolean') throw mismatch(value, node, place);
      return value;
    case 'int-or-string':
      if (typeof value === 'string') return value;
      return decodeScalar({ type: 'integer', format: 'int32' }, value, place);
    default:
      return node.read === undefined
        ? value
        : node.read(value, place.path, (path) => {
            addUnknown(problems, path);
          });
  }
}

/** Why a text is no quantity, in Kubernetes' words. */
function quantityProblem(text: string): string {
  if (text === '') return quantityError;
  return /^[+-]?[0-9.]+[eEinumkKMGTP]*[-+]?[0-9]*$/.test(text)
    ? "unable to parse quantity's suffix"
    : quantityError;
}

/** True for what may be a quantity: a text or a number. */
function isAmount(value: unknown): value is string | number | bigint {
  return typeof value === 'string' || jsonType(value) === 'number';
}

function quantityText(
  value: string | number | bigint,
  read: (text: string) => string | undefined,
): string {
  const text = read(String(value).trim());
  if (text === undefined) throw new DecodeError(quantityProblem(String(value)));
  return text;
}

function decodeString(node: SchemaNode, value: unknown, place: Place): string {
  if (node.format === 'quantity') {
    if (!isAmount(value)) throw new DecodeError(quantityError);
    return quantityText(value, storedQuantity);
  }
  if (node.format === 'byte' && Array.isArray(value)) return bytesOf(value, node, place);
  if (typeof value !== 'string') throw mismatch(value, node, place);
  switch (node.format) {
    case 'date-time':
    case 'micro-time': {
      const text = node.format === 'date-time' ? timeText(value) : microTimeText(value);
      if (text !== undefined) return text;
      const layout =
        node.format === 'date-time'
          ? '2006-01-02T15:04:05Z07:00'
          : '2006-01-02T15:04:05.000000Z07:00';
      throw new DecodeError(
        `parsing time ${timeQuote(value)} as "${layout}": cannot parse ${timeQuote(value)} as "2006"`,
      );
    }
    case 'byte': {
      const bad = value.replace(/[\r\n]/g, '').search(/[^A-Za-z0-9+/=]/);
      if (bad >= 0 || value.replace(/[\r\n]/g, '').length % 4 !== 0) {
        const position = bad >= 0 ? bad : value.length - (value.length % 4);
        throw new DecodeError(`illegal base64 data at input byte ${position}`);
      }
      return value;
    }
    default:
      return value;
  }
}

/** Go reads a list of numbers as bytes too. */
function bytesOf(value: readonly unknown[], node: SchemaNode, place: Place): string {
  const bytes = value.map((item) => {
    const number = item ?? 0;
    if (typeof number === 'number' && Number.isInteger(number) && number >= 0 && number < 256)
      return number;
    throw mismatch(number, { ...node, type: 'integer', format: 'uint8' }, place);
  });
  return Buffer.from(bytes).toString('base64');
}

function isZero(node: SchemaNode, value: unknown): boolean {
  if (node.pointer === true) return false;
  if (value === '' || value === 0 || value === false) return true;
  if (node.type === 'array') return Array.isArray(value) && value.length === 0;
  return node.type === 'map' && isJsonObject(value) && Object.keys(value).length === 0;
}

function decodeStruct(
  node: SchemaNode,
  value: Record<string, unknown>,
  place: Place,
  problems: Problems,
): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  const properties = node.properties ?? {};
  const owner = goName(node.definition);
  for (const name of Object.keys(value)) {
    const field = Object.hasOwn(properties, name) ? properties[name] : undefined;
    const path = place.path === '' ? name : `${place.path}.${name}`;
    if (field === undefined) {
      if (node.preserveUnknown === true) out[name] = value[name];
      else addUnknown(problems, path);
      continue;
    }
    const raw = value[name];
    if (raw === null || raw === undefined) continue;
    const goPath = place.goPath === '' ? name : `${place.goPath}.${name}`;
    const { definition } = node;
    const inner = { path, goPath, owner, definition, field: name };
    const decoded = decodeNode(resolved(field), raw, inner, problems);
    if (isZero(field, decoded) && node.required?.includes(name) !== true) continue;
    out[name] = decoded;
  }
  return out;
}

function decodeNode(node: SchemaNode, value: unknown, place: Place, problems: Problems): unknown {
  switch (node.type) {
    case 'object':
      if (!isJsonObject(value)) throw mismatch(value, node, place);
      return decodeStruct(node, value, place, problems);
    case 'map': {
      if (!isJsonObject(value)) throw mismatch(value, node, place);
      const items = node.items === undefined ? undefined : resolved(node.items);
      const out: Record<string, unknown> = {};
      for (const key of Object.keys(value)) {
        const here = { ...place, path: `${place.path}.${key}` };
        const raw = value[key] ?? (items?.type === 'string' ? zeroOf(items) : undefined);
        if (raw === undefined) continue;
        const decoded =
          items?.format === 'quantity' && isAmount(raw)
            ? quantityText(raw, storedResource)
            : items === undefined
              ? raw
              : decodeNode(items, raw, here, problems);
        if (key === '__proto__') continue;
        out[key] = decoded;
      }
      return out;
    }
    case 'array': {
      if (!Array.isArray(value)) throw mismatch(value, node, place);
      const items = node.items === undefined ? undefined : resolved(node.items);
      if (items === undefined) return value;
      return value.map((item: unknown, index) => {
        const here = { ...place, path: `${place.path}[${index}]` };
        return decodeNode(items, item ?? zeroOf(items), here, problems);
      });
    }
    default:
      return decodeScalar(node, value, place, problems);
  }
}

/** Returns the value that Go makes of a null in a list or map. */
function zeroOf(node: SchemaNode): unknown {
  switch (node.type) {
    case 'object':
    case 'map':
      return {};
    case 'array':
      return [];
    case 'integer':
    case 'number':
      return 0;
    case 'boolean':
      return false;
    case 'string':
      return node.format === 'quantity' ? '0' : '';
    default:
      return null;
  }
}

/**
 * Decodes a value by a schema into a new value; the input is left as it is.
 * @returns the value and the texts of strict problems (unknown fields) in the order of the input.
 * @throws DecodeError when a value has the wrong type.
 */
export function decodeValue(
  node: SchemaNode,
  value: unknown,
): { value: unknown; problems: readonly string[] } {
  const problems: Problems = [];
  const root = resolved(node);
  const place = { path: '', goPath: '', owner: goName(root.definition) };
  return { value: decodeNode(root, value, place, problems), problems };
}
