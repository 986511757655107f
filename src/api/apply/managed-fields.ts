/** Server-side apply and the tracking of who set which fields (`metadata.managedFields`). */
import { cloneJson } from '../clone.js';
import type { KindDeclaration } from '../kind.js';
import type { JsonObject, KubeObject, ManagedFieldsEntry, Status } from '../object.js';
import { apiVersionOf } from '../validation/metadata.js';
import type { FieldSet } from './field-set.js';
import {
  difference,
  emptySet,
  equalSets,
  fieldSet,
  formatFields,
  formatPath,
  intersection,
  isEmptySet,
  leaf,
  parseFields,
  pathsOf,
  recursiveDifference,
  union,
} from './field-set.js';
import { allowedByLastApplied, kubectlManager, syncLastApplied } from './last-applied.js';
import { compare, merge, removePaths, setOf } from './typed.js';

/** The writer of an object: its name, the subresource that it uses, and the time. */
export interface Writer {
  readonly manager: string;
  /** `''` for the object itself. */
  readonly subresource: string;
  /** RFC 3339 with whole seconds. */
  readonly now: string;
}

/** One manager's entry with its set read. */
interface Managed {
  readonly entry: ManagedFieldsEntry;
  readonly set: FieldSet;
}

/** A field that another manager owns. */
export interface ApplyConflict {
  readonly manager: ManagedFieldsEntry;
  readonly path: readonly string[];
}

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
        compareText(a.manager, b.manager),
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

/**
 * Records the changes of a create, update or patch in `next.metadata.managedFields`.
 * @param live undefined for a create. The managers in `next` itself count only when they are an empty list, which
 * resets them.
 */
export function trackUpdate(
  kind: KindDeclaration,
  live: KubeObject | undefined,
  next: KubeObject,
  writer: Writer,
): void {
  const isReset = next.metadata.managedFields?.length === 0;
  const before = live === undefined || isReset ? [] : readManaged(live);
  const changes = compare(kind.schema, live ?? {}, next);
  const changed = stripped(kind, writer, union(changes.added, changes.modified));
  const managed: Managed[] = [];
  let isTracked = false;
  for (const { entry, set } of before) {
    const kept = recursiveDifference(set, changes.removed);
    if (isSame(entry, writer, 'Update')) {
      isTracked = true;
      const own = union(kept, changed);
      const time = equalSets(own, set) ? entry.time : writer.now;
      managed.push({ entry: { ...entry, ...(time === undefined ? {} : { time }) }, set: own });
    } else managed.push({ entry, set: difference(kept, changed) });
  }
  if (!isTracked && !isReset) {
    managed.push({ entry: newEntry(kind, writer, 'Update'), set: changed });
  }
  writeManaged(next, managed);
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
  const managed = managersOf(kind, live, writer);
  const configSet = stripped(kind, writer, setOf(kind.schema, config));
  const own = managed.find(({ entry }) => isSame(entry, writer, 'Apply'));
  const others = managed.filter((item) => item !== own);
  const merged = merge(kind.schema, live ?? {}, config);
  const ownedByOthers = others.reduce((all, { set }) => union(all, set), emptySet);
  const given = difference(difference(own?.set ?? emptySet, configSet), ownedByOthers);
  const pruned = removePaths(
    kind.schema,
    merged,
    withoutParents(given, union(configSet, ownedByOthers)),
  );
  const object = cloneJson(pruned) as KubeObject;
  const changes = compare(kind.schema, live ?? {}, object);
  const changed = stripped(kind, writer, union(changes.added, changes.modified));
  const allowed =
    writer.manager === kubectlManager && live !== undefined
      ? allowedByLastApplied(kind, live)
      : emptySet;
  const conflicts = others.flatMap(({ entry, set }) =>
    pathsOf(difference(intersection(set, intersection(changed, configSet)), allowed)).map(
      (path) => ({ manager: entry, path }),
    ),
  );
  if (conflicts.length > 0 && !force) return { object, conflicts };
  if (writer.manager === kubectlManager) syncLastApplied(object, live, config);
  const time = own !== undefined && equalSets(own.set, configSet) ? own.entry.time : writer.now;
  const entry = { ...newEntry(kind, writer, 'Apply'), ...(time === undefined ? {} : { time }) };
  const rest = others.map((item) => ({
    entry: item.entry,
    set: recursiveDifference(
      difference(item.set, intersection(changed, configSet)),
      changes.removed,
    ),
  }));
  writeManaged(object, [...rest, { entry, set: configSet }]);
  return { object, conflicts: [] };
}

/** Members whose children are still owned stay. */
function withoutParents(given: FieldSet, kept: FieldSet): FieldSet {
  const children = [...given.children].map(
    ([name, set]) => [name, withoutParents(set, kept.children.get(name) ?? emptySet)] as const,
  );
  const hasOwned = kept.children.size > 0 || kept.isMember;
  return fieldSet(given.isMember && !hasOwned, children);
}

function managerText({ manager, operation, subresource, apiVersion }: ManagedFieldsEntry): string {
  const through = (subresource ?? '') === '' ? '' : ` with subresource "${subresource}"`;
  const using = operation === 'Update' ? ` using ${apiVersion ?? ''}` : '';
  return `"${manager ?? ''}"${through}${using}`;
}

/** The `Conflict` status (HTTP 409) of an apply. */
export function applyConflictStatus(conflicts: readonly ApplyConflict[]): Status {
  const sorted = conflicts.toSorted((a, b) => compareText(a.manager.manager, b.manager.manager));
  const causes = sorted.map(({ manager, path }) => ({
    reason: 'FieldManagerConflict',
    message: `conflict with ${managerText(manager)}`,
    field: formatPath(path),
  }));
  const [only] = causes;
  let message: string;
  if (causes.length === 1 && only !== undefined) {
    message = `Apply failed with 1 conflict: ${only.message}: ${only.field}`;
  } else {
    const lines: string[] = [];
    let previous = '';
    for (const { message: text, field } of causes) {
      const head = `${text.replace('conflict with', 'conflicts with')}:`;
      if (head !== previous) lines.push(head);
      previous = head;
      lines.push(`- ${field}`);
    }
    message = `Apply failed with ${causes.length} conflicts: ${lines.join('\n')}`;
  }
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message,
    reason: 'Conflict',
    details: { causes },
    code: 409,
  };
}
