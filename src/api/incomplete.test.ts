/**
 * Bodies with parts missing or of the wrong shape, for every kind: what the API server does with them before it
 * answers (decoding, defaults, preparation, validation) finds faults and never fails itself, which would be a 500.
 */
import { describe, expect, test } from '@jest/globals';
import type { KindDeclaration } from './kind.js';
import { builtInRegistry } from './kinds.js';
import type { KubeObject } from './object.js';
import { isJsonObject } from './object.js';
import { DecodeError } from './schema/decode.js';
import type { SchemaNode } from './schema/node.js';
import { resolved } from './schema/node.js';
import {
  applyDefaults,
  decodeObject,
  prepareCreate,
  prepareSubresourceUpdate,
  prepareUpdate,
  validateCreate,
  validateSubresourceUpdate,
  validateUpdate,
} from './strategy.js';

const context = { now: () => '2024-01-01T00:00:00Z' };
/** The depth to which parts are taken away; a pod's own are tried in a Pod, not in every template again. */
const depthOf = (kind: KindDeclaration): number => (kind.kind === 'Pod' ? 4 : 3);
const deepest = 5;

function scalarOf(node: SchemaNode): unknown {
  switch (node.type) {
    case 'string':
      if (node.format === 'quantity') return '1';
      if (node.format === 'byte') return 'aGk=';
      return node.format === 'date-time' || node.format === 'micro-time'
        ? '2024-01-01T00:00:00Z'
        : 'v';
    case 'boolean':
      return true;
    case 'integer':
    case 'number':
    case 'int-or-string':
      return 1;
    default:
      return {};
  }
}

/** A value of the schema with every field in it, recursive ones left out. */
function fullValue(schema: SchemaNode, above: readonly SchemaNode[] = []): unknown {
  const node = resolved(schema);
  if (above.includes(node) || above.length > deepest) return undefined;
  const here = [...above, node];
  if (node.type === 'object') {
    const fields = Object.entries(node.properties ?? {}).map(
      ([name, field]) => [name, fullValue(field, here)] as const,
    );
    return Object.fromEntries(fields.filter(([, value]) => value !== undefined));
  }
  const item = node.items === undefined ? 'v' : fullValue(node.items, here);
  if (node.type === 'map') return { k: item ?? '' };
  if (node.type === 'array') return item === undefined ? [] : [item];
  return scalarOf(node);
}

function fullObject(kind: KindDeclaration): KubeObject {
  const apiVersion = kind.group === '' ? kind.version : `${kind.group}/${kind.version}`;
  const metadata = { name: 'x', uid: 'u', ...(kind.namespaced ? { namespace: 'n' } : {}) };
  return { ...(fullValue(kind.schema) as object), apiVersion, kind: kind.kind, metadata };
}

type Path = readonly (string | number)[];

function* pathsIn(value: unknown, most: number, path: Path = []): Generator<Path> {
  if (path.length > 0) yield path;
  if (path.length >= most) return;
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i += 1) yield* pathsIn(value[i], most, [...path, i]);
  } else if (isJsonObject(value)) {
    for (const key of Object.keys(value)) yield* pathsIn(value[key], most, [...path, key]);
  }
}

/** A copy with another value at a path; undefined takes the part away. */
function replaced(value: unknown, path: Path, part: unknown): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return part;
  if (Array.isArray(value)) {
    return value.flatMap((item: unknown, index) => {
      if (index !== key) return [item];
      const next = replaced(item, rest, part);
      return next === undefined ? [] : [next];
    });
  }
  const fields = value as Record<string, unknown>;
  const { [key]: old, ...others } = fields;
  const next = replaced(old, rest, part);
  return next === undefined ? others : { ...others, [key]: next };
}

function decoded(kind: KindDeclaration, body: unknown): KubeObject | undefined {
  try {
    const { object } = decodeObject(kind, structuredClone(body));
    applyDefaults(kind, object);
    return object;
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}

function go(kind: KindDeclaration, body: unknown, base: KubeObject | undefined): void {
  const created = decoded(kind, body);
  if (created === undefined) return;
  prepareCreate(kind, created, context as never);
  validateCreate(kind, created);
  if (base === undefined) return;
  const updated = decoded(kind, body) as KubeObject;
  prepareUpdate(kind, updated, structuredClone(base), context as never);
  validateUpdate(kind, updated, base);
  for (const subresource of kind.subresources) {
    if (subresource.scale !== undefined || subresource.kind !== undefined) continue;
    const next = decoded(kind, body) as KubeObject;
    prepareSubresourceUpdate(kind, subresource, next, structuredClone(base));
    validateSubresourceUpdate(kind, subresource, next, base);
  }
}

describe('bodies with parts missing or of the wrong shape', () => {
  const kinds = builtInRegistry().list();

  test.each(kinds.map((kind) => [`${kind.group}/${kind.version} ${kind.kind}`, kind] as const))(
    '%s',
    (_name, kind) => {
      const full = fullObject(kind);
      const base = decoded(kind, full);
      const failed: string[] = [];
      for (const path of pathsIn(full, depthOf(kind))) {
        if (path[0] === 'metadata' || path[0] === 'apiVersion' || path[0] === 'kind') continue;
        for (const part of path.length > 2 ? [undefined] : [undefined, {}, [], -1]) {
          try {
            go(kind, replaced(full, path, part), base);
          } catch (error) {
            failed.push(`${path.join('.')} = ${JSON.stringify(part)}: ${String(error)}`);
          }
        }
      }
      expect(failed).toEqual([]);
    },
  );
});
