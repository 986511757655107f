/** Validation of `metadata` (apimachinery `api/validation/objectmeta.go`). */
import { goQuote } from '../go-text/quote.js';
import { at, forbidden, invalid, required } from '../field-error.js';
import type { FieldError } from '../field-error.js';
import type { KindDeclaration, NameRule } from '../kind.js';
import type { KubeObject, ObjectMeta, OwnerReference } from '../object.js';
import { formatGroupVersion } from '../object.js';
import { goTime } from '../go-text/values.js';
import { areAnnotations, areLabels } from './checks.js';
import { strictIpErrors } from './ip-text.js';
import {
  dns1035Label,
  dnsLabel,
  dnsSubdomain,
  pathSegmentErrors,
  qualifiedNameErrors,
} from './names.js';

/** The rule's own function. */
export function nameErrors(rule: NameRule, name: string): string[] {
  switch (rule) {
    case 'subdomain':
      return dnsSubdomain(name);
    case 'label':
      return dnsLabel(name);
    case 'label1035':
      return dns1035Label(name);
    case 'path-segment':
      return pathSegmentErrors(name);
    case 'address':
      return strictIpErrors(name);
    default:
      return [];
  }
}

function checkOwners(references: readonly OwnerReference[], errors: FieldError[]): void {
  const path = 'metadata.ownerReferences';
  const names = ['apiVersion', 'kind', 'name', 'uid'] as const;
  for (const reference of references) {
    for (const name of names) {
      if ((reference[name] ?? '') !== '') continue;
      const what = name === 'apiVersion' ? 'version' : name;
      errors.push(invalid(`${path}.${name}`, '', `${what} must not be empty`));
    }
  }
  for (const reference of references) {
    if ((reference.apiVersion ?? '').split('/').length > 2) {
      errors.push(invalid(`${path}.apiVersion`, reference.apiVersion, 'version must not be empty'));
    }
    if (reference.apiVersion === 'v1' && reference.kind === 'Event') {
      errors.push(invalid(path, reference, '/v1, Kind=Event is disallowed from being an owner'));
    }
  }
  const [first, second] = references.filter((reference) => reference.controller === true);
  if (first !== undefined && second !== undefined) {
    const text =
      'Only one reference can have Controller set to true. Found "true" in references for ' +
      `${first.kind}/${first.name} and ${second.kind}/${second.name}`;
    errors.push(invalid(path, references, text));
  }
}

/**
 * Removes owner references that name an owner again; in place.
 * @returns the UIDs that were there more than once
 */
export function dedupeOwners(metadata: ObjectMeta): string[] {
  const { ownerReferences } = metadata;
  if (ownerReferences === undefined || ownerReferences.length < 2) return [];
  const seen = new Set<string>();
  const repeated: string[] = [];
  const kept = ownerReferences.filter(({ uid }) => {
    if (seen.has(uid)) repeated.push(uid);
    return !seen.has(uid) && seen.add(uid) !== undefined;
  });
  if (repeated.length > 0) metadata.ownerReferences = kept;
  return repeated;
}

/** The warning about owner references that were there more than once. */
export function repeatedOwnersWarning(uids: readonly string[]): string {
  return (
    '.metadata.ownerReferences contains duplicate entries; API server dedups owner references in 1.20+, ' +
    'and may reject such requests as early as 1.24; please fix your requests; ' +
    `duplicate UID(s) observed: ${uids.join(', ')}`
  );
}

/** The parts of a kind that its objects' metadata depends on. */
export type NamedKind = Pick<KindDeclaration, 'custom' | 'nameRule' | 'namespaced'>;

/** Validates the metadata of an object that is created or updated; returns its errors by field. */
export function validateMetadata(
  kind: NamedKind,
  object: Pick<KubeObject, 'metadata'>,
): FieldError[] {
  const errors: FieldError[] = [];
  const { metadata } = object;
  const { generateName, name } = metadata;
  if (generateName !== undefined && generateName !== '') {
    const stem = generateName.endsWith('-') ? `${generateName.slice(0, -1)}a` : generateName;
    for (const text of nameErrors(kind.nameRule, stem)) {
      errors.push(invalid('metadata.generateName', generateName, text));
    }
  }
  if (name === undefined || name === '') {
    errors.push(required('metadata.name', 'name or generateName is required'));
  } else {
    for (const text of nameErrors(kind.nameRule, name)) {
      errors.push(invalid('metadata.name', name, text));
    }
  }
  checkNamespace(kind, metadata, errors);
  areLabels(metadata.labels, 'metadata.labels', errors);
  areAnnotations(metadata.annotations, 'metadata.annotations', errors);
  checkOwners(metadata.ownerReferences ?? [], errors);
  checkFinalizers(metadata.finalizers ?? [], errors);
  if (!kind.custom) checkStandardFinalizers(metadata.finalizers ?? [], errors);
  return errors;
}

function checkFinalizers(finalizers: readonly string[], errors: FieldError[]): void {
  const path = 'metadata.finalizers';
  for (const finalizer of finalizers) {
    for (const text of qualifiedNameErrors(finalizer)) errors.push(invalid(path, finalizer, text));
  }
  if (finalizers.includes('orphan') && finalizers.includes('foregroundDeletion')) {
    const text = 'finalizer foregroundDeletion and orphan cannot be both set';
    errors.push(invalid(path, finalizers, text));
  }
}

const standardFinalizers = ['kubernetes', 'orphan', 'foregroundDeletion'];

/** Objects of built-in kinds have finalizers with a domain, beside Kubernetes' own. */
function checkStandardFinalizers(finalizers: readonly string[], errors: FieldError[]): void {
  finalizers.forEach((finalizer, index) => {
    if (finalizer.includes('/') || standardFinalizers.includes(finalizer)) return;
    const text = 'name is neither a standard finalizer name nor is it fully qualified';
    errors.push(invalid(at('metadata.finalizers', index), finalizer, text));
  });
}

function checkNamespace(kind: NamedKind, metadata: ObjectMeta, errors: FieldError[]): void {
  const namespace = metadata.namespace ?? '';
  if (!kind.namespaced) {
    if (namespace !== '') {
      errors.push(forbidden('metadata.namespace', 'not allowed on this type'));
    }
    return;
  }
  if (namespace === '') errors.push(required('metadata.namespace'));
  else {
    for (const text of dnsLabel(namespace)) {
      errors.push(invalid('metadata.namespace', namespace, text));
    }
  }
}

/** Validates an update of metadata; returns an error for each field that may not change. */
export function validateMetadataUpdate(next: KubeObject, old: KubeObject): FieldError[] {
  const errors: FieldError[] = [];
  for (const field of ['name', 'namespace', 'uid'] as const) {
    const [now, before] = [next.metadata[field] ?? '', old.metadata[field] ?? ''];
    if (now !== before) {
      errors.push(invalid(`metadata.${field}`, next.metadata[field], 'field is immutable'));
    }
  }
  for (const field of ['deletionTimestamp', 'deletionGracePeriodSeconds'] as const) {
    const now = next.metadata[field];
    if (now === old.metadata[field]) continue;
    const shown = typeof now === 'string' ? goTime(now) : String(now);
    const body = `Invalid value: ${shown}: field is immutable`;
    errors.push({ type: 'FieldValueInvalid', field: `metadata.${field}`, body });
  }
  if (old.metadata.deletionTimestamp !== undefined) {
    const before = new Set(old.metadata.finalizers);
    const added = (next.metadata.finalizers ?? []).filter((name) => !before.has(name));
    if (added.length > 0) {
      const list = added.map((name) => goQuote(name)).join(', ');
      const text =
        'no new finalizers can be added if the object is being deleted, ' +
        `found new finalizers []string{${list}}`;
      errors.push(forbidden('metadata.finalizers', text));
    }
  }
  return errors;
}

/** `apiVersion` of a kind. */
export function apiVersionOf(kind: { group: string; version: string }): string {
  return formatGroupVersion(kind.group, kind.version);
}
