import { objectKey } from '../../../api/facts/keys.js';
import { compileSelector } from '../../../api/facts/selectors.js';
import type { ClusterRole, PolicyRule, RoleBinding, Subject } from '../../../api/types/policy.js';
import type { WatchCache } from '../cache/watch-cache.js';
import type { ResourceCache } from '../cache/resource-cache.js';
import type { UserInfo } from '../registry/types.js';
import type { Attributes, Authorizer, Decision } from './attributes.js';

/** The role that a binding names. */
export type RoleRef = Pick<RoleBinding['roleRef'], 'kind' | 'name'>;

const group = 'rbac.authorization.k8s.io';

function has(list: readonly string[] | undefined, value: string): boolean {
  return list !== undefined && (list.includes('*') || list.includes(value));
}

function resourceMatches(rule: PolicyRule, attributes: Attributes): boolean {
  const { resource, subresource } = attributes;
  const full = subresource === '' ? resource : `${resource}/${subresource}`;
  const { resources = [] } = rule;
  if (resources.includes('*') || resources.includes(full)) return true;
  return subresource !== '' && resources.includes(`*/${subresource}`);
}

/** True when one rule allows the request (apiserver `RuleAllows`). */
export function ruleAllows(rule: PolicyRule, attributes: Attributes): boolean {
  if (!has(rule.verbs, attributes.verb)) return false;
  if (!attributes.isResource) {
    return (rule.nonResourceURLs ?? []).some(
      (pattern) =>
        pattern === '*' ||
        pattern === attributes.path ||
        (pattern.endsWith('*') && attributes.path.startsWith(pattern.slice(0, -1))),
    );
  }
  if (!has(rule.apiGroups, attributes.group) || !resourceMatches(rule, attributes)) return false;
  const { resourceNames = [] } = rule;
  return resourceNames.length === 0 || resourceNames.includes(attributes.name);
}

function subjectMatches(subject: Subject, user: UserInfo, namespace: string): boolean {
  switch (subject.kind) {
    case 'User':
      return subject.name === user.name;
    case 'Group':
      return user.groups.includes(subject.name);
    case 'ServiceAccount': {
      const home = subject.namespace ?? namespace;
      return home !== '' && user.name === `system:serviceaccount:${home}:${subject.name}`;
    }
    default:
      return false;
  }
}

/** A subject as Kubernetes names it in a reason. */
function described(subject: Subject, namespace: string): string {
  const { kind, name } = subject;
  if (kind !== 'ServiceAccount') return `${kind} ${JSON.stringify(name)}`;
  return `${kind} ${JSON.stringify(`${name}/${subject.namespace ?? namespace}`)}`;
}

/** ClusterRole-based access control over the cached roles and bindings. */
export class RbacAuthorizer implements Authorizer {
  readonly #roles: ResourceCache;
  readonly #clusterRoles: ResourceCache;
  readonly #bindings: ResourceCache;
  readonly #clusterBindings: ResourceCache;

  constructor(watchCache: WatchCache) {
    this.#roles = watchCache.cache(`${group}/roles`);
    this.#clusterRoles = watchCache.cache(`${group}/clusterroles`);
    this.#bindings = watchCache.cache(`${group}/rolebindings`);
    this.#clusterBindings = watchCache.cache(`${group}/clusterrolebindings`);
  }

  authorize(attributes: Attributes): Decision | undefined {
    for (const { rules, reason } of this.#applicable(attributes.user, attributes.namespace)) {
      for (const rule of rules) {
        if (ruleAllows(rule, attributes))
          return { allowed: true, reason: `RBAC: allowed by ${reason}` };
      }
    }
    return undefined;
  }

  /** All rules that hold for a user in a namespace (`''`: cluster scope only). */
  rulesFor(user: UserInfo, namespace: string): PolicyRule[] {
    return [...this.#applicable(user, namespace)].flatMap((found) => found.rules);
  }

  *#applicable(
    user: UserInfo,
    namespace: string,
  ): Generator<{ rules: readonly PolicyRule[]; reason: string }> {
    for (const entry of this.#clusterBindings.list()) {
      const binding = entry.object<RoleBinding>();
      const subject = binding.subjects?.find((given) => subjectMatches(given, user, ''));
      if (subject === undefined) continue;
      const rules = this.#rulesOf('', binding);
      const reason =
        `ClusterRoleBinding ${JSON.stringify(entry.name)} of ClusterRole ` +
        `${JSON.stringify(binding.roleRef.name)} to ${described(subject, '')}`;
      yield { rules, reason };
    }
    if (namespace === '') return;
    for (const entry of this.#bindings.list(namespace)) {
      const binding = entry.object<RoleBinding>();
      const subject = binding.subjects?.find((given) => subjectMatches(given, user, namespace));
      if (subject === undefined) continue;
      const where = JSON.stringify(`${entry.name}/${namespace}`);
      const role = JSON.stringify(binding.roleRef.name);
      const to = described(subject, namespace);
      const reason = `RoleBinding ${where} of ${binding.roleRef.kind} ${role} to ${to}`;
      yield { rules: this.#rulesOf(namespace, binding), reason };
    }
  }

  #rulesOf(namespace: string, binding: RoleBinding): readonly PolicyRule[] {
    return this.rulesOfRole(namespace, binding.roleRef) ?? [];
  }

  /** The rules of a role, aggregated ones included; undefined when there is no such role. */
  rulesOfRole(namespace: string, { kind, name }: RoleRef): readonly PolicyRule[] | undefined {
    const entry =
      kind === 'Role'
        ? this.#roles.get(objectKey({ namespace, name }))
        : this.#clusterRoles.get(name);
    const role = entry?.object<ClusterRole>();
    if (role?.aggregationRule === undefined) return role && (role.rules ?? []);
    return [...(role.rules ?? []), ...this.#aggregated(role.aggregationRule)];
  }

  /** Rules of the cluster roles that an aggregating one selects, as they are now. */
  #aggregated(rule: NonNullable<ClusterRole['aggregationRule']>): PolicyRule[] {
    const selects = (rule.clusterRoleSelectors ?? []).map(compileSelector);
    const found: PolicyRule[] = [];
    for (const entry of this.#clusterRoles.list()) {
      const role = entry.object<ClusterRole>();
      if (role.aggregationRule !== undefined) continue;
      const labels = role.metadata.labels ?? {};
      if (selects.some((select) => select(labels))) found.push(...(role.rules ?? []));
    }
    return found;
  }
}
