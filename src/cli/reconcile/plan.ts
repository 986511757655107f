/**
 * What `auth reconcile` makes of an object that is there and of what it should be (component-helpers
 * `auth/rbac/reconciliation`); pure.
 */
import { deepEqual } from '../../api/equal.js';
import { uncoveredRules } from '../../api/facts/policy-rules.js';
import type { ClusterRole, PolicyRule, RoleBinding, Subject } from '../../api/types/policy.js';

/** How an object comes to be what it should. */
export type Operation = 'none' | 'create' | 'update' | 'recreate';

/** What has to be done. */
export interface Plan<T> {
  readonly operation: Operation;
  /** The object afterwards. */
  readonly object: T;
  readonly missingRules: readonly PolicyRule[];
  readonly extraRules: readonly PolicyRule[];
  readonly missingSubjects: readonly Subject[];
  readonly extraSubjects: readonly Subject[];
  /** True where the object's owner wants it left alone. */
  readonly isProtected: boolean;
}

/** Whether what is there beyond what should be is taken away. */
export interface Extras {
  readonly removePermissions: boolean;
  readonly removeSubjects: boolean;
}

/** Set to `false`, it keeps an object from being reconciled. */
const autoUpdate = 'rbac.authorization.kubernetes.io/autoupdate';

const nothing = {
  missingRules: [],
  extraRules: [],
  missingSubjects: [],
  extraSubjects: [],
  isProtected: false,
} as const;

type Selectors = NonNullable<ClusterRole['aggregationRule']>['clusterRoleSelectors'];

/** Roles and ClusterRoles. */
export function planRole(
  existing: ClusterRole | undefined,
  wanted: ClusterRole,
  { removePermissions }: Pick<Extras, 'removePermissions'>,
): Plan<ClusterRole> {
  if (existing === undefined) {
    return { ...nothing, operation: 'create', object: wanted, missingRules: wanted.rules ?? [] };
  }
  const object = withMetadata(existing, wanted);
  const [held, should] = [existing.rules ?? [], wanted.rules ?? []];
  // The rules of a sum are the controller's: none of them is too many.
  const isSum = existing.aggregationRule !== undefined && wanted.aggregationRule !== undefined;
  const extraRules = isSum ? [] : uncoveredRules(should, held);
  const missingRules = uncoveredRules(held, should);
  if (removePermissions) {
    if (missingRules.length + extraRules.length > 0) object.rules = should;
  } else if (missingRules.length > 0) object.rules = [...held, ...missingRules];
  aggregate(object, existing, wanted, removePermissions);
  return {
    ...nothing,
    operation: deepEqual(object, existing) ? 'none' : 'update',
    object,
    missingRules,
    extraRules,
    isProtected: isProtected(existing),
  };
}

/** Sets the selectors of the roles that `object` sums up. */
function aggregate(
  object: ClusterRole,
  existing: ClusterRole,
  wanted: ClusterRole,
  isExact: boolean,
): void {
  if (wanted.aggregationRule === undefined) {
    delete object.aggregationRule;
    return;
  }
  const held = existing.aggregationRule?.clusterRoleSelectors ?? [];
  const should = wanted.aggregationRule.clusterRoleSelectors ?? [];
  const without = (all: NonNullable<Selectors>, some: NonNullable<Selectors>) =>
    all.filter((one) => !some.some((other) => deepEqual(one, other)));
  const missing = without(should, held);
  if (isExact) {
    if (missing.length + without(held, should).length > 0) {
      object.aggregationRule = wanted.aggregationRule;
    }
  } else if (missing.length > 0) {
    object.aggregationRule = { clusterRoleSelectors: [...held, ...missing] };
  }
}

/** RoleBindings and ClusterRoleBindings. */
export function planBinding(
  existing: RoleBinding | undefined,
  wanted: RoleBinding,
  { removeSubjects }: Pick<Extras, 'removeSubjects'>,
): Plan<RoleBinding> {
  const should = wanted.subjects ?? [];
  if (existing === undefined) {
    return { ...nothing, operation: 'create', object: wanted, missingSubjects: should };
  }
  const isLeftAlone = isProtected(existing);
  // The role of a binding cannot be changed.
  if (!deepEqual(existing.roleRef, wanted.roleRef)) {
    return { ...nothing, operation: 'recreate', object: wanted, isProtected: isLeftAlone };
  }
  const object = withMetadata(existing, wanted);
  const held = existing.subjects ?? [];
  const missingSubjects = subjectsBeside(should, held);
  const extraSubjects = subjectsBeside(held, should);
  if (removeSubjects) {
    if (missingSubjects.length + extraSubjects.length > 0) object.subjects = should;
  } else if (missingSubjects.length > 0) object.subjects = [...held, ...missingSubjects];
  return {
    ...nothing,
    operation: deepEqual(object, existing) ? 'none' : 'update',
    object,
    missingSubjects,
    extraSubjects,
    isProtected: isLeftAlone,
  };
}

/** The subjects of one list that another has not, each once. */
function subjectsBeside(some: readonly Subject[], others: readonly Subject[]): Subject[] {
  const known = new Set(others.map(subjectText));
  return some.filter((one) => {
    const key = subjectText(one);
    return !known.has(key) && known.add(key) !== undefined;
  });
}

function isProtected({ metadata }: ClusterRole | RoleBinding): boolean {
  return metadata.annotations?.[autoUpdate] === 'false';
}

/** A copy with what `wanted` lacks of labels and annotations; those that are there stay as they are. */
function withMetadata<T extends ClusterRole | RoleBinding>(existing: T, wanted: T): T {
  const metadata = { ...existing.metadata };
  for (const field of ['annotations', 'labels'] as const) {
    const merged = { ...wanted.metadata[field], ...existing.metadata[field] };
    if (Object.keys(merged).length > 0) metadata[field] = merged;
  }
  return { ...existing, metadata };
}

const goList = (items: readonly string[] | null | undefined): string =>
  `[${(items ?? []).join(' ')}]`;

/** A rule as Go prints the struct. */
function ruleText({ verbs, apiGroups, resources, resourceNames, nonResourceURLs }: PolicyRule) {
  return `{Verbs:${goList(verbs)} APIGroups:${goList(apiGroups)} Resources:${goList(resources)} ResourceNames:${goList(resourceNames)} NonResourceURLs:${goList(nonResourceURLs)}}`;
}

/** A subject as Go prints the struct. */
function subjectText({ kind, apiGroup = '', name, namespace = '' }: Subject): string {
  return `{Kind:${kind} APIGroup:${apiGroup} Name:${name} Namespace:${namespace}}`;
}

/** What kubectl says of a plan. */
export function planWords<T>(plan: Plan<T>, extras: Extras): string {
  if (plan.operation === 'none') return '';
  const caveat = plan.isProtected ? `, but object opted out (${autoUpdate}: false)` : '';
  const part = (head: string, lines: readonly string[]): string[] =>
    lines.length === 0 ? [] : [`\t${head}:\n`, ...lines.map((line) => `\t\t${line}\n`)];
  const { removePermissions, removeSubjects } = extras;
  return [
    `\treconciliation required ${plan.operation}${caveat}\n`,
    ...part('missing subjects added', plan.missingSubjects.map(subjectText)),
    ...part('extra subjects removed', removeSubjects ? plan.extraSubjects.map(subjectText) : []),
    ...part('missing rules added', plan.missingRules.map(ruleText)),
    ...part('extra rules removed', removePermissions ? plan.extraRules.map(ruleText) : []),
  ].join('');
}
