/** Role, ClusterRole, RoleBinding, ClusterRoleBinding. */
import { defineKind } from '../define.js';
import { semanticEqual } from '../equal.js';
import { at, child, invalid, notSupported, required } from '../field-error.js';
import type { FieldError } from '../field-error.js';
import { ageColumn, column, nameColumn, wide } from '../print/columns.js';
import { given } from '../schema/node.js';
import type { ClusterRole, PolicyRule, Role, RoleBinding } from '../types/policy.js';
import { isDnsSubdomain, isLabelSelector, isPathSegment } from '../validation/checks.js';
import {
  clusterRoleBindingSchema,
  clusterRoleSchema,
  roleBindingSchema,
  roleSchema,
} from './schemas.js';

const rbac = {
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  nameRule: 'path-segment',
  allowCreateOnUpdate: true,
} as const;

function checkRules(rules: readonly PolicyRule[] | undefined, isNamespaced: boolean): FieldError[] {
  const errors: FieldError[] = [];
  (rules ?? []).forEach((rule, index) => {
    const path = at('rules', index);
    if (!rule.verbs?.length)
      errors.push(required(child(path, 'verbs'), 'verbs must contain at least one value'));
    if (rule.nonResourceURLs?.length) {
      if (isNamespaced) {
        const text = 'namespaced rules cannot apply to non-resource URLs';
        errors.push(invalid(child(path, 'nonResourceURLs'), rule.nonResourceURLs, text));
      }
      if (rule.apiGroups?.length || rule.resources?.length || rule.resourceNames?.length) {
        const text = 'rules cannot apply to both regular resources and non-resource URLs';
        errors.push(invalid(child(path, 'nonResourceURLs'), rule.nonResourceURLs, text));
      }
      return;
    }
    if (!rule.apiGroups?.length) {
      const text = 'resource rules must supply at least one api group';
      errors.push(required(child(path, 'apiGroups'), text));
    }
    if (!rule.resources?.length) {
      const text = 'resource rules must supply at least one resource';
      errors.push(required(child(path, 'resources'), text));
    }
  });
  return errors;
}

function checkAggregation({ aggregationRule }: ClusterRole): FieldError[] {
  if (aggregationRule === undefined) return [];
  const path = 'aggregationRule.clusterRoleSelectors';
  const selectors = aggregationRule.clusterRoleSelectors ?? [];
  if (selectors.length === 0) {
    const text = 'at least one clusterRoleSelector required if aggregationRule is non-nil';
    return [required(path, text)];
  }
  return selectors.flatMap((selector, index) => {
    const found: FieldError[] = [];
    isLabelSelector(selector, at(path, index), found);
    // Kubernetes compiles the selector too, and says so once more, without it.
    return found.length === 0
      ? []
      : [invalid(at(path, index), undefined, 'invalid label selector.')];
  });
}

const createdColumn = column('Created At', (object) => object.metadata.creationTimestamp ?? '', {
  type: 'date',
});

/** Role. */
export const roleKind = defineKind<Role>({
  ...rbac,
  kind: 'Role',
  plural: 'roles',
  schema: roleSchema,
  validate: (role) => checkRules(role.rules, true),
  columns: [nameColumn, createdColumn],
});

/** ClusterRole. */
export const clusterRoleKind = defineKind<ClusterRole>({
  ...rbac,
  kind: 'ClusterRole',
  plural: 'clusterroles',
  namespaced: false,
  schema: clusterRoleSchema,
  validate: (role) => [...checkRules(role.rules, false), ...checkAggregation(role)],
  columns: [nameColumn, createdColumn],
});

const rbacGroup = 'rbac.authorization.k8s.io';

function setBindingDefaults(binding: RoleBinding): void {
  if (binding.roleRef !== undefined) binding.roleRef.apiGroup ||= rbacGroup;
  for (const subject of binding.subjects ?? []) {
    if (subject.kind === 'User' || subject.kind === 'Group') subject.apiGroup ??= rbacGroup;
  }
}

/** Go has the reference as a struct: one that is absent is one whose fields are empty. */
function checkRoleRef(
  ref: RoleBinding['roleRef'] | undefined,
  isNamespaced: boolean,
  errors: FieldError[],
): void {
  const parts = given(ref ?? ({} as NonNullable<typeof ref>));
  const { apiGroup = rbacGroup, kind = '', name = '' } = parts;
  if (apiGroup !== rbacGroup) errors.push(notSupported('roleRef.apiGroup', apiGroup, [rbacGroup]));
  const kinds = isNamespaced ? ['Role', 'ClusterRole'] : ['ClusterRole'];
  if (!kinds.includes(kind)) errors.push(notSupported('roleRef.kind', kind, kinds));
  if (name === '') errors.push(required('roleRef.name'));
  else isPathSegment(name, 'roleRef.name', errors);
}

function validateBinding(binding: RoleBinding, isNamespaced: boolean): FieldError[] {
  const errors: FieldError[] = [];
  checkRoleRef(binding.roleRef, isNamespaced, errors);
  (binding.subjects ?? []).forEach((subject, index) => {
    const path = at('subjects', index);
    if (subject.kind === 'ServiceAccount') {
      const { name = '' } = given(subject);
      if (name !== '') isDnsSubdomain(name, child(path, 'name'), errors);
      if ((subject.apiGroup ?? '') !== '') {
        errors.push(notSupported(child(path, 'apiGroup'), subject.apiGroup, ['']));
      }
      if (!isNamespaced && (subject.namespace ?? '') === '')
        errors.push(required(child(path, 'namespace')));
    } else if (subject.kind !== 'User' && subject.kind !== 'Group') {
      errors.push(
        notSupported(child(path, 'kind'), subject.kind ?? '', ['ServiceAccount', 'User', 'Group']),
      );
    } else if (subject.apiGroup !== rbacGroup) {
      errors.push(notSupported(child(path, 'apiGroup'), subject.apiGroup, [rbacGroup]));
    }
  });
  return errors;
}

function validateBindingUpdate(next: RoleBinding, old: RoleBinding): FieldError[] {
  if (semanticEqual(next.roleRef, old.roleRef)) return [];
  return [invalid('roleRef', next.roleRef ?? {}, 'cannot change roleRef')];
}

function subjects(binding: RoleBinding, kind: string): string {
  return (binding.subjects ?? [])
    .filter((subject) => subject.kind === kind)
    .map((subject) =>
      kind === 'ServiceAccount' ? `${subject.namespace ?? ''}/${subject.name}` : subject.name,
    )
    .join(', ');
}

const bindingColumns = [
  nameColumn,
  column<RoleBinding>('Role', ({ roleRef }) => `${roleRef.kind}/${roleRef.name}`),
  ageColumn,
  wide<RoleBinding>('Users', (binding) => subjects(binding, 'User')),
  wide<RoleBinding>('Groups', (binding) => subjects(binding, 'Group')),
  wide<RoleBinding>('ServiceAccounts', (binding) => subjects(binding, 'ServiceAccount')),
];

/** RoleBinding. */
export const roleBindingKind = defineKind<RoleBinding>({
  ...rbac,
  kind: 'RoleBinding',
  plural: 'rolebindings',
  schema: roleBindingSchema,
  setDefaults: setBindingDefaults,
  validate: (binding) => validateBinding(binding, true),
  validateUpdate: validateBindingUpdate,
  columns: bindingColumns,
});

/** ClusterRoleBinding. */
export const clusterRoleBindingKind = defineKind<RoleBinding>({
  ...rbac,
  kind: 'ClusterRoleBinding',
  plural: 'clusterrolebindings',
  namespaced: false,
  schema: clusterRoleBindingSchema,
  setDefaults: setBindingDefaults,
  validate: (binding) => validateBinding(binding, false),
  validateUpdate: validateBindingUpdate,
  columns: bindingColumns,
});
