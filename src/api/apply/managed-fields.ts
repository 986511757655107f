/** Server-side apply and the tracking of who set which fields (`metadata.managedFields`). */
import { cloneJson } from '../clone.js';
import type { KindDeclaration } from '../kind.js';
import type { JsonObject, KubeObject, ManagedFieldsEntry } from '../object.js';
import { apiVersionOf } from '../validation/metadata.js';
import type { ApplyConflict } from './conflicts.js';
import type { FieldSet } from './field-set.js';
import {
  difference,
  emptySet,
  equalSets,
  fieldSet,
  formatFields,
  intersection,
  isEmptySet,
  leaf,
  parseFields,
  pathsOf,
  recursiveDifference,
  union,
} from './field-set.js';
import { allowedByLastApplied, kubectlManager, syncLastApplied } from './last-applied.js';
import type { Managed } from './update-managers.js';
import { withoutAncient } from './update-managers.js';
import { merge, removePaths, setOf } from './typed.js';
import type { View } from './views.js';
import { Views } from './views.js';

/** The writer of an object: its name, the subresource that it uses, and the time. */
export interface Writer {
  readonly manager: string;
  /** `''` for the object itself. */
  readonly subresource: string;
  /** RFC 3339 with whole seconds. */
  readonly now: string;
}

/** An entry, and the objects as its version has them. */
interface Viewed extends Managed {
  readonly view: View;
}

const scaleName = 'scale';

/** Fields that nobody owns. */
const unowned: ReadonlySet<string> = new Set(['f:apiVersion', 'f:kind']);
/** Fields of metadata that nobody owns. */
const unownedMetadata: FieldSet = fieldSet(
  false,
  [
    'name',
    'namespace',
    'creationTimestamp',
    'deletionTimestamp',
    'deletionGracePeriodSeconds',
    'selfLink',
    'uid',
    'generation',
    'managedFields',
    'resourceVersion',
  ].map((name) => [`f:${name}`, leaf] as const),
);

/** Takes out what nobody owns, and what this way of writing does not touch. */
function stripped(kind: KindDeclaration, writer: Writer, set: FieldSet): FieldSet {
  const throughStatus = writer.subresource === 'status';
  const children = new Map<string, FieldSet>();
  for (const [name, below] of set.children) {
    if (unowned.has(name)) continue;
    if (kind.hasStatus && (name === 'f:status') !== throughStatus) continue;
    if (name !== 'f:metadata') children.set(name, below);
    else {
      const owned = recursiveDifference(below, unownedMetadata);
      if (owned.children.size > 0) children.set(name, { ...owned, isMember: false });
    }
  }
  return { isMember: false, children };
}

function readManaged(object: KubeObject): Managed[] {
  return (object.metadata.managedFields ?? []).map((entry) => ({
    entry,
    set: parseFields(entry.fieldsV1),
  }));
}

/** The entries of versions that there are; what was set through another is nobody's any more. */
function viewed(managed: readonly Managed[], views: Views): Viewed[] {
  return managed.flatMap((item) => {
    const view = views.of(item.entry.apiVersion);
    return view === undefined ? [] : [{ ...item, view }];
  });
}

function isSame(entry: ManagedFieldsEntry, writer: Writer, operation: string): boolean {
  return (
    entry.manager === writer.manager &&
    entry.operation === operation &&
    (entry.subresource ?? '') === writer.subresource
  );
}

/** Writes the entries back, those without fields left out, applied ones first, then by time. */
function writeManaged(object: KubeObject, managed: readonly Managed[]): void {
  const entries = managed
    .filter(({ set }) => !isEmptySet(set))
    .map(({ entry, set }): ManagedFieldsEntry => ({
      ...entry,
      fieldsType: 'FieldsV1',
      fieldsV1: formatFields(set) as JsonObject,
    }))
    .sort(
      (a, b) =>
        compareText(a.operation, b.operation) ||
        compareText(a.time, b.time) ||
        compareText(a.manager, b.manager) ||
        compareText(a.apiVersion, b.apiVersion) ||
        compareText(a.subresource, b.subresource),
    );
  if (entries.length === 0) delete object.metadata.managedFields;
  else object.metadata.managedFields = entries;
}

function compareText(a = '', b = ''): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function newEntry(kind: KindDeclaration, writer: Writer, operation: string): ManagedFieldsEntry {
  return {
    manager: writer.manager,
    operation,
    apiVersion: apiVersionOf(kind),
    time: writer.now,
    ...(writer.subresource === '' ? {} : { subresource: writer.subresource }),
  };
}

/** What a write sets, and what it takes out. */
interface Changes {
  readonly changed: FieldSet;
  readonly removed: FieldSet;
}

/** The changes of a write as a version has them: found once a version, however many managers write through it. */
function changesBy(
  kind: KindDeclaration,
  writer: Writer,
  live: KubeObject | undefined,
  next: KubeObject,
): (view: View) => Changes {
  const known = new Map<View, Changes>();
  return (view) => {
    let found = known.get(view);
    if (found === undefined) {
      const { added, modified, removed } = view.compare(live, next);
      found = { changed: stripped(kind, writer, union(added, modified)), removed };
      known.set(view, found);
    }
    return found;
  };
}

/**
 * Records the changes of a create, update or patch in `next.metadata.managedFields`.
 * @param live undefined for a create. An object without managers gets none by an update. The managers in `next` itself
 * count only when they are an empty list, which resets them.
 */
export function trackUpdate(
  kind: KindDeclaration,
  live: KubeObject | undefined,
  next: KubeObject,
  writer: Writer,
): void {
  const isReset = next.metadata.managedFields?.length === 0;
  const before = live === undefined || isReset ? [] : readManaged(live);
  if (live !== undefined && before.length === 0) {
    // Whom an object has no managers of, nobody has applied; the first apply finds out who set what.
    delete next.metadata.managedFields;
    return;
  }
  const views = new Views(kind);
  const changesIn = changesBy(kind, writer, live, next);
  if (writer.subresource === scaleName) {
    // A Scale shows the owners of the replicas; where there are none, it is an object without managers.
    const { changed } = changesIn(views.own);
    if (before.every(({ set }) => isEmptySet(intersection(set, changed)))) {
      writeManaged(next, before);
      return;
    }
  }
  const managed: Managed[] = [];
  let isTracked = false;
  for (const { entry, set, view } of viewed(before, views)) {
    const { changed, removed } = changesIn(view);
    const kept = recursiveDifference(set, removed);
    // An update through another version is an entry of its own.
    if (isSame(entry, writer, 'Update') && view === views.own) {
      isTracked = true;
      const own = union(kept, changed);
      const time = equalSets(own, set) ? entry.time : writer.now;
      managed.push({ entry: { ...entry, ...(time === undefined ? {} : { time }) }, set: own });
    } else managed.push({ entry, set: difference(kept, changed) });
  }
  if (!isTracked) {
    managed.push({ entry: newEntry(kind, writer, 'Update'), set: changesIn(views.own).changed });
  }
  writeManaged(next, withoutAncient(managed));
}

/** An apply that met fields of other managers. */
export interface ApplyOutcome {
  /** The object to go on with, a new one; its managers are up to date. */
  readonly object: KubeObject;
  /** Not empty only without force; the object is of no use then. */
  readonly conflicts: readonly ApplyConflict[];
}

/** The configuration to apply, with its writer and the live object. */
export interface ApplyRequest {
  /** Undefined when the object is to be created. */
  readonly live: KubeObject | undefined;
  /** Decoded, without defaults. */
  readonly config: KubeObject;
  readonly force: boolean;
  readonly writer: Writer;
}

/** Objects from before the first apply belong to a manager of this name. */
const firstManager = 'before-first-apply';

function managersOf(
  kind: KindDeclaration,
  live: KubeObject | undefined,
  writer: Writer,
): Managed[] {
  if (live === undefined) return [];
  const managed = readManaged(live);
  if (managed.length > 0) return managed;
  const set = stripped(kind, { ...writer, subresource: '' }, setOf(kind.schema, live));
  return [{ entry: newEntry(kind, { ...writer, manager: firstManager }, 'Update'), set }];
}

/** Merges a configuration into the live object by server-side apply's rules. */
export function applyConfiguration(kind: KindDeclaration, request: ApplyRequest): ApplyOutcome {
  const { live, config, force, writer } = request;
  const views = new Views(kind);
  const managed = viewed(managersOf(kind, live, writer), views);
  const configSet = stripped(kind, writer, setOf(kind.schema, config));
  const own = managed.find(({ entry }) => isSame(entry, writer, 'Apply'));
  const others = managed.filter((item) => item !== own);
  const merged = merge(kind.schema, live ?? {}, config) as KubeObject;
  const applied = { set: configSet, view: views.own };
  const object = cloneJson(
    own === undefined ? merged : pruned(merged, own, [...others, applied], views.own),
  );
  const allowed =
    writer.manager === kubectlManager && live !== undefined
      ? allowedByLastApplied(kind, live)
      : emptySet;
  const changesIn = changesBy(kind, writer, live, object);
  const rest: Managed[] = [];
  const conflicts: ApplyConflict[] = [];
  for (const { entry, set, view } of others) {
    const { changed, removed } = changesIn(view);
    // In other versions the configuration is not at hand: all that has changed there comes of it.
    const taken = view === views.own ? intersection(changed, configSet) : changed;
    for (const path of pathsOf(difference(intersection(set, taken), allowed))) {
      conflicts.push({ manager: entry, path });
    }
    rest.push({ entry, set: recursiveDifference(difference(set, taken), removed) });
  }
  if (conflicts.length > 0 && !force) return { object, conflicts };
  if (writer.manager === kubectlManager) syncLastApplied(object, live, config);
  const isSameSet = own?.view === views.own && equalSets(own.set, configSet);
  const time = isSameSet ? own?.entry.time : writer.now;
  const entry = { ...newEntry(kind, writer, 'Apply'), ...(time === undefined ? {} : { time }) };
  writeManaged(object, [...rest, { entry, set: configSet }]);
  return { object, conflicts: [] };
}

/**
 * Takes out what was applied before, is not now, and nobody else owns: first as the version has it in which it was
 * applied, then, since others own fields by their versions' paths, as each of those has it
 * (structured-merge-diff's `prune` and `addBackOwnedItems`).
 */
function pruned(
  merged: KubeObject,
  own: Viewed,
  owners: readonly Pick<Viewed, 'set' | 'view'>[],
  writers: View,
): KubeObject {
  const sets = new Map<View, FieldSet>();
  for (const { set, view } of owners) {
    const known = sets.get(view) ?? emptySet;
    sets.delete(view);
    sets.set(view, union(known, set));
  }
  let view = own.view;
  const owned = sets.get(view) ?? emptySet;
  let result = without(view, view.show(merged), difference(own.set, owned), owned);
  for (const [next, kept] of sets) {
    if (next === own.view) continue;
    const whole = next.show(merged);
    const gone = difference(setOf(next.schema, whole), setOf(next.schema, next.show(result, view)));
    result = without(next, whole, difference(gone, kept), kept);
    view = next;
  }
  return writers.show(result, view);
}

function without(view: View, object: KubeObject, given: FieldSet, kept: FieldSet): KubeObject {
  return removePaths(view.schema, object, withoutParents(given, kept)) as KubeObject;
}

/** Members whose children are still owned stay. */
function withoutParents(given: FieldSet, kept: FieldSet): FieldSet {
  const children = [...given.children].map(
    ([name, set]) => [name, withoutParents(set, kept.children.get(name) ?? emptySet)] as const,
  );
  const hasOwned = kept.children.size > 0 || kept.isMember;
  return fieldSet(given.isMember && !hasOwned, children);
}
