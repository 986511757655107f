import { semanticEqual } from '../../../api/equal.js';
import type { KubeObject } from '../../../api/object.js';
import type { ClusterRole, PolicyRule, RoleBinding } from '../../../api/types/policy.js';
import { goQuote, goQuoteList } from '../../../api/go-text/quote.js';
import { ruleText, uncovered } from '../authz/escalation.js';
import type { Authorization } from '../authz/authorizers.js';
import type { RbacAuthorizer } from '../authz/rbac.js';
import type { AdmissionRequest } from '../registry/types.js';
import { errorTarget } from '../registry/types.js';
import { forbidden, notFound } from '../status.js';
import type { AdmissionPlugin } from './chain.js';

const group = 'rbac.authorization.k8s.io';

/** The rules that an aggregating role may come to hold: all of them. */
const fullAuthority: readonly PolicyRule[] = [
  { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
  { verbs: ['*'], nonResourceURLs: ['*'] },
];

/**
 * True for what the garbage collector writes. Anything else is checked anew, labels too: by its labels a role becomes a
 * part of aggregating ones.
 */
function changesOwnersOnly(next: KubeObject, old: KubeObject): boolean {
  const { ownerReferences, finalizers, managedFields } = old.metadata;
  const metadata = { ...next.metadata, ownerReferences, finalizers, managedFields };
  return semanticEqual({ ...next, metadata }, old);
}

/**
 * Nobody grants what they do not hold: a role's writer must hold its rules or may `escalate`, a binding's writer must
 * hold the role's rules or may `bind` it. As kube-apiserver's `registry/rbac/*\/policybased`.
 */
export function rbacEscalation(
  rbac: RbacAuthorizer,
  authorization: Authorization,
): AdmissionPlugin {
  const allowed = async (
    request: AdmissionRequest,
    verb: string,
    resource: string,
    name: string,
  ): Promise<boolean> => {
    const { user, target } = request.context;
    const { allowed: yes } = await authorization.decide({
      user,
      verb,
      isResource: true,
      group,
      version: 'v1',
      resource,
      subresource: '',
      namespace: target.namespace,
      name,
      path: '',
    });
    return yes;
  };
  const confirm = (request: AdmissionRequest, rules: readonly PolicyRule[], text = ''): void => {
    const { user, target } = request.context;
    const missing = uncovered(rbac.rulesFor(user, target.namespace), rules);
    if (missing.length === 0) return;
    const held = [...new Set(missing.map(ruleText))].sort();
    const detail =
      `user ${goQuote(user.name)} (groups=${goQuoteList(user.groups)}) is attempting to ` +
      `grant RBAC permissions not currently held:\n${held.join('\n')}`;
    const name = request.object?.metadata.name ?? target.name;
    throw forbidden(errorTarget(target.kind), name, text || detail);
  };
  const checkRole = async (
    request: AdmissionRequest,
    role: ClusterRole,
    old?: ClusterRole,
  ): Promise<void> => {
    const { kind, name } = request.context.target;
    if (old !== undefined && changesOwnersOnly(role, old)) return;
    // A create names nobody: the right to `escalate` one name does not make a new role of it.
    if (await allowed(request, 'escalate', kind.plural, name)) return;
    // An aggregating role may come to hold anything; taking the rule away keeps what it holds.
    if (role.aggregationRule !== undefined || old?.aggregationRule !== undefined) {
      const text = 'must have cluster-admin privileges to use the aggregationRule';
      confirm(request, fullAuthority, text);
    }
    confirm(request, role.rules ?? []);
  };
  const checkBinding = async (
    request: AdmissionRequest,
    binding: RoleBinding,
    old?: RoleBinding,
  ): Promise<void> => {
    const { roleRef } = binding;
    if (old !== undefined && changesOwnersOnly(binding, old)) return;
    const resource = roleRef.kind === 'Role' ? 'roles' : 'clusterroles';
    if (await allowed(request, 'bind', resource, roleRef.name)) return;
    const rules = rbac.rulesOfRole(request.context.target.namespace, roleRef);
    if (rules === undefined) throw notFound({ group, resource }, roleRef.name);
    confirm(request, rules);
  };
  return {
    name: 'RBACEscalation',
    handles: ({ operation, context: { user, target } }) =>
      target.kind.group === group &&
      (operation === 'CREATE' || operation === 'UPDATE') &&
      !user.groups.includes('system:masters'),
    async validate(request) {
      const { object, old } = request;
      if (object === undefined) return;
      const isBinding = request.context.target.kind.kind.endsWith('Binding');
      // The kind says what the object is: it has been decoded as that.
      if (isBinding)
        await checkBinding(request, object as RoleBinding, old as RoleBinding | undefined);
      else await checkRole(request, object, old);
    },
  };
}
