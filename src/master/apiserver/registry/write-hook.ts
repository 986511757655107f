import type { KubeObject } from '../../../api/object.js';
import type { Guard, StoreOp } from '../storage/store.js';

/** Keys that live and die with an object. */
export interface ExtraWrites {
  readonly guards: readonly Guard[];
  readonly ops: readonly StoreOp[];
  /** Takes out of `next` what was filled in; called when the transaction does not succeed. */
  readonly undo?: () => void;
}

/** Nothing beside the object itself. */
export const noExtraWrites: ExtraWrites = { guards: [], ops: [] };

/**
 * Adds to the transactions that write objects of one resource. Called before each attempt; may fill in fields of
 * `next`. A guard that does not hold makes the writer ask again, after the cache has caught up.
 */
export interface WriteHook {
  plan(next: KubeObject | undefined, old: KubeObject | undefined): ExtraWrites;
  /** Fills `next` in as a dry run shows it; nothing is kept. */
  pretend(next: KubeObject, old: KubeObject | undefined): void;
}
