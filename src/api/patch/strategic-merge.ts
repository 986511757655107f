/**
 * Strategic merge patch: a merge patch in which the schema says how lists are merged (by key, or as
 * sets), with directives in the patch: `$patch: delete|replace|merge`, `$retainKeys`,
 * `$deleteFromPrimitiveList/<field>`, `$setElementOrder/<field>`.
 *
 * @see Kubernetes community, "Strategic Merge Patch" design; apimachinery `util/strategicpatch`.
 */
import { deepEqual } from '../equal.js';
import { isJsonObject } from '../object.js';
import type { SchemaNode } from '../schema/node.js';
import { resolved } from '../schema/node.js';
import { PatchError } from './patch-error.js';

type Fields = Record<string, unknown>;

const directive = '$patch';
const retainKeys = '$retainKeys';
const deletePrefix = '$deleteFromPrimitiveList/';
const orderPrefix = '$setElementOrder/';

function bad(message: string): PatchError {
  return new PatchError('BadRequest', message);
}

function fieldOf(node: SchemaNode | undefined, name: string): SchemaNode | undefined {
  if (node === undefined) return undefined;
  const here = resolved(node);
  const field = here.properties?.[name] ?? (here.type === 'map' ? here.items : undefined);
  return field;
}

function strategies(node: SchemaNode | undefined): readonly string[] {
  return node?.patchStrategy?.split(',') ?? [];
}

/** Removes directives from what becomes part of the result as it is. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value
      .filter((item: unknown) => !(isJsonObject(item) && item[directive] !== undefined))
      .map(plain);
  }
  if (!isJsonObject(value)) return value;
  const out: Fields = {};
  for (const [key, item] of Object.entries(value)) {
    if (key.startsWith('$') && isDirectiveKey(key)) continue;
    if (item !== null) out[key] = plain(item);
  }
  return out;
}

function isDirectiveKey(key: string): boolean {
  return (
    key === directive ||
    key === retainKeys ||
    key.startsWith(deletePrefix) ||
    key.startsWith(orderPrefix)
  );
}

function mergeMaps(original: Fields, patch: Fields, node: SchemaNode | undefined): Fields {
  const what = patch[directive];
  if (what === 'replace') return plain(patch) as Fields;
  if (what === 'delete') return {};
  if (what !== undefined && what !== 'merge') {
    throw bad(`Unknown patch type found: ${JSON.stringify(what)}`);
  }
  const out: Fields = { ...original };
  retain(out, patch);
  for (const [key, value] of Object.entries(patch)) {
    if (key === directive || key === retainKeys || key === '__proto__') continue;
    if (key.startsWith(deletePrefix)) {
      deletePrimitives(out, key.slice(deletePrefix.length), value);
    } else if (!key.startsWith(orderPrefix)) {
      mergeField(out, key, value, fieldOf(node, key));
    }
  }
  for (const [key, value] of Object.entries(patch)) {
    if (key.startsWith(orderPrefix)) {
      const name = key.slice(orderPrefix.length);
      applyOrder(out, { name, order: value, server: original[name], node: fieldOf(node, name) });
    }
  }
  return out;
}

function retain(out: Fields, patch: Fields): void {
  const keys = patch[retainKeys];
  if (keys === undefined) return;
  if (!Array.isArray(keys)) throw bad('invalid patch format of retainKeys');
  for (const key of Object.keys(out)) {
    if (!keys.includes(key)) delete out[key];
  }
}

function deletePrimitives(out: Fields, name: string, values: unknown): void {
  if (!Array.isArray(values)) throw bad(`invalid patch format of ${deletePrefix}`);
  const list = out[name];
  if (!Array.isArray(list)) return;
  out[name] = list.filter((item: unknown) => !values.includes(item));
}

function mergeField(out: Fields, key: string, value: unknown, node: SchemaNode | undefined): void {
  if (value === null) {
    delete out[key];
    return;
  }
  const before = out[key];
  const isReplace =
    strategies(node).includes('replace') && resolved(node ?? { type: 'any' }).type !== 'array';
  if (isJsonObject(value)) {
    if (value[directive] === 'delete') {
      delete out[key];
      return;
    }
    const base = isJsonObject(before) && !isReplace ? before : {};
    out[key] = isReplace ? plain(value) : mergeMaps(base, value, node);
  } else if (Array.isArray(value)) {
    out[key] = mergeLists(Array.isArray(before) ? before : [], value, key, node);
  } else out[key] = value;
}

function mergeLists(
  original: readonly unknown[],
  patch: readonly unknown[],
  name: string,
  node: SchemaNode | undefined,
): unknown[] {
  if (!strategies(node).includes('merge')) return plain(patch) as unknown[];
  const key = node?.patchMergeKey;
  if (key === undefined) {
    const added = patch.filter((item) => !original.some((before) => deepEqual(before, item)));
    const all = [...original, ...new Set(added)];
    return ordered(all, { server: original, wanted: patch, key: undefined });
  }
  if (
    patch.some(
      (item) => isJsonObject(item) && item[directive] === 'replace' && item[key] === undefined,
    )
  ) {
    return plain(patch) as unknown[];
  }
  const merged = mergeByKey(original, patch, { key, name, items: node?.items });
  return ordered(merged, { server: original, wanted: patch, key });
}

function mergeByKey(
  original: readonly unknown[],
  patch: readonly unknown[],
  list: { key: string; name: string; items: SchemaNode | undefined },
): unknown[] {
  const { key, items } = list;
  let out = [...original];
  for (const item of patch) {
    if (!isJsonObject(item)) {
      throw bad(`invalid patch: item of ${list.name} is not an object`);
    }
    const id = item[key];
    if (id === undefined) {
      throw bad(`map: ${goMap(item)} does not contain declared merge key: ${key}`);
    }
    const isSame = (other: unknown): boolean => isJsonObject(other) && deepEqual(other[key], id);
    if (item[directive] === 'delete') {
      out = out.filter((other) => !isSame(other));
      continue;
    }
    const index = out.findIndex(isSame);
    if (index < 0) out.push(plain(item));
    else if (item[directive] === 'replace') out[index] = plain(item);
    else out[index] = mergeMaps(out[index] as Fields, item, items);
  }
  return out;
}

/** Go prints maps as `map[a:1 b:2]`. */
function goMap(value: unknown): string {
  if (isJsonObject(value)) {
    const entries = Object.keys(value)
      .sort()
      .map((key) => `${key}:${goMap(value[key])}`);
    return `map[${entries.join(' ')}]`;
  }
  if (Array.isArray(value)) return `[${value.map(goMap).join(' ')}]`;
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** Puts a merged list into the order that the patch names. */
function applyOrder(
  out: Fields,
  field: { name: string; order: unknown; server: unknown; node: SchemaNode | undefined },
): void {
  const list: unknown = out[field.name];
  if (!Array.isArray(list) || !Array.isArray(field.order)) return;
  const server: readonly unknown[] = Array.isArray(field.server) ? field.server : [];
  out[field.name] = ordered(list, { server, wanted: field.order, key: field.node?.patchMergeKey });
}

/**
 * Orders a merged list: items of the patch as it names them, items that only the server has in the server's order.
 * Where the two meet, the server's item goes first only if it stood before the other already; so what the patch adds
 * stands before what the server keeps (strategicpatch `normalizeElementOrder`).
 */
function ordered(
  list: readonly unknown[],
  by: {
    readonly server: readonly unknown[];
    readonly wanted: readonly unknown[];
    readonly key: string | undefined;
  },
): unknown[] {
  const idOf = (item: unknown): unknown =>
    by.key !== undefined && isJsonObject(item) ? item[by.key] : item;
  const find = (items: readonly unknown[], item: unknown): number => {
    const id = idOf(item);
    return items.findIndex((other) => deepEqual(idOf(other), id));
  };
  const named = list.filter((item) => find(by.wanted, item) >= 0);
  named.sort((a, b) => find(by.wanted, a) - find(by.wanted, b));
  const kept = list.filter((item) => find(by.wanted, item) < 0);
  kept.sort((a, b) => find(by.server, a) - find(by.server, b));
  const out: unknown[] = [];
  for (const item of named) {
    const place = find(by.server, item);
    const before = kept.findIndex((other) => find(by.server, other) >= place);
    if (place >= 0) out.push(...kept.splice(0, before < 0 ? kept.length : before));
    out.push(item);
  }
  return [...out, ...kept];
}

/**
 * Applies a strategic merge patch.
 * @param node the schema of the target.
 * @throws PatchError `BadRequest` when the patch is malformed.
 */
export function applyStrategicMergePatch(
  node: SchemaNode,
  target: unknown,
  patch: unknown,
): unknown {
  if (!isJsonObject(patch)) {
    const type = Array.isArray(patch) ? 'array' : typeof patch;
    throw bad(`json: cannot unmarshal ${type} into Go value of type map[string]interface {}`);
  }
  return mergeMaps(isJsonObject(target) ? target : {}, patch, node);
}
