/**
 * Controller "clusterrole-aggregation": a ClusterRole with `aggregationRule` gets the rules of the roles it selects.
 */
import type { ClusterRole, PolicyRule } from '../../../api/types/policy.js';
import type { ControllerContext } from '../context.js';
import type { Reconciler } from '../../../client/controller/reconciler.js';
import { createReconciler, ignoreNotFound } from '../../../client/controller/reconciler.js';
import { canonicalJson } from '../../../api/facts/hash.js';
import { jsonEqual } from '../../../api/equal.js';
import { resources } from '../../../client/resources.js';
import type { Informer } from '../../../client/types.js';
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

/** Controller "clusterrole-aggregation". */
export function createClusterRoleAggregation(context: ControllerContext): Reconciler {
  return new ClusterRoleAggregation(context).reconciler;
}

class ClusterRoleAggregation {
  readonly #context: ControllerContext;
  readonly #roles: Informer<ClusterRole>;
  readonly reconciler: Reconciler;

  constructor(context: ControllerContext) {
    this.#context = context;
    this.reconciler = createReconciler(context, {
      name: 'clusterrole-aggregation',
      reconcile: (name) => this.#reconcile(name),
    });
    this.#roles = context.informers.informer<ClusterRole>(resources.clusterRoles);
    this.#roles.onChange(() => {
      for (const role of this.#roles.list()) {
        if (role.aggregationRule !== undefined) this.reconciler.enqueue(role.metadata.name);
      }
    });
  }

  async #reconcile(name: string): Promise<void> {
    const role = this.#roles.get({ name });
    if (role?.aggregationRule === undefined) return;
    const rules = aggregatedRules(role, this.#roles.list());
    if (jsonEqual(role.rules ?? [], rules)) return;
    await this.#context.client
      .update<ClusterRole>(resources.clusterRoles, { ...role, rules })
      .catch(ignoreNotFound);
  }
}
