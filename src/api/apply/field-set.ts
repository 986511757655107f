/**
 * Sets of field paths, as `managedFields[].fieldsV1` holds them: a tree whose keys are path elements
 * (`f:name`, `k:{"name":"x"}`, `v:"a"`); `.` marks that the path itself is a member.
 *
 *     { "f:spec": { "f:replicas": {}, "f:containers": { "k:{\"name\":\"a\"}": { ".": {}, "f:image": {} } } } }
 *
 * A node without children is a member; a node with children is one only when it is marked.
 * Sets are not changed once made: operations return new ones and may share parts.
 */
import { isJsonObject } from '../object.js';
import { formatJson, parseJson } from '../../lib/json.js';

/** A node of the tree. */
export interface FieldSet {
  /** The path that ends here is in the set. */
  readonly isMember: boolean;
  readonly children: ReadonlyMap<string, FieldSet>;
}

/** The empty set. */
export const emptySet: FieldSet = { isMember: false, children: new Map() };
/** The set of just the path where it stands. */
export const leaf: FieldSet = { isMember: true, children: new Map() };

/** True when nothing is in the set. */
export function isEmptySet(set: FieldSet): boolean {
  return !set.isMember && set.children.size === 0;
}

/** A node; children that are empty are left out. */
export function fieldSet(
  isMember: boolean,
  children: Iterable<readonly [string, FieldSet]>,
): FieldSet {
  const kept = new Map<string, FieldSet>();
  for (const [name, set] of children) if (!isEmptySet(set)) kept.set(name, set);
  return { isMember, children: kept };
}

/** The children of `a` as `change` leaves them, each beside its namesake in `b`; those that become empty go. */
function changedChildren(
  a: FieldSet,
  b: FieldSet,
  change: (set: FieldSet, other: FieldSet) => FieldSet,
): ReadonlyMap<string, FieldSet> {
  const kept = new Map<string, FieldSet>();
  for (const [name, set] of a.children) {
    const changed = change(set, b.children.get(name) ?? emptySet);
    if (!isEmptySet(changed)) kept.set(name, changed);
  }
  return kept;
}

/** Reads `fieldsV1`. */
export function parseFields(fields: unknown): FieldSet {
  if (!isJsonObject(fields)) return emptySet;
  const names = Object.keys(fields).filter((name) => name !== '.');
  const isMember = fields['.'] !== undefined;
  return fieldSet(
    isMember,
    names.map((name) => {
      const child = parseFields(fields[name]);
      return [name, isEmptySet(child) ? leaf : child] as const;
    }),
  );
}

/** Writes `fieldsV1`, keys sorted. */
export function formatFields(set: FieldSet): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  if (set.isMember && set.children.size > 0) out['.'] = {};
  for (const name of [...set.children.keys()].sort()) {
    out[name] = formatFields(set.children.get(name) ?? emptySet);
  }
  return out;
}

/** Paths in either set. */
export function union(a: FieldSet, b: FieldSet): FieldSet {
  if (isEmptySet(a)) return b;
  if (isEmptySet(b)) return a;
  const children = new Map(a.children);
  for (const [name, set] of b.children) {
    children.set(name, union(children.get(name) ?? emptySet, set));
  }
  return { isMember: a.isMember || b.isMember, children };
}

/** Paths in both sets. */
export function intersection(a: FieldSet, b: FieldSet): FieldSet {
  if (isEmptySet(b)) return emptySet;
  return {
    isMember: a.isMember && b.isMember,
    children: changedChildren(a, b, intersection),
  };
}

/** Paths of `a` that are not in `b`. */
export function difference(a: FieldSet, b: FieldSet): FieldSet {
  if (isEmptySet(b)) return a;
  return { isMember: a.isMember && !b.isMember, children: changedChildren(a, b, difference) };
}

/** Paths of `a` that are neither in `b` nor below a member of `b`. */
export function recursiveDifference(a: FieldSet, b: FieldSet): FieldSet {
  if (b.isMember) return emptySet;
  if (b.children.size === 0) return a;
  return { isMember: a.isMember, children: changedChildren(a, b, recursiveDifference) };
}

/** True when both hold the same paths. */
export function equalSets(a: FieldSet, b: FieldSet): boolean {
  if (a.isMember !== b.isMember || a.children.size !== b.children.size) return false;
  for (const [name, set] of a.children) {
    const other = b.children.get(name);
    if (other === undefined || !equalSets(set, other)) return false;
  }
  return true;
}

/** All paths, each as a list of elements, in the order of Kubernetes' sets: members before what is below any. */
export function pathsOf(set: FieldSet, prefix: readonly string[] = []): string[][] {
  const names = [...set.children.keys()].sort();
  const members = names.filter((name) => set.children.get(name)?.isMember === true);
  const below = names.flatMap((name) =>
    pathsOf(set.children.get(name) ?? emptySet, [...prefix, name]),
  );
  return [...members.map((name) => [...prefix, name]), ...below];
}

/** `.spec.containers[name="a"].image`, as Kubernetes prints paths. */
export function formatPath(path: readonly string[]): string {
  return path.map(formatElement).join('');
}

function formatElement(element: string): string {
  const rest = element.slice(2);
  switch (element.slice(0, 2)) {
    case 'k:': {
      const keys = parseJson(rest) as Record<string, unknown>;
      const parts = Object.keys(keys)
        .sort()
        .map((key) => `${key}=${formatJson(keys[key])}`);
      return `[${parts.join(',')}]`;
    }
    case 'v:':
      return `[=${rest}]`;
    case 'i:':
      return `[${rest}]`;
    default:
      return `.${rest}`;
  }
}
