/**
 * When an object may vanish: not before its finalizers, not before what holds it, and a namespace only when it is
 * empty.
 */
import type { Checker } from './checker.js';
import type { Item, Model } from './model.js';
import { nameOf, resourceOf } from './model.js';
import type { ControlPlaneWorld } from './world.js';

/** The finalizer that users put on objects, and take off again. */
export const holdFinalizer = 'sim.trireme.io/hold';

/** The greatest age of the state on which the garbage collector and the protection of claims decide. */
const reconcileUs = 5_000_000;

/** The dependents that must stay when their owner is deleted, by the owner's uid. */
export class Orphans {
  readonly #model: Model;
  readonly #kept = new Map<string, readonly string[]>();

  constructor(model: Model) {
    this.#model = model;
  }

  /** An object is being deleted so that its dependents stay: those of now must. */
  onWrite(old: Item | undefined, item: Item): void {
    const { uid = '', deletionTimestamp, finalizers = [] } = item.metadata;
    if (deletionTimestamp === undefined || old?.metadata.deletionTimestamp !== undefined) return;
    if (!finalizers.includes('orphan')) return;
    const dependents = [...this.#model.items.values()].filter(
      (other) =>
        other.metadata.deletionTimestamp === undefined &&
        other.kind !== 'Pod' &&
        other.metadata.ownerReferences?.some((reference) => reference.uid === uid) === true,
    );
    this.#kept.set(
      uid,
      dependents.map(({ metadata }) => metadata.uid ?? ''),
    );
  }

  /** @returns those that are gone although they were to be left, by uid */
  missing(owner: Item): readonly string[] {
    const kept = this.#kept.get(owner.metadata.uid ?? '') ?? [];
    this.#kept.delete(owner.metadata.uid ?? '');
    if (isEmptied(this.#model, owner)) return [];
    return kept.filter((uid) => !this.#model.byUid.has(uid));
  }
}

/**
 * True in a namespace that is being deleted: all in it is deleted with the policy Background, which takes the
 * finalizers of the garbage collector off whoever else put them on.
 */
function isEmptied(model: Model, { metadata: { namespace } }: Item): boolean {
  if (namespace === undefined) return false;
  const space = model.get('namespaces', '', namespace);
  return space === undefined || space.metadata.deletionTimestamp !== undefined;
}

/** Checks the removal of `old`, which has just been committed. */
export function checkRemoval(world: ControlPlaneWorld, checker: Checker, old: Item): void {
  const { model } = checker;
  const { uid = '', name, finalizers = [] } = old.metadata;
  world.count('removals');
  if (finalizers.length > 1) {
    world.broken(`${nameOf(old)} is gone in spite of its finalizers ${finalizers.join(', ')}`);
  }
  const [last] = finalizers;
  if (last === holdFinalizer && !world.users.released.has(uid)) {
    world.broken(`${nameOf(old)} is gone though nobody took its finalizer off`);
  }
  if ((last === 'foregroundDeletion' || last === 'orphan') && !isEmptied(model, old)) {
    for (const [key, item] of model.items) {
      const owner = item.metadata.ownerReferences?.find((reference) => reference.uid === uid);
      if (owner === undefined || (last !== 'orphan' && owner.blockOwnerDeletion !== true)) continue;
      if (!mayKnow(world, checker, key, item)) continue;
      world.broken(`${nameOf(old)} is gone (${last}) before ${nameOf(item)}`);
    }
  }
  const missing = checker.orphans.missing(old);
  if (last === 'orphan' && missing.length > 0) {
    world.broken(`${nameOf(old)} left its dependents, and ${missing.join(', ')} are gone`);
  }
  if (last === 'kubernetes.io/pvc-protection' && checker.volumes.isInUse(old, reconcileUs)) {
    world.broken(`${nameOf(old)} is gone while a pod uses it`);
  }
  if (old.kind === 'Namespace') {
    for (const item of model.items.values()) {
      if (item.metadata.namespace !== name) continue;
      world.broken(`${nameOf(old)} is gone before ${nameOf(item)}`);
    }
  }
}

/** False for a dependent that the garbage collector had perhaps not heard of: it goes a moment later. */
function mayKnow(world: ControlPlaneWorld, checker: Checker, key: string, item: Item): boolean {
  const manager = world.leaders.of('kube-controller-manager');
  if (manager === undefined) return false;
  const made = checker.model.made.get(item.metadata.uid ?? '') ?? 0;
  return made <= checker.knownAt(manager, resourceOf(key), world.queue.now - reconcileUs);
}
