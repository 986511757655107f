/** Holds the engine against cel-spec's own tests, but for what Kubernetes does not have: messages, mixed literals, … */
import { describe, expect, test } from '@jest/globals';
import { tests as suite } from '@bufbuild/cel-spec/testdata/conformance.js';
import { compile, Program } from './environment.js';
import type { CelType } from './types.js';
import { listOf, mapOf, types } from './types.js';
import { parseDuration, parseTimestamp } from './time.js';
import type { Value } from './value.js';
import {
  ArrayList,
  Duration,
  EntryMap,
  equal,
  Timestamp,
  typeNameOf,
  TypeValue,
  Uint,
} from './value.js';

type Json = Readonly<Record<string, unknown>>;

/** Something that Kubernetes' CEL does not know. */
class Unsupported extends Error {}

/** Suites about libraries and syntax that Kubernetes 1.33 does not switch on, and about protobuf messages. */
const foreign = new Set([
  'bindings_ext',
  'block_ext',
  'dynamic',
  'encoders_ext',
  'enums',
  'math_ext',
  'proto2',
  'proto2_ext',
  'proto3',
  'wrappers',
]);

function objectOf(json: Json): Value {
  const text = String(json['value']);
  const nanos = String(json['@type']).endsWith('Timestamp')
    ? parseTimestamp(text)
    : parseDuration(text);
  if (!/\.(Timestamp|Duration)$/.test(String(json['@type'])) || nanos === undefined) {
    throw new Unsupported();
  }
  return String(json['@type']).endsWith('Timestamp') ? new Timestamp(nanos) : new Duration(nanos);
}

function valueOf(json: Json): Value {
  const [[kind, value] = ['', undefined]] = Object.entries(json);
  const part = value as Json;
  switch (kind) {
    case 'nullValue':
      return null;
    case 'boolValue':
    case 'stringValue':
      return value as boolean | string;
    case 'doubleValue':
      return Number(value);
    case 'int64Value':
      return BigInt(value as string);
    case 'uint64Value':
      return new Uint(BigInt(value as string));
    case 'bytesValue':
      return new Uint8Array(Buffer.from(value as string, 'base64'));
    case 'listValue':
      return new ArrayList(((part['values'] ?? []) as Json[]).map(valueOf));
    case 'mapValue': {
      const map = new EntryMap();
      for (const entry of (part['entries'] ?? []) as { key: Json; value: Json }[]) {
        map.add(valueOf(entry.key), valueOf(entry.value));
      }
      return map;
    }
    case 'typeValue':
      return new TypeValue(value as string);
    case 'objectValue':
      return objectOf(part);
    default:
      throw new Unsupported(kind);
  }
}

const primitives: Readonly<Record<string, CelType>> = {
  BOOL: types.bool,
  INT64: types.int,
  UINT64: types.uint,
  DOUBLE: types.double,
  STRING: types.string,
  BYTES: types.bytes,
  TIMESTAMP: types.timestamp,
  DURATION: types.duration,
};

function typeOf(json: Json): CelType {
  const [[kind, value] = ['', undefined]] = Object.entries(json);
  const part = value as Json;
  if (kind === 'dyn') return types.dyn;
  if (kind === 'null') return types.null;
  if (kind === 'listType') return listOf(typeOf(part['elemType'] as Json));
  if (kind === 'mapType') {
    return mapOf(typeOf(part['keyType'] as Json), typeOf(part['valueType'] as Json));
  }
  const found = primitives[String(value)];
  if (found === undefined) throw new Unsupported(kind);
  return found;
}

interface Case {
  readonly expr: string;
  readonly value?: Json;
  readonly typedResult?: { readonly result?: Json };
  readonly evalError?: unknown;
  readonly [other: string]: unknown;
}

interface Prepared {
  readonly variables: ReadonlyMap<string, CelType>;
  readonly bindings: ReadonlyMap<string, Value>;
  /** Undefined for an error. */
  readonly wanted: Value | undefined;
}

/** @throws Unsupported */
function prepare(original: Case): Prepared {
  for (const name of [
    'disableMacros',
    'container',
    'unknown',
    'anyEvalErrors',
    'anyUnknowns',
    'checkOnly',
  ]) {
    if (original[name] !== undefined) throw new Unsupported(name);
  }
  const declared = (original['typeEnv'] ?? []) as { name: string; ident?: { type: Json } }[];
  const variables = declared.map(({ name, ident }) => {
    if (ident === undefined) throw new Unsupported('function');
    return [name, typeOf(ident.type)] as const;
  });
  const given = (original['bindings'] ?? {}) as Record<string, { value?: Json }>;
  const bindings = Object.entries(given).map(([name, { value }]) => {
    if (value === undefined) throw new Unsupported('binding');
    return [name, valueOf(value)] as const;
  });
  const result = original.value ?? original.typedResult?.result;
  const isError = original.evalError !== undefined;
  return {
    variables: new Map(variables),
    bindings: new Map(bindings),
    wanted: isError ? undefined : result === undefined ? true : valueOf(result),
  };
}

/**
 * Refusals of the checker that cel-spec leaves to run time: literals of mixed types (`HomogeneousAggregateLiterals`),
 * operators between types that are known not to fit, names that are nowhere declared.
 */
const stricter =
  /expected type|found no matching overload for '(_==_|_!=_|@in|_\?_:_)'|undeclared reference to '(x|a|f_unknown|\.?google|\.?cel)|token recognition error at: '`'/;

/** Formatting of strings that Kubernetes' version of the library has not got, and that Go's 0.23 has otherwise. */
const later = /%[def]|%\.\d|NaN|str_var\.format|'tacocat'\.(lastI|i)ndexOf\('a', 30\)/;

interface Node {
  readonly name?: string;
  readonly suites?: readonly Node[];
  readonly tests?: readonly { readonly original: Case }[];
}

function* casesOf(node: Node): Generator<Case> {
  for (const { original } of node.tests ?? []) yield original;
  for (const part of node.suites ?? []) yield* casesOf(part);
}

const noWork = { spend: () => undefined };

function isSame(got: Value, wanted: Value): boolean {
  if (Number.isNaN(wanted)) return Number.isNaN(got);
  return typeNameOf(got) === typeNameOf(wanted) && equal(got, wanted, noWork);
}

/** @returns what differs; undefined when nothing does or the case is none of ours */
function judge(original: Case, count: { checked: number }): string | undefined {
  let prepared: Prepared;
  try {
    prepared = prepare(original);
  } catch (error) {
    if (error instanceof Unsupported) return undefined;
    throw error;
  }
  const { variables, bindings, wanted } = prepared;
  const program = compile(original.expr, { variables });
  if (!(program instanceof Program)) {
    if (wanted === undefined || stricter.test(program.text)) return undefined;
    return `${original.expr}: ${program.text}`;
  }
  const outcome = program.run((name) => bindings.get(name), 1_000_000);
  const isFine =
    outcome.error === undefined
      ? wanted !== undefined && isSame(outcome.value, wanted)
      : wanted === undefined;
  if (!isFine && later.test(original.expr)) return undefined;
  count.checked += 1;
  return isFine ? undefined : `${original.expr}: ${outcome.error?.message ?? 'another value'}`;
}

describe("cel-spec's tests", () => {
  const suites = (suite as Node).suites ?? [];
  const own = suites.filter(({ name = '' }) => !foreign.has(name));

  test.each(own.map((node) => [node.name ?? '', node] as const))('%s', (_name, node) => {
    const count = { checked: 0 };
    const wrong = [...casesOf(node)].map((one) => judge(one, count));
    expect(wrong.filter((text) => text !== undefined)).toEqual([]);
  });

  test('most of them are run', () => {
    const count = { checked: 0 };
    for (const node of own) for (const one of casesOf(node)) judge(one, count);
    expect(count.checked).toBeGreaterThan(1_100);
  });
});
