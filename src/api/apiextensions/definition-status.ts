/** The status of a definition: the names that it got, and whether it is served. Pure. */
import { findCondition, withCondition } from '../facts/conditions.js';
import type { CustomResourceDefinition } from './schemas.js';
import { deepEqual } from '../equal.js';
import { approvalOf } from './approval.js';

/** The status as the master keeps it. */
export type DefinitionStatus = NonNullable<CustomResourceDefinition['status']>;

/** The names of a custom resource: plural, singular, short names, kind, categories. */
export type Names = CustomResourceDefinition['spec']['names'];

/** Holds a definition until its objects are gone (apiextensions `CustomResourceCleanupFinalizer`). */
export const cleanupFinalizer = 'customresourcecleanup.apiextensions.k8s.io';

/** The condition's status, `''` when it is not there. */
export function conditionOf(definition: CustomResourceDefinition, type: string): string {
  return findCondition(definition.status?.conditions, type)?.status ?? '';
}

interface InUse {
  /** Plurals, singulars and short names, which share one space. */
  readonly resources: ReadonlySet<string>;
  /** Kinds and list kinds. */
  readonly kinds: ReadonlySet<string>;
}

function namesInUse(
  definition: CustomResourceDefinition,
  all: Iterable<CustomResourceDefinition>,
): InUse {
  const resources = new Set<string>();
  const kinds = new Set<string>();
  for (const other of all) {
    if (other.metadata.name === definition.metadata.name) continue;
    if (other.spec.group !== definition.spec.group) continue;
    const names = other.status?.acceptedNames;
    if (names === undefined) continue;
    for (const name of [names.plural, names.singular, ...(names.shortNames ?? [])]) {
      if (name !== undefined && name !== '') resources.add(name);
    }
    for (const name of [names.kind, names.listKind]) {
      if (name !== undefined && name !== '') kinds.add(name);
    }
  }
  return { resources, kinds };
}

/** The names that a definition gets, and why it does not get all of them. */
function acceptNames(
  definition: CustomResourceDefinition,
  inUse: InUse,
): { readonly names: Names; readonly reason: string; readonly message: string } {
  const wanted = definition.spec.names;
  const had = definition.status?.acceptedNames;
  let reason = '';
  const taken: string[] = [];
  const decide = <T>(
    why: string,
    value: T,
    words: readonly string[],
    used: ReadonlySet<string>,
  ) => {
    const conflicts = words.filter((word) => used.has(word));
    if (conflicts.length === 0) return value;
    reason = why;
    taken.push(...conflicts.map((word) => `${JSON.stringify(word)} is already in use`));
    return undefined;
  };
  const { resources, kinds } = inUse;
  const words = (value: string | undefined): string[] => (value === undefined ? [] : [value]);
  const plural = decide('PluralConflict', wanted.plural, words(wanted.plural), resources);
  const singular = decide('SingularConflict', wanted.singular, words(wanted.singular), resources);
  const shorts = wanted.shortNames ?? [];
  const shortNames = decide('ShortNamesConflict', wanted.shortNames, shorts, resources);
  const kind = decide('KindConflict', wanted.kind, words(wanted.kind), kinds);
  const listKind = decide('ListKindConflict', wanted.listKind, words(wanted.listKind), kinds);
  const names: Names = {
    ...(wanted.categories === undefined ? {} : { categories: wanted.categories }),
    kind: kind ?? had?.kind ?? '',
    plural: plural ?? had?.plural ?? '',
    ...optional('listKind', listKind ?? had?.listKind),
    ...optional('singular', singular ?? had?.singular),
    ...optional('shortNames', shortNames ?? (taken.length > 0 ? had?.shortNames : undefined)),
  };
  return { names, reason, message: taken.join(', ') };
}

function optional<K extends string, T>(name: K, value: T | undefined): Partial<Record<K, T>> {
  return value === undefined ? {} : ({ [name]: value } as Record<K, T>);
}

/** The conditions with what is known of the approval, where a group needs one. */
function withApproval(
  definition: CustomResourceDefinition,
  now: string,
): NonNullable<DefinitionStatus['conditions']> {
  const present = definition.status?.conditions ?? [];
  const { state: reason, message } = approvalOf(definition);
  if (reason === 'Unprotected') return present;
  const type = 'KubernetesAPIApprovalPolicyConformant';
  const status = reason === 'ApprovedAnnotation' ? 'True' : 'False';
  return withCondition(present, { type, status, reason, message }, now);
}

/**
 * The status that a definition should have now.
 * @param all every definition that is there, itself included
 * @param now the time for conditions that change, RFC 3339
 * @returns the present status itself when nothing changes
 */
export function desiredStatus(
  definition: CustomResourceDefinition,
  all: Iterable<CustomResourceDefinition>,
  now: string,
): DefinitionStatus {
  const { names, reason, message } = acceptNames(definition, namesInUse(definition, all));
  const accepted = reason === '';
  const present = definition.status;
  let conditions = withCondition(
    withApproval(definition, now),
    accepted
      ? {
          type: 'NamesAccepted',
          status: 'True',
          reason: 'NoConflicts',
          message: 'no conflicts found',
        }
      : { type: 'NamesAccepted', status: 'False', reason, message },
    now,
  );
  if (conditionOf(definition, 'Established') !== 'True') {
    conditions = withCondition(
      conditions,
      accepted
        ? {
            type: 'Established',
            status: 'True',
            reason: 'InitialNamesAccepted',
            message: 'the initial names have been accepted',
          }
        : {
            type: 'Established',
            status: 'False',
            reason: 'NotAccepted',
            message: 'not all names are accepted',
          },
      now,
    );
  }
  const stored = definition.spec.versions.find((version) => version.storage)?.name;
  const storedVersions = new Set(present?.storedVersions);
  if (stored !== undefined) storedVersions.add(stored);
  const next: DefinitionStatus = {
    ...present,
    acceptedNames: names,
    conditions,
    storedVersions: [...storedVersions],
  };
  return present !== undefined && deepEqual(next, present) ? present : next;
}

/** Marks a definition whose deletion begins: held by its finalizer, with the condition Terminating. In place. */
export function beginTermination(definition: CustomResourceDefinition, now: string): void {
  const { metadata } = definition;
  const finalizers = metadata.finalizers ?? [];
  if (!finalizers.includes(cleanupFinalizer)) {
    metadata.finalizers = [...finalizers, cleanupFinalizer];
  }
  setTerminating(definition, 'InstanceDeletionPending', now);
}

const terminatingTexts = {
  InstanceDeletionPending:
    'CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon',
  InstanceDeletionInProgress: 'CustomResource deletion is in progress',
} as const;

/** Sets the condition Terminating, in place. */
export function setTerminating(
  definition: CustomResourceDefinition,
  reason: keyof typeof terminatingTexts,
  now: string,
): void {
  const condition = {
    type: 'Terminating',
    status: 'True',
    reason,
    message: terminatingTexts[reason],
  };
  const conditions = withCondition(definition.status?.conditions ?? [], condition, now);
  definition.status = { ...definition.status, conditions };
}
