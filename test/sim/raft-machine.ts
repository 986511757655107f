/**
 * The replicated state machine of the simulation: a count, the latest value of a few keys, and a digest over all that
 * was applied.
 */
import type { ConfState, Entry } from '../../src/raft/index.js';
import { decodeValue, encodeValue } from './raft-codec.js';

/** The state as of `applied`; plain data, replaced as a whole by a restore. */
export interface MachineState {
  readonly applied: number;
  readonly digest: number;
  readonly confState: ConfState;
}

/** A 32-bit digest of bytes, chained from `seed` (FNV-1a). */
export function digestOf(seed: number, bytes: Uint8Array): number {
  let hash = seed ^ 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

/** The state after one more entry. */
export function applyEntry(state: MachineState, entry: Entry, confState: ConfState): MachineState {
  const seed = Math.imul(state.digest ^ entry.index, 0x9e3779b1) ^ entry.term;
  return { applied: entry.index, digest: digestOf(seed, entry.data), confState };
}

/** The state as snapshot data. */
export function encodeState(state: MachineState): Uint8Array {
  return encodeValue(state);
}

/** The state in snapshot data. */
export function decodeState(bytes: Uint8Array): MachineState {
  return decodeValue(bytes) as MachineState;
}
