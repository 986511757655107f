/** Controller "clusterrole-aggregation": a ClusterRole with `aggregationRule` gets the rules of the roles it selects. */
import type { ClusterRole, PolicyRule } from '../../../api/types/policy.js';
import type { ControllerContext } from '../context.js';
import type { Reconciler } from '../../../client/controller/reconciler.js';
import { createReconciler, ignoreNotFound } from '../../../client/controller/reconciler.js';
import { canonicalJson, jsonEqual } from '../../../api/facts/hash.js';
import { resources } from '../../../client/resources.js';
import { compileSelector } from '../../../api/facts/selectors.js';

/** The rules of all roles that one of the selectors matches, by name of the role, each once. Pure. */
export function aggregatedRules(role: ClusterRole, all: readonly ClusterRole[]): PolicyRule[] {
  const selectors = (role.aggregationRule?.clusterRoleSelectors ?? []).map(compileSelector);
  const rules = new Map<string, PolicyRule>();
  const sources = all
    .filter(
      (other) =>
        other.metadata.name !== role.metadata.name &&
        selectors.some((matches) => matches(other.metadata.labels)),
    )
    .toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  for (const { rules: own = [] } of sources) {
    for (const rule of own) rules.set(canonicalJson(rule), rule);
  }
  return [...rules.values()];
}

export function createClusterRoleAggregation(context: ControllerContext): Reconciler {
  const reconciler = createReconciler(context, { name: 'clusterrole-aggregation', reconcile });
  const roles = context.informers.informer<ClusterRole>(resources.clusterRoles);
  roles.onChange(() => {
    for (const role of roles.list()) {
      if (role.aggregationRule !== undefined) reconciler.enqueue(role.metadata.name);
    }
  });

  async function reconcile(name: string): Promise<void> {
    const role = roles.get({ name });
    if (role?.aggregationRule === undefined) return;
    const rules = aggregatedRules(role, roles.list());
    if (jsonEqual(role.rules ?? [], rules)) return;
    await context.client
      .update<ClusterRole>(resources.clusterRoles, { ...role, rules })
      .catch(ignoreNotFound);
  }
  return reconciler;
}
