/**
 * Strategic merge patch: a merge patch in which the schema says how lists are merged (by key, or as
 * sets), with directives in the patch: `$patch: delete|replace|merge`, `$retainKeys`,
 * `$deleteFromPrimitiveList/<field>`, `$setElementOrder/<field>`.
 *
 * @see Kubernetes community, "Strategic Merge Patch" design; apimachinery `util/strategicpatch`.
 */
import { goType, goValue } from '../go-text/values.js';
import { identityOf } from '../identity.js';
import { isJsonObject } from '../object.js';
import { jsonType } from '../schema/decode.js';
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

/** A value that Go was told to print as text. */
function printed(value: unknown): string {
  return typeof value === 'string' ? value : `%!s(${goType(value)}=${goValue(value)})`;
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
    throw bad(`unknown patch type: ${printed(what)} in map: ${goValue(patch)}`);
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
  const kept = new Set<unknown>(keys);
  for (const [key, value] of Object.entries(patch)) {
    const isOther = key.startsWith(deletePrefix) || key.startsWith(orderPrefix);
    if (value === null || isOther || key === retainKeys || kept.has(key)) continue;
    throw bad('invalid patch format of retainKeys');
  }
  for (const key of Object.keys(out)) {
    if (!kept.has(key)) delete out[key];
  }
}

function deletePrimitives(out: Fields, name: string, values: unknown): void {
  const list = out[name];
  if (!Array.isArray(list)) return;
  if (!Array.isArray(values)) throw bad(`invalid patch format of ${deletePrefix}`);
  const gone = new Set<unknown>(values);
  out[name] = list.filter((item: unknown) => !gone.has(item));
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
    if (value[directive] === 'delete') delete out[key];
    else if (isReplace || !isJsonObject(before)) out[key] = fresh(value, node);
    else out[key] = mergeMaps(before, value, node);
  } else if (Array.isArray(value)) {
    // What was not there is taken as it is, with all items of one key.
    out[key] = Array.isArray(before) ? mergeLists(before, value, key, node) : plain(value);
  } else out[key] = value;
}

/** A struct that was not there: as it is, once its directives are known to be right. */
function fresh(value: Fields, node: SchemaNode | undefined): unknown {
  retain({}, value);
  const what = value[directive];
  if (what === undefined || what === 'replace' || what === 'merge') return plain(value);
  return mergeMaps({}, value, node);
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
    const present = new Set(original.map(identityOf));
    const added = patch.filter((item) => !present.has(identityOf(item)));
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
  /** The merged items; those that a directive has deleted leave `undefined`, which no list of objects holds. */
  const out: unknown[] = [...original];
  const places = new Map<string, number[]>();
  const note = (item: unknown, place: number): void => {
    if (!isJsonObject(item) || item[key] === undefined) return;
    const id = identityOf(item[key]);
    const known = places.get(id);
    if (known === undefined) places.set(id, [place]);
    else known.push(place);
  };
  original.forEach(note);
  for (const item of patch) {
    if (!isJsonObject(item)) {
      throw bad(`invalid patch: item of ${list.name} is not an object`);
    }
    if (item[key] === undefined) {
      throw bad(`map: ${goValue(item)} does not contain declared merge key: ${key}`);
    }
    const id = identityOf(item[key]);
    const found = places.get(id) ?? [];
    const [first] = found;
    if (item[directive] === 'delete') {
      for (const place of found) out[place] = undefined;
      places.delete(id);
    } else if (first === undefined) {
      note(item, out.length);
      out.push(plain(item));
    } else if (item[directive] === 'replace') out[first] = plain(item);
    else out[first] = mergeMaps(out[first] as Fields, item, items);
  }
  return out.filter((item) => item !== undefined);
}

/** Puts a merged list into the order that the patch names. */
function applyOrder(
  out: Fields,
  field: { name: string; order: unknown; server: unknown; node: SchemaNode | undefined },
): void {
  const list: unknown = out[field.name];
  if (!Array.isArray(field.order)) {
    throw bad(`expected a []interface {}, but received a ${goType(field.order)}`);
  }
  if (!Array.isArray(list)) return;
  const server: readonly unknown[] = Array.isArray(field.server) ? field.server : [];
  out[field.name] = ordered(list, { server, wanted: field.order, key: field.node?.patchMergeKey });
}

/**
 * Orders a merged list: items of the patch as it names them, items that only the server has in the server's order.
 * Where the two meet, the server's item goes first only if it stood before the other already; so items that the patch
 * adds stand before those that the server keeps (strategicpatch `normalizeElementOrder`).
 */
function ordered(
  list: readonly unknown[],
  by: {
    readonly server: readonly unknown[];
    readonly wanted: readonly unknown[];
    readonly key: string | undefined;
  },
): unknown[] {
  const idOf = (item: unknown): string =>
    identityOf(by.key !== undefined && isJsonObject(item) ? item[by.key] : item);
  const server = firstPlaces(by.server.map(idOf));
  const wanted = firstPlaces(by.wanted.map(idOf));
  const items = list.map((item) => {
    const id = idOf(item);
    return { item, server: server.get(id) ?? -1, wanted: wanted.get(id) ?? -1 };
  });
  const named = items.filter((item) => item.wanted >= 0);
  named.sort((a, b) => a.wanted - b.wanted);
  const kept = items.filter((item) => item.wanted < 0);
  kept.sort((a, b) => a.server - b.server);
  const out: unknown[] = [];
  let next = 0;
  for (const { item, server: place } of named) {
    for (let before = kept[next]; before !== undefined && before.server < place;) {
      out.push(before.item);
      next += 1;
      before = kept[next];
    }
    out.push(item);
  }
  return [...out, ...kept.slice(next).map(({ item }) => item)];
}

/** Returns the first place of each identity. */
function firstPlaces(ids: readonly string[]): Map<string, number> {
  const places = new Map<string, number>();
  ids.forEach((id, place) => {
    if (!places.has(id)) places.set(id, place);
  });
  return places;
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
    const text = `json: cannot unmarshal ${jsonType(patch)} into`;
    throw bad(`${text} Go value of type map[string]interface {}`);
  }
  return mergeMaps(isJsonObject(target) ? target : {}, patch, node);
}
