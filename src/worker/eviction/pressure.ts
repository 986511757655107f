/**
 * From what is left on the node to its conditions and the threshold to act on: kubelet's eviction manager without its
 * surroundings. Pure.
 * @see kubelet eviction/eviction_manager.go, `synchronize`
 */
import type { Quantity } from '../../api/quantity.js';
import { quantityOf } from '../../api/quantity.js';
import type { Signal, Threshold } from './thresholds.js';
import { amountOfValue } from './thresholds.js';

/** What is left of something, and of how much. */
export interface Observation {
  readonly available: Quantity;
  readonly capacity: Quantity;
}

/** A signal that is missing could not be observed: its thresholds are not met. */
export type Observations = ReadonlyMap<Signal, Observation>;

/** A condition of the node, as its type in the API. */
export type PressureType = 'MemoryPressure' | 'DiskPressure' | 'PIDPressure';

/** The resource that pods are ranked by, and that messages name. */
export type StarvedResource = 'memory' | 'ephemeral-storage' | 'inodes' | 'pids';

/** What is remembered from look to look. */
export interface PressureState {
  /** Met ones that have not been resolved: with their minimum to be reclaimed. */
  readonly met: readonly Threshold[];
  readonly firstMetMs: ReadonlyMap<Threshold, number>;
  readonly lastSeenMs: ReadonlyMap<PressureType, number>;
}

/** Before the first look. */
export const noPressure: PressureState = { met: [], firstMetMs: new Map(), lastSeenMs: new Map() };

/** What a look has found. */
export interface Look {
  readonly state: PressureState;
  readonly conditions: readonly PressureType[];
  /** The thresholds that are to be acted on, the most urgent first. */
  readonly due: readonly Threshold[];
}

const conditionOf: Readonly<Record<Signal, PressureType>> = {
  'memory.available': 'MemoryPressure',
  'nodefs.available': 'DiskPressure',
  'nodefs.inodesFree': 'DiskPressure',
  'imagefs.available': 'DiskPressure',
  'imagefs.inodesFree': 'DiskPressure',
  'pid.available': 'PIDPressure',
};

const resourceOf: Readonly<Record<Signal, StarvedResource>> = {
  'memory.available': 'memory',
  'nodefs.available': 'ephemeral-storage',
  'nodefs.inodesFree': 'inodes',
  'imagefs.available': 'ephemeral-storage',
  'imagefs.inodesFree': 'inodes',
  'pid.available': 'pids',
};

/** The resource that is short when a threshold is met. */
export function starvedResource({ signal }: Threshold): StarvedResource {
  return resourceOf[signal];
}

/** Compares what is left with the thresholds. */
export function lookAtPressure(
  before: PressureState,
  input: {
    readonly thresholds: readonly Threshold[];
    readonly observations: Observations;
    readonly transitionMs: number;
    readonly nowMs: number;
  },
): Look {
  const { observations, transitionMs, nowMs } = input;
  const now = metThresholds(input.thresholds, observations);
  const unresolved = metThresholds(before.met, observations, 'with the minimum to be reclaimed');
  const met = [...new Set([...now, ...unresolved])];
  const firstMetMs = new Map(met.map((one) => [one, before.firstMetMs.get(one) ?? nowMs]));
  const lastSeenMs = new Map(before.lastSeenMs);
  for (const { signal } of met) lastSeenMs.set(conditionOf[signal], nowMs);
  const conditions = [...lastSeenMs].filter(
    ([, seen]) => nowMs - seen < transitionMs || seen === nowMs,
  );
  const due = met.filter((one) => nowMs - (firstMetMs.get(one) ?? nowMs) >= one.graceMs);
  return {
    state: { met: due, firstMetMs, lastSeenMs: new Map(conditions) },
    conditions: conditions.map(([type]) => type).toSorted(),
    due: due.toSorted((a, b) => urgency(a) - urgency(b)),
  };
}

/** Memory goes first: a node without it answers nobody. */
function urgency({ signal }: Threshold): number {
  return signal === 'memory.available' ? 0 : 1;
}

/** The thresholds that are met; `reclaiming` adds what has to be reclaimed at least. */
export function metThresholds(
  thresholds: readonly Threshold[],
  observations: Observations,
  reclaiming?: 'with the minimum to be reclaimed',
): Threshold[] {
  return thresholds.filter(({ signal, value, minReclaim }) => {
    const seen = observations.get(signal);
    if (seen === undefined) return false;
    const wanted = amountOfValue(value, seen.capacity);
    const more =
      reclaiming === undefined || minReclaim === undefined
        ? quantityOf(0)
        : amountOfValue(minReclaim, seen.capacity);
    return wanted.add(more).compare(seen.available) > 0;
  });
}
