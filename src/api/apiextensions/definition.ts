/** The kind CustomResourceDefinition itself; `custom-kind.ts` makes kinds from its objects. */
import { defineKind } from '../define.js';
import { expressionLength } from '../cel/kube/expression-length.js';
import { findCondition } from '../facts/conditions.js';
import { invalid } from '../field-error.js';
import type { FieldError } from '../field-error.js';
import { column, nameColumn } from '../print/columns.js';
import { given } from '../schema/node.js';
import { nameErrors, validateDefinition } from './definition-rules.js';
import { customResourceDefinitionSchema } from './schemas.js';
import type { CustomResourceDefinition } from './schemas.js';

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
    if ((names?.kind ?? '') === '') return;
    names.singular ??= names.kind.toLowerCase();
    names.listKind ??= `${names.kind}List`;
  },
  prepareCreate: (object) => {
    const stored = (object.spec.versions ?? []).find((version) => version.storage);
    object.status = { storedVersions: stored === undefined ? [] : [given(stored).name ?? ''] };
  },
  prepareUpdate: (next) => {
    const storage = (next.spec.versions ?? []).find((version) => version.storage);
    if (storage === undefined) return;
    const { name = '' } = given(storage);
    const stored = next.status?.storedVersions ?? [];
    if (stored.includes(name)) return;
    next.status = { ...next.status, storedVersions: [...stored, name] };
  },
  validate: (definition, _old, _warnings, effort) => validateDefinition(definition, effort),
  validateCreate: (definition) => nameErrors(definition as CustomResourceDefinition),
  expressionLength,
  validateUpdate: (next, old) => {
    const errors: FieldError[] = [];
    const keep = (path: string, now: string | undefined, before: string | undefined): void => {
      if (now !== before) errors.push(invalid(path, now ?? '', 'field is immutable'));
    };
    const isEstablished = findCondition(old.status?.conditions, 'Established')?.status === 'True';
    if (isEstablished) {
      keep('spec.scope', next.spec.scope, old.spec.scope);
      keep('spec.names.kind', next.spec.names?.kind, old.spec.names?.kind);
    }
    keep('spec.group', next.spec.group, old.spec.group);
    keep('spec.names.plural', next.spec.names?.plural, old.spec.names?.plural);
    return errors;
  },
  columns: [
    nameColumn,
    column('Created At', (object) => object.metadata.creationTimestamp ?? '', { type: 'date' }),
  ],
});
