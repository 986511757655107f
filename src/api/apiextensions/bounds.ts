/** The numbers of a JSON schema as validation compares with them. Pure. */
import { isJsonObject } from '../object.js';
import type { JsonSchema } from './structural.js';

const keywords =
  'maximum minimum multipleOf maxLength minLength maxItems minItems maxProperties minProperties'.split(
    ' ',
  );
/** Keywords whose values are schemas, lists of schemas or schemas by name. */
const nested = ['items', 'additionalProperties', 'not', 'allOf', 'anyOf', 'oneOf', 'properties'];

/** A schema whose bounds are doubles, as in Go; bounds beyond 2^53 lose what a double loses. */
export function withDoubleBounds(schema: JsonSchema): JsonSchema {
  const out: Record<string, unknown> = { ...schema };
  for (const name of keywords) {
    if (typeof out[name] === 'bigint') out[name] = Number(out[name]);
  }
  for (const name of nested) {
    const value = out[name];
    if (Array.isArray(value)) out[name] = value.map(below);
    else if (isJsonObject(value)) out[name] = name === 'properties' ? byName(value) : below(value);
  }
  return out;
}

function below(value: unknown): unknown {
  return isJsonObject(value) ? withDoubleBounds(value) : value;
}

function byName(schemas: JsonSchema): JsonSchema {
  return Object.fromEntries(Object.entries(schemas).map(([name, item]) => [name, below(item)]));
}
