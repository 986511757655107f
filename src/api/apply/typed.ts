/**
 * Values seen through a schema as structured merge sees them: structs, maps, lists by key, sets, and
 * what is atomic. Gives the paths of a value, the differences of two, merges and removes.
 */
import { deepEqual } from '../equal.js';
import { isJsonObject } from '../object.js';
import type { SchemaNode } from '../schema/node.js';
import { resolved } from '../schema/node.js';
import type { FieldSet } from './field-set.js';
import { emptySet, fieldSet, isEmptySet, leaf, union } from './field-set.js';
import { formatJson } from '../../lib/json.js';

const untyped: SchemaNode = { type: 'any' };

/** One part of a value: its path element, its schema and the value. */
interface Part {
  readonly element: string;
  /** The field's name; empty for the item of a list. */
  readonly name: string;
  readonly node: SchemaNode;
  readonly value: unknown;
}

type Shape = 'map' | 'list-map' | 'set' | 'leaf';

function shapeOf(node: SchemaNode, value: unknown): Shape {
  if (node.mapType === 'atomic') return 'leaf';
  if (isJsonObject(value)) {
    const isOpen = node.type === 'object' || node.type === 'map' || node.preserveUnknown === true;
    return isOpen || (node.type === 'any' && node.definition === undefined) ? 'map' : 'leaf';
  }
  if (!Array.isArray(value) || node.type !== 'array') return 'leaf';
  if (node.listType === 'map' && value.every(isJsonObject)) return 'list-map';
  return node.listType === 'set' ? 'set' : 'leaf';
}

function keyOf(node: SchemaNode, item: Record<string, unknown>): string {
  const items = resolved(node.items ?? untyped);
  const keys: Record<string, unknown> = {};
  for (const name of [...(node.listMapKeys ?? [])].sort()) {
    keys[name] = item[name] ?? items.properties?.[name]?.default ?? null;
  }
  return `k:${formatJson(keys)}`;
}

const scalar: SchemaNode = { type: 'any', definition: 'scalar' };

/** The parts of a value that is not a leaf, in order. */
function partsOf(node: SchemaNode, value: unknown, shape: Shape): Part[] {
  if (shape === 'map' && isJsonObject(value)) return fieldsOf(node, value);
  if (!Array.isArray(value)) return [];
  const items = shape === 'set' ? scalar : resolved(node.items ?? untyped);
  return value.map((item: unknown) => ({
    element:
      shape === 'list-map' && isJsonObject(item) ? keyOf(node, item) : `v:${formatJson(item)}`,
    name: '',
    node: items,
    value: item,
  }));
}

function fieldsOf(node: SchemaNode, value: Record<string, unknown>): Part[] {
  const others = node.type === 'map' ? (node.items ?? untyped) : untyped;
  const parts: Part[] = [];
  for (const name of Object.keys(value)) {
    const item = value[name];
    if (item === undefined) continue;
    const field = resolved(node.properties?.[name] ?? others);
    parts.push({ element: `f:${name}`, name, node: field, value: item });
  }
  return parts;
}

/** The paths that an applied value sets. */
export function setOf(schema: SchemaNode, value: unknown): FieldSet {
  const node = resolved(schema);
  const shape = shapeOf(node, value);
  if (shape === 'leaf') return leaf;
  const parts = partsOf(node, value, shape);
  if (parts.length === 0) return leaf;
  return fieldSet(
    false,
    parts.map((part): [string, FieldSet] => {
      const below = setOf(part.node, part.value);
      return [part.element, part.element.startsWith('k:') ? union(leaf, below) : below];
    }),
  );
}

/** The differences between two values. */
export interface Comparison {
  readonly added: FieldSet;
  readonly modified: FieldSet;
  readonly removed: FieldSet;
}

const noChange: Comparison = { added: emptySet, modified: emptySet, removed: emptySet };

/**
 * All paths of a value and of its inner structs, which an update sets when it adds them.
 * @param isAlways whether even the kind's empty object has this part, so that nobody has added it
 */
function allPaths(node: SchemaNode, value: unknown, isAlways: boolean): FieldSet {
  const shape = shapeOf(node, value);
  const parts = shape === 'leaf' ? [] : partsOf(node, value, shape);
  if (parts.length === 0) return leaf;
  const children = new Map<string, FieldSet>();
  for (const part of parts) {
    const isField = node.properties?.[part.name] !== undefined;
    const stays =
      isAlways &&
      isField &&
      (part.node.always === true || node.required?.includes(part.name) === true);
    children.set(part.element, allPaths(part.node, part.value, stays));
  }
  return { isMember: !isAlways, children };
}

/** Compares two values; `undefined` is an absent one. */
export function compare(schema: SchemaNode, before: unknown, after: unknown): Comparison {
  const node = resolved(schema);
  if (before === undefined && after === undefined) return noChange;
  if (before === undefined) {
    return { ...noChange, added: allPaths(node, after, node.always === true) };
  }
  if (after === undefined) return { ...noChange, removed: allPaths(node, before, false) };
  if (deepEqual(before, after)) return noChange;
  const shape = shapeOf(node, after);
  if (shape === 'leaf' || shapeOf(node, before) !== shape) {
    return { ...noChange, modified: leaf };
  }
  return compareParts(byElement(node, before, shape), byElement(node, after, shape));
}

function byElement(node: SchemaNode, value: unknown, shape: Shape): Map<string, Part> {
  const parts = new Map<string, Part>();
  for (const part of partsOf(node, value, shape)) parts.set(part.element, part);
  return parts;
}

function compareParts(
  before: ReadonlyMap<string, Part>,
  after: ReadonlyMap<string, Part>,
): Comparison {
  const added = new Map<string, FieldSet>();
  const modified = new Map<string, FieldSet>();
  const removed = new Map<string, FieldSet>();
  const note = (element: string, result: Comparison): void => {
    if (!isEmptySet(result.added)) added.set(element, result.added);
    if (!isEmptySet(result.modified)) modified.set(element, result.modified);
    if (!isEmptySet(result.removed)) removed.set(element, result.removed);
  };
  for (const [element, { node, value }] of after) {
    note(element, compare(node, before.get(element)?.value, value));
  }
  for (const [element, { node, value }] of before) {
    if (!after.has(element)) note(element, compare(node, value, undefined));
  }
  return {
    added: { isMember: false, children: added },
    modified: { isMember: false, children: modified },
    removed: { isMember: false, children: removed },
  };
}

/** Lays an applied value over a live one; the applied one wins where both say something. */
export function merge(schema: SchemaNode, live: unknown, applied: unknown): unknown {
  const node = resolved(schema);
  if (applied === undefined) return live;
  const shape = shapeOf(node, applied);
  if (live === undefined || shape === 'leaf' || shapeOf(node, live) !== shape) return applied;
  const base = new Map(partsOf(node, live, shape).map((part) => [part.element, part.value]));
  for (const part of partsOf(node, applied, shape)) {
    base.set(part.element, merge(part.node, base.get(part.element), part.value));
  }
  if (shape !== 'map') return orderedItems(node, { live, applied, shape }, base);
  return Object.fromEntries([...base].map(([element, value]) => [element.slice(2), value]));
}

/** Applied items in their order, live ones kept before the item that followed them. */
function orderedItems(
  node: SchemaNode,
  sides: { live: unknown; applied: unknown; shape: Shape },
  values: ReadonlyMap<string, unknown>,
): unknown[] {
  const wanted = partsOf(node, sides.applied, sides.shape).map((part) => part.element);
  const present = partsOf(node, sides.live, sides.shape).map((part) => part.element);
  const wantedSet = new Set(wanted);
  const presentSet = new Set(present);
  /** Keeps the order of insertion. */
  const order = new Set<string>();
  let next = 0;
  for (const element of present) {
    if (!wantedSet.has(element)) {
      order.add(element);
      continue;
    }
    if (order.has(element)) continue;
    while (next < wanted.length) {
      const candidate = wanted[next] ?? '';
      next += 1;
      order.add(candidate);
      if (candidate === element || presentSet.has(candidate)) break;
    }
  }
  for (const element of wanted) order.add(element);
  return [...order].map((element) => values.get(element));
}

/** A value without the paths of a set; undefined when nothing is left of it. */
export function removePaths(schema: SchemaNode, value: unknown, set: FieldSet): unknown {
  const node = resolved(schema);
  if (set.children.size === 0) return set.isMember ? undefined : value;
  const shape = shapeOf(node, value);
  if (shape === 'leaf') return value;
  const kept = partsOf(node, value, shape)
    .map((part): Part => {
      const below = set.children.get(part.element);
      if (below === undefined) return part;
      return { ...part, value: removePaths(part.node, part.value, below) };
    })
    .filter((part) => part.value !== undefined && !isHollowItem(node, part, set));
  // The last item takes its list or map along.
  if (kept.length === 0) return undefined;
  if (shape !== 'map') return kept.map((part) => part.value);
  return Object.fromEntries(kept.map((part) => [part.element.slice(2), part.value]));
}

/** An item of a keyed list whose membership was given up goes as a whole. */
function isHollowItem(node: SchemaNode, part: Part, set: FieldSet): boolean {
  if (!part.element.startsWith('k:')) return false;
  const below = set.children.get(part.element);
  if (below?.isMember !== true || !isJsonObject(part.value)) return false;
  const keys = new Set(node.listMapKeys);
  return Object.keys(part.value).every((name) => keys.has(name));
}
