import type { KubeObject } from '../../../api/object.js';
import type { Guard, StoreOp } from '../storage/store.js';

/** Keys that live and die with an object. */
export interface CompanionPlan {
  readonly guards: readonly Guard[];
  readonly ops: readonly StoreOp[];
}

/** Nothing beside the object itself. */
export const nothingElse: CompanionPlan = { guards: [], ops: [] };

/**
 * Adds to the transactions that write objects of one resource. Called before each attempt; may fill in fields of `next`.
 * A guard that does not hold makes the writer ask again, after the cache has caught up.
 */
export interface Companion {
  plan(next: KubeObject | undefined, old: KubeObject | undefined): CompanionPlan;
}
