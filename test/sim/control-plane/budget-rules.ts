/**
 * Disruption budgets: an eviction of a pod that serves is drawn on its budget, and a budget allows no more than what
 * its pods, as the controller may know them, leave over.
 */
import type { Checker } from './checker.js';
import type { Item } from './model.js';
import { isActive, nameOf } from './model.js';
import type { ControlPlaneWorld } from './world.js';

/** A reconcile that began so long ago may still act on what it had read then. */
const reconcileUs = 10_000_000;
/** An eviction that was granted counts for two minutes; so much less on a clock that is wrong. */
const grantUs = 90_000_000;

interface Eviction {
  readonly atUs: number;
  readonly revision: number;
}

interface Grant {
  readonly atUs: number;
  readonly budget: string;
}

/** See above. */
export class BudgetRules {
  readonly #world: ControlPlaneWorld;
  readonly #checker: Checker;
  /** Evictions that were let through, by the pod's uid. */
  readonly #grants = new Map<string, Grant>();
  /** When somebody last deleted a pod without an eviction, by namespace and name. */
  readonly #deletedUs = new Map<string, number>();
  /** The pod that was last marked for deletion or removed under a name, as it was before. */
  readonly #marked = new Map<string, { readonly pod: Item; readonly atUs: number }>();
  readonly #evictions = new Map<object, Eviction>();

  constructor(world: ControlPlaneWorld, checker: Checker) {
    this.#world = world;
    this.#checker = checker;
  }

  onWrite(old: Item | undefined, item: Item): void {
    if (item.kind === 'PodDisruptionBudget') this.#onBudget(old, item);
    if (item.kind !== 'Pod' || old === undefined) return;
    const goes = item.metadata.deletionTimestamp !== undefined;
    if (goes && old.metadata.deletionTimestamp === undefined) this.#mark(old);
  }

  onRemoval(old: Item): void {
    if (old.kind === 'Pod' && old.metadata.deletionTimestamp === undefined) this.#mark(old);
  }

  #mark(pod: Item): void {
    this.#marked.set(keyOf(pod.metadata), { pod, atUs: this.#world.queue.now });
  }

  #onBudget(old: Item | undefined, budget: Item): void {
    const before = disruptedOf(old);
    const allowedBefore = allowedOf(old);
    const allowed = allowedOf(budget);
    const granted = Object.keys(disruptedOf(budget)).filter((name) => !(name in before));
    for (const name of granted) {
      const pod = this.#checker.model.get('pods', budget.metadata.namespace ?? '', name);
      if (pod === undefined) continue;
      const grant = { atUs: this.#world.queue.now, budget: budget.metadata.uid ?? '' };
      this.#grants.set(pod.metadata.uid ?? '', grant);
      this.#world.count('evictions granted');
    }
    if (granted.length === 0) this.#checkAllowance(budget, allowed);
    else if (allowed !== allowedBefore - granted.length) {
      this.#world.broken(`${nameOf(budget)} granted ${granted.join(', ')} and allows ${allowed}`);
    }
  }

  /** What the controller says is left over. Budgets by percent or by what may miss are judged at rest only. */
  #checkAllowance(budget: Item, allowed: number): void {
    const minAvailable = budget.spec?.['minAvailable'];
    if (allowed === 0 || typeof minAvailable !== 'number') return;
    const manager = this.#world.leaders.of('kube-controller-manager');
    if (manager === undefined) return;
    const { model } = this.#checker;
    const nowUs = this.#world.queue.now;
    const floor = this.#checker.knownAt(manager, '/pods', nowUs - reconcileUs);
    let healthy = 0;
    for (const [uid, versions] of model.history) {
      const [first] = versions;
      if (first?.item.kind !== 'Pod' || !selects(budget, first.item)) continue;
      const grant = this.#grants.get(uid);
      const drawn = grant !== undefined && grant.budget === budget.metadata.uid;
      if (drawn && nowUs - grant.atUs < grantUs) continue;
      if (model.versionsSince(uid, floor).some(({ item }) => serves(item))) healthy += 1;
    }
    if (allowed <= Math.max(0, healthy - minAvailable)) return;
    this.#world.broken(
      `${nameOf(budget)} allows ${allowed} with ${healthy} healthy pods of ${minAvailable} wanted`,
    );
  }

  /** A call leaves its client. */
  sent(method: string, request: unknown): void {
    const { ref } = request as { ref?: PodRef };
    if (ref?.resource !== 'pods') return;
    const nowUs = this.#world.queue.now;
    if (method === 'delete') this.#deletedUs.set(keyOf(ref), nowUs);
  }

  /** A call arrives at its server. */
  arrived(call: object, method: string, request: unknown): void {
    const { ref } = request as { ref?: PodRef };
    if (method !== 'create' || ref?.subresource !== 'eviction') return;
    const { model } = this.#checker;
    this.#evictions.set(call, { atUs: this.#world.queue.now, revision: model.revision });
  }

  /** An eviction has been let through: what served then is drawn on a budget that had been there. */
  evicted(call: object, request: unknown): void {
    const eviction = this.#evictions.get(call);
    const { ref } = request as { ref?: PodRef };
    if (eviction === undefined || ref === undefined) return;
    const key = keyOf(ref);
    const marked = this.#marked.get(key);
    if (marked === undefined || marked.atUs < eviction.atUs) return;
    // Somebody else may have deleted it.
    if ((this.#deletedUs.get(key) ?? -Infinity) > eviction.atUs - 2 * reconcileUs) return;
    const { model } = this.#checker;
    const space = model.get('namespaces', '', ref.namespace);
    if (space === undefined || space.metadata.deletionTimestamp !== undefined) return;
    const { pod } = marked;
    if (!serves(pod) || this.#grants.has(pod.metadata.uid ?? '')) return;
    for (const budget of model.of('policy/poddisruptionbudgets')) {
      const made = model.made.get(budget.metadata.uid ?? '') ?? 0;
      if (made > eviction.revision || !selects(budget, pod)) continue;
      this.#world.broken(`${nameOf(pod)} was evicted, and ${nameOf(budget)} knows nothing of it`);
    }
  }

  /** At rest the numbers are right. */
  judge(want: (holds: boolean, what: () => string) => void): void {
    const { model } = this.#checker;
    for (const budget of model.of('policy/poddisruptionbudgets')) {
      const pods = [...model.of('pods')].filter((pod) => selects(budget, pod));
      const healthy = pods.filter(serves).length;
      const status = budget.status ?? {};
      const minAvailable = budget.spec?.['minAvailable'];
      const left = Object.keys(disruptedOf(budget));
      want(left.length === 0, () => `${nameOf(budget)} still waits for ${left.join(', ')} to go`);
      if (hasFailed(budget)) {
        const what = (): string =>
          `${nameOf(budget)} cannot count its pods, though each has a scale`;
        want(typeof minAvailable !== 'number' && !pods.every(hasScale), what);
        want(allowedOf(budget) === 0, () => `${nameOf(budget)} cannot count, and allows evictions`);
        continue;
      }
      want(
        status['currentHealthy'] === healthy &&
          status['observedGeneration'] === budget.metadata.generation,
        () => `${nameOf(budget)} has ${healthy} pods and says ${String(status['currentHealthy'])}`,
      );
      if (typeof minAvailable !== 'number') continue;
      const active = pods.filter((pod) => isActive(pod)).length;
      const right = active === 0 ? 0 : Math.max(0, healthy - minAvailable);
      want(
        allowedOf(budget) === right,
        () => `${nameOf(budget)} allows ${allowedOf(budget)} instead of ${right}`,
      );
    }
  }
}

interface PodRef {
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
}

function keyOf({ namespace = '', name }: { readonly namespace?: string; name: string }): string {
  return `${namespace}/${name}`;
}

function disruptedOf(budget: Item | undefined): Readonly<Record<string, string>> {
  return (budget?.status?.['disruptedPods'] ?? {}) as Readonly<Record<string, string>>;
}

function allowedOf(budget: Item | undefined): number {
  return (budget?.status?.['disruptionsAllowed'] as number | undefined) ?? 0;
}

/** The workload's budgets select by one label. */
function selects(budget: Item, pod: Item): boolean {
  if (budget.metadata.namespace !== pod.metadata.namespace) return false;
  const { matchLabels } = (budget.spec?.['selector'] ?? {}) as { matchLabels?: { app?: string } };
  return matchLabels?.app !== undefined && pod.metadata.labels?.['app'] === matchLabels.app;
}

/** Ready, and not about to go. */
function serves(pod: Item): boolean {
  const conditions = (pod.status?.['conditions'] ?? []) as { type: string; status: string }[];
  return (
    isActive(pod) && conditions.some(({ type, status }) => type === 'Ready' && status === 'True')
  );
}

/** Whether its controller could not find out how many pods there should be. */
function hasFailed({ status }: Item): boolean {
  const { conditions = [] } = (status ?? {}) as { conditions?: readonly { reason: string }[] };
  return conditions.some(({ reason }) => reason === 'SyncFailed');
}

/** Whether what controls the pod says how many of it there should be. */
function hasScale({ metadata }: Item): boolean {
  const owner = metadata.ownerReferences?.find(({ controller }) => controller === true);
  return ['ReplicaSet', 'ReplicationController', 'StatefulSet'].includes(owner?.kind ?? '');
}
