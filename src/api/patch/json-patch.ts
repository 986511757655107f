/**
 * JSON patch (RFC 6902) with the rules and texts of the library that Kubernetes uses: a missing path is an error for
 * all but `add`; `replace` of a field that is missing adds it, where the RFC refuses; `test` compares deeply.
 */
import { cloneJson } from '../clone.js';
import { deepEqual } from '../equal.js';
import { isJsonObject } from '../object.js';
import { jsonType } from '../schema/decode.js';
import { maxDepth } from '../schema/json-text.js';
import { PatchError } from './patch-error.js';
import { formatJson, parseJson } from '../../lib/json.js';

/** Most operations in one patch, as in the API server. */
const maxOperations = 10_000;

/** Most bytes that `copy` operations may add together, as in the API server. */
const maxCopiedBytes = 3 * 1024 * 1024;
/** Most list items that may be moved aside by additions and removals, all operations together. */
const maxMovedItems = 50_000_000;

/** The cost of a patch so far. */
interface Cost {
  copiedBytes: number;
  movedItems: number;
}

/** The place at which an operation puts its value. */
interface Place {
  readonly path: string;
  readonly op: string;
  readonly cost: Cost;
}

/** One operation. */
interface Operation {
  readonly op: string;
  readonly path: string;
  readonly from?: string;
  readonly value?: unknown;
}

function invalid(message: string): PatchError {
  return new PatchError('Invalid', message);
}

function parsePointer(pointer: string): string[] {
  if (pointer === '') return [];
  return pointer
    .split('/')
    .slice(1)
    .map((part) => part.replace(/~1/g, '/').replace(/~0/g, '~'));
}

/** The container that a path's last part is in. */
function containerOf(root: unknown, parts: readonly string[], op: string, path: string): unknown {
  let node = root;
  for (const part of parts.slice(0, -1)) {
    if (Array.isArray(node))
      node = /^\d+$/.test(part) ? (node[Number(part)] as unknown) : undefined;
    else if (isJsonObject(node)) node = Object.hasOwn(node, part) ? node[part] : undefined;
    else node = undefined;
    if (node === undefined || node === null) {
      throw invalid(
        op === 'add' || op === 'remove' || op === 'replace'
          ? `${op} operation does not apply: doc is missing path: "${path}": missing value`
          : `error in ${op} for path: '${path}': missing value`,
      );
    }
  }
  return node;
}

function arrayIndex(part: string, length: number, isInsert: boolean): number {
  if (part === '-' && isInsert) return length;
  const index = /^-?\d+$/.test(part) ? Number(part) : Number.NaN;
  const position = index < 0 ? length + index + (isInsert ? 1 : 0) : index;
  const limit = isInsert ? length : length - 1;
  if (Number.isNaN(position)) throw invalid(`strconv.Atoi: parsing "${part}": invalid syntax`);
  if (position < 0 || position > limit) {
    throw invalid(`Unable to access invalid index: ${index}: invalid index referenced`);
  }
  return position;
}

function read(root: unknown, path: string, op: string): unknown {
  const parts = parsePointer(path);
  const last = parts.at(-1);
  if (last === undefined) return root;
  const container = containerOf(root, parts, op, path);
  if (Array.isArray(container))
    return container[arrayIndex(last, container.length, false)] as unknown;
  if (isJsonObject(container) && Object.hasOwn(container, last)) return container[last];
  return undefined;
}

/** @throws PatchError when lists were moved about too often */
function splice(
  list: unknown[],
  index: number,
  removed: number,
  added: unknown[],
  cost: Cost,
): void {
  cost.movedItems += list.length - index;
  if (cost.movedItems > maxMovedItems) {
    throw new PatchError('TooLarge', `The patch moves more than ${maxMovedItems} items of lists`);
  }
  list.splice(index, removed, ...added);
}

/** A copy for a `copy` operation. @throws PatchError when copies add up to too much */
function copied(value: unknown, cost: Cost): unknown {
  if (value === undefined) return undefined;
  const text = formatJson(value);
  cost.copiedBytes += Buffer.byteLength(text);
  if (cost.copiedBytes > maxCopiedBytes) {
    throw invalid(
      `Unable to complete the copy, the accumulated size increase of copy is ${cost.copiedBytes}, ` +
        `exceeding the limit ${maxCopiedBytes}`,
    );
  }
  return parseJson(text);
}

/** Sets a field of any name: plain assignment would take `__proto__` for the prototype. */
function setField(container: Record<string, unknown>, name: string, value: unknown): void {
  Object.defineProperty(container, name, {
    value,
    writable: true,
    enumerable: true,
    configurable: true,
  });
}

function insert(root: unknown, place: Place, value: unknown): unknown {
  const { path, op, cost } = place;
  const parts = parsePointer(path);
  const last = parts.at(-1);
  if (last === undefined) return value;
  const container = containerOf(root, parts, op, path);
  if (Array.isArray(container)) {
    splice(container, arrayIndex(last, container.length, true), 0, [value], cost);
  } else if (isJsonObject(container)) setField(container, last, value);
  else throw invalid(`add operation does not apply: doc is missing path: "${path}": missing value`);
  return root;
}

function remove(root: unknown, path: string, cost: Cost): void {
  const parts = parsePointer(path);
  const last = parts.at(-1);
  if (last === undefined)
    throw invalid('remove operation does not apply: doc is missing path: "": missing value');
  const container = containerOf(root, parts, 'remove', path);
  if (Array.isArray(container)) {
    splice(container, arrayIndex(last, container.length, false), 1, [], cost);
  } else if (isJsonObject(container) && Object.hasOwn(container, last)) delete container[last];
  else
    throw invalid(`remove operation does not apply: doc is missing path: "${path}": missing value`);
}

function replace(root: unknown, path: string, value: unknown): unknown {
  const parts = parsePointer(path);
  const last = parts.at(-1);
  if (last === undefined) return value;
  const container = containerOf(root, parts, 'replace', path);
  if (Array.isArray(container)) container[arrayIndex(last, container.length, false)] = value;
  else if (isJsonObject(container)) setField(container, last, value);
  else
    throw invalid(`replace operation does not apply: doc is missing key: ${path}: missing value`);
  return root;
}

function applyOperation(root: unknown, operation: Operation, cost: Cost): unknown {
  const { op, path } = operation;
  switch (op) {
    case 'add':
      return insert(root, { path, op, cost }, cloneJson(operation.value));
    case 'remove':
      remove(root, path, cost);
      return root;
    case 'replace':
      return replace(root, path, cloneJson(operation.value));
    case 'move': {
      const value = read(root, operation.from ?? '', op);
      remove(root, operation.from ?? '', cost);
      return insert(root, { path, op, cost }, value);
    }
    case 'copy':
      return insert(root, { path, op, cost }, copied(read(root, operation.from ?? '', op), cost));
    case 'test': {
      const value = read(root, path, op) ?? null;
      if (deepEqual(value, operation.value ?? null)) return root;
      throw invalid(`testing value ${path} failed: test failed`);
    }
    default:
      throw invalid(`Unexpected kind: ${op}`);
  }
}

/** Measures how deep a value is nested, without recursion: moves nest deeper than any body may be. */
function depthOf(value: unknown): number {
  let depth = 0;
  let level = [value];
  while (level.length > 0) {
    level = level.flatMap((item): unknown[] => {
      if (typeof item !== 'object' || item === null) return [];
      return Array.isArray(item) ? item : Object.values(item);
    });
    depth += 1;
  }
  return depth;
}

function isOperation(value: unknown): value is Operation {
  return (
    isJsonObject(value) && typeof value['op'] === 'string' && typeof value['path'] === 'string'
  );
}

/**
 * Applies a JSON patch to a copy of the target.
 * @throws PatchError `BadRequest` when the patch is no list of operations, `Invalid` when it does not apply.
 */
export function applyJsonPatch(target: unknown, patch: unknown): unknown {
  if (!Array.isArray(patch)) {
    const text = `json: cannot unmarshal ${jsonType(patch)} into Go value of type jsonpatch.Patch`;
    throw new PatchError('BadRequest', text);
  }
  if (patch.length > maxOperations) {
    const text = `The allowed maximum operations in a JSON patch is ${maxOperations}, got ${patch.length}`;
    throw new PatchError('TooLarge', text);
  }
  let root: unknown = cloneJson(target);
  const cost: Cost = { copiedBytes: 0, movedItems: 0 };
  for (const operation of patch as unknown[]) {
    if (!isOperation(operation)) throw invalid('Unexpected kind: unknown');
    root = applyOperation(root, operation, cost);
  }
  if (depthOf(root) > maxDepth) throw invalid('exceeded max depth');
  return root;
}
