/** Paths to fields, in rules and of selectable fields: `.spec.a`, `.spec['a.b']` (apiextensions `ValidFieldPath`). */
import { at, child } from '../field-error.js';
import type { FieldPath } from '../field-error.js';
import { isJsonObject } from '../object.js';
import type { JsonSchema } from './structural.js';

const token = /'(?:[^'\\]|\\.)*'|[.[\]]|[^.[\]']+/gy;
const escapes: Readonly<Record<string, string>> = {
  a: '\u0007',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  "'": "'",
  '\\': '\\',
};

/** Where a path has got to. */
export interface FoundField {
  /** As errors write it. */
  readonly path: FieldPath;
  readonly schema: JsonSchema;
}

type Step = FoundField;

/** Returns a path as errors write it. @returns an Error when it leads nowhere in the schema */
export function fieldPathOf(given: string, schema: JsonSchema): FieldPath | Error {
  const found = findField(given, schema, { brackets: true });
  return found instanceof Error ? found : found.path;
}

/** Follows a path. @returns an Error when it leads nowhere in the schema, or has brackets that it may not have */
export function findField(
  given: string,
  schema: JsonSchema,
  allowed: { readonly brackets: boolean },
): FoundField | Error {
  const tokens = given.match(token) ?? [];
  let step: Step = { path: '', schema };
  let index = 0;
  while (index < tokens.length) {
    const sign = tokens[index];
    const name = tokens[index + 1];
    if (sign !== '.' && sign !== '[') return new Error(`expected [ or . but got: ${sign ?? ''}`);
    if (sign === '[' && !allowed.brackets) return new Error('array notation is not allowed');
    if (name === undefined) return new Error('unexpected end of JSON path');
    const key = sign === '.' ? name : unquoted(name);
    if (key instanceof Error) return key;
    const next = descend(step, key);
    if (next instanceof Error) return next;
    step = next;
    index += 2;
    if (sign === '.') continue;
    const close = tokens[index];
    if (close === undefined) return new Error('unexpected end of JSON path');
    if (close !== ']') return new Error(`expected ] but got ${close}`);
    index += 1;
  }
  return step;
}

function unquoted(text: string): string | Error {
  if (text.length < 2 || !text.startsWith("'") || !text.endsWith("'")) {
    return new Error(`expected single quoted string but got ${text}`);
  }
  const unknown = /\\([^abfnrtv'\\])/.exec(text)?.[0];
  if (unknown !== undefined) {
    return new Error(`invalid string literal: invalid escape char ${unknown}`);
  }
  return text.slice(1, -1).replaceAll(/\\(.)/g, (_, letter: string) => escapes[letter] ?? letter);
}

function descend({ path, schema }: Step, key: string): Step | Error {
  const { properties, additionalProperties } = schema;
  if (isJsonObject(properties)) {
    const field = Object.hasOwn(properties, key) ? properties[key] : undefined;
    if (!isJsonObject(field)) return new Error('does not refer to a valid field');
    return { path: child(path, key), schema: field };
  }
  if (!isJsonObject(additionalProperties)) return new Error('does not refer to a valid field');
  return { path: at(path, key), schema: additionalProperties };
}
