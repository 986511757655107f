/** Validation of `metadata` (apimachinery `api/validation/objectmeta.go`). */
import { at, forbidden, invalid, required } from '../field-error.js';
import type { FieldError } from '../field-error.js';
import type { KindDeclaration, NameRule } from '../kind.js';
import type { KubeObject, ObjectMeta, OwnerReference } from '../object.js';
import { formatGroupVersion } from '../object.js';
import { areAnnotations, areLabels } from './checks.js';
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
  const [first, second] = references.filter((reference) => reference.controller === true);
  if (first !== undefined && second !== undefined) {
    const text =
      'Only one reference can have Controller set to true. Found "true" in references for ' +
      `${first.kind}/${first.name} and ${second.kind}/${second.name}`;
    errors.push(invalid(path, references, text));
  }
}

/** Validates the metadata of an object that is created or updated; returns its errors by field. */
export function validateMetadata(kind: KindDeclaration, object: KubeObject): FieldError[] {
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
  (metadata.finalizers ?? []).forEach((finalizer, index) => {
    for (const text of qualifiedNameErrors(finalizer)) {
      errors.push(invalid(at('metadata.finalizers', index), finalizer, text));
    }
  });
  return errors;
}

function checkNamespace(kind: KindDeclaration, metadata: ObjectMeta, errors: FieldError[]): void {
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
  const fields = ['name', 'namespace', 'uid', 'creationTimestamp', 'deletionTimestamp'] as const;
  for (const field of fields) {
    const [now, before] = [next.metadata[field] ?? '', old.metadata[field] ?? ''];
    if (now !== before) {
      errors.push(invalid(`metadata.${field}`, next.metadata[field], 'field is immutable'));
    }
  }
  if (old.metadata.deletionTimestamp !== undefined) {
    const before = new Set(old.metadata.finalizers);
    const added = (next.metadata.finalizers ?? []).filter((name) => !before.has(name));
    if (added.length > 0) {
      const list = added.map((name) => JSON.stringify(name)).join(', ');
      const text = `no new finalizers can be added if the object is being deleted, found new finalizers []string{${list}}`;
      errors.push(forbidden('metadata.finalizers', text));
    }
  }
  return errors;
}

/** `apiVersion` of a kind. */
export function apiVersionOf(kind: { group: string; version: string }): string {
  return formatGroupVersion(kind.group, kind.version);
}
