/** The kind CustomResourceDefinition itself; `custom-kind.ts` makes kinds from its objects. */
import { defineKind } from '../define.js';
import { at, child, invalid, notSupported, required } from '../field-error.js';
import type { FieldError, FieldPath } from '../field-error.js';
import { isJsonObject } from '../object.js';
import { column, nameColumn } from '../print/columns.js';
import { dns1035Label, dnsSubdomain } from '../validation/names.js';
import { customResourceDefinitionSchema } from './schemas.js';
import type { CustomResourceDefinition } from './schemas.js';
import { structuralErrors } from './structural-rules.js';

function validate({ metadata, spec }: CustomResourceDefinition): FieldError[] {
  const errors: FieldError[] = [];
  const { group, names, scope } = spec;
  if (group !== undefined) {
    for (const text of dnsSubdomain(group)) errors.push(invalid('spec.group', group, text));
    if (!group.includes('.')) {
      errors.push(invalid('spec.group', group, 'should be a domain with at least one dot'));
    }
  }
  if (names?.plural !== undefined && metadata.name !== `${names.plural}.${group}`) {
    errors.push(
      invalid('metadata.name', metadata.name, 'must be spec.names.plural+"."+spec.group'),
    );
  }
  for (const name of ['plural', 'singular'] as const) {
    const value = names?.[name];
    if (value === undefined || value === '') continue;
    for (const text of dns1035Label(value)) errors.push(invalid(`spec.names.${name}`, value, text));
  }
  if (scope !== undefined && scope !== 'Cluster' && scope !== 'Namespaced') {
    errors.push(notSupported('spec.scope', scope, ['Cluster', 'Namespaced']));
  }
  const versions = spec.versions ?? [];
  if (versions.length > 0 && versions.filter((version) => version.storage).length !== 1) {
    const text = 'must have exactly one version marked as storage version';
    errors.push(invalid('spec.versions', versions, text));
  }
  if (group !== undefined) errors.push(...approvalErrors(group, metadata.annotations ?? {}));
  const versionNames = versions.map((version) => version.name);
  versionNames.forEach((name, index) => {
    if (versionNames.indexOf(name) === index) return;
    const text = 'must contain unique version names';
    errors.push(invalid('spec.versions', versions, text));
  });
  versions.forEach((version, index) => {
    const here = at('spec.versions', index);
    const path = child(child(here, 'schema'), 'openAPIV3Schema');
    const schema = version.schema?.openAPIV3Schema;
    if (!isJsonObject(schema)) errors.push(required(path, 'schemas are required'));
    else errors.push(...structuralErrors(schema, path));
    version.additionalPrinterColumns?.forEach((item, position) => {
      errors.push(...columnErrors(item, at(child(here, 'additionalPrinterColumns'), position)));
    });
  });
  return errors;
}

const approval = 'api-approved.kubernetes.io';

/** Groups of Kubernetes itself need its approval (KEP-1111). */
function approvalErrors(group: string, annotations: Record<string, string>): FieldError[] {
  if (!/(^|\.)(k8s|kubernetes)\.io$/.test(group)) return [];
  if ((annotations[approval] ?? '') !== '') return [];
  const text =
    `protected groups must have approval annotation "${approval}", ` +
    'see https://github.com/kubernetes/enhancements/pull/1111';
  return [required(at('metadata.annotations', approval), text)];
}

const columnTypes = ['boolean', 'date', 'integer', 'number', 'string'];

function columnErrors(
  item: { readonly name?: string; readonly type?: string; readonly jsonPath?: string },
  path: FieldPath,
): FieldError[] {
  const errors: FieldError[] = [];
  if ((item.name ?? '') === '') errors.push(required(child(path, 'name')));
  if ((item.type ?? '') === '') {
    const text = `must be one of ${columnTypes.join(',')}`;
    errors.push(required(child(path, 'type'), text));
  } else if (!columnTypes.includes(item.type ?? '')) {
    const text = `must be one of ${columnTypes.join(',')}`;
    errors.push(invalid(child(path, 'type'), item.type, text));
  }
  if ((item.jsonPath ?? '') === '') errors.push(required(child(path, 'jsonPath')));
  return errors;
}

/** CustomResourceDefinition. */
export const customResourceDefinitionKind = defineKind<CustomResourceDefinition>({
  group: 'apiextensions.k8s.io',
  version: 'v1',
  kind: 'CustomResourceDefinition',
  plural: 'customresourcedefinitions',
  shortNames: ['crd', 'crds'],
  categories: ['api-extensions'],
  namespaced: false,
  hasGeneration: true,
  schema: customResourceDefinitionSchema,
  setDefaults: ({ spec }) => {
    const { names } = spec;
    spec.conversion ??= { strategy: 'None' };
    if (names?.kind === undefined) return;
    names.singular ??= names.kind.toLowerCase();
    names.listKind ??= `${names.kind}List`;
  },
  prepareCreate: (object) => {
    const stored = (object.spec.versions ?? []).filter((version) => version.storage);
    object.status = { storedVersions: stored.map((version) => version.name) };
  },
  validate,
  validateUpdate: (next, old) => {
    const errors: FieldError[] = [];
    if (next.spec.group !== old.spec.group) {
      errors.push(invalid('spec.group', next.spec.group, 'field is immutable'));
    }
    if (next.spec.scope !== old.spec.scope) {
      errors.push(invalid('spec.scope', next.spec.scope, 'field is immutable'));
    }
    if (next.spec.names?.plural !== old.spec.names?.plural) {
      errors.push(invalid('spec.names.plural', next.spec.names?.plural, 'field is immutable'));
    }
    return errors;
  },
  columns: [
    nameColumn,
    column('Created At', (object) => object.metadata.creationTimestamp ?? '', { type: 'date' }),
  ],
});
