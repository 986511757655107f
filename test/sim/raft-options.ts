/**
 * The knobs of one simulated run, all drawn from its seed: each run is good at finding something else ("swarm
 * testing").
 */
import { Prng } from '../../src/lib/prng.js';
import type { Ratio } from '../../src/lib/prng.js';
import type { NetworkOptions } from './lib/network.js';

/** A mistake put back in, to see whether the simulation finds it. */
export type Canary =
  | 'commitOldTerm'
  | 'voteNotPersisted'
  | 'ackBeforeSync'
  | 'voteForStaleLog'
  | 'readWithoutQuorum'
  | 'leaseNeverEnds';

/** The options of a run. */
export interface SimOptions {
  readonly seed: number;
  readonly canary?: Canary;
  readonly memberCount: number;
  /** Ids that may join later. */
  readonly spareCount: number;
  /** Units of simulated time with faults. */
  readonly safetyUnits: number;
  readonly network: NetworkOptions;
  /** Units per tick of each member, by id - 1. */
  readonly unitsPerTick: readonly number[];
  readonly electionTicks: number;
  readonly heartbeatTicks: number;
  readonly connectionLostTicks: number;
  readonly preVote: boolean;
  readonly checkQuorum: boolean;
  readonly readMode: 'safe' | 'lease';
  readonly applyUnstable: boolean;
  readonly stepDownOnRemoval: boolean;
  readonly maxSizePerMsg: number;
  readonly maxInflightMsgs: number;
  readonly maxApplyingBytes: number;
  readonly maxUncommittedBytes: number;
  /** Readys that may wait for the disk at once; 1 is the simple loop. */
  readonly pipelineDepth: number;
  readonly syncUnitsMax: number;
  readonly applyUnitsMax: number;
  /** Entries kept behind a snapshot. */
  readonly keepEntries: number;
  readonly chances: {
    readonly nemesis: Ratio;
    readonly write: Ratio;
    readonly read: Ratio;
    readonly snapshot: Ratio;
    readonly membership: Ratio;
  };
  /** The nemesis' actions that this run uses. */
  readonly faults: readonly Fault[];
}

/** The faults of the nemesis. A sync that fails is repeated later, or ends the member. */
export type Fault =
  | 'crash'
  | 'restart'
  | 'partition'
  | 'oneWay'
  | 'mend'
  | 'transfer'
  | 'connectionLost'
  | 'forgetLeader'
  | 'campaign'
  | 'unreachable'
  | 'killLeader'
  | 'bounce'
  | 'syncRetried'
  | 'syncFailed'
  | 'clockStalls';

const allFaults: readonly Fault[] = [
  'crash',
  'restart',
  'partition',
  'oneWay',
  'mend',
  'transfer',
  'connectionLost',
  'forgetLeader',
  'campaign',
  'unreachable',
  'killLeader',
  'bounce',
];

function oneIn(denominator: number): Ratio {
  return { numerator: 1, denominator };
}

const never: Ratio = { numerator: 0, denominator: 1 };

/** Every so many seeds a run is a storm. */
const stormEvery = 8;

/** A brief run has so much less time with faults: more seeds in the same time. */
const briefShare = 5;

/** Draws a run from its seed; a brief one, where many seeds count more than long runs. */
export function drawBriefly(seed: number, canary?: Canary): SimOptions {
  const options = drawOptions(seed, canary);
  return { ...options, safetyUnits: Math.ceil(options.safetyUnits / briefShare) };
}

/** Draws a run from its seed. */
export function drawOptions(seed: number, canary?: Canary): SimOptions {
  const prng = new Prng(seed);
  const calm = drawCalm(prng, seed, canary);
  const profile = prng.below(stormEvery);
  if (profile === 0) return withLaterFaults(stormy(calm));
  return withLaterFaults(profile < 4 && calm.readMode === 'lease' ? leaseBound(calm) : calm);
}

/**
 * Reads all the time on a quick network that falls apart often: what a leader serves after it has lost its lease
 * without knowing.
 */
function leaseBound(calm: SimOptions): SimOptions {
  return {
    ...calm,
    preVote: true,
    electionTicks: 5,
    memberCount: Math.max(3, calm.memberCount),
    unitsPerTick: Array.from({ length: 8 }, () => 8),
    network: { ...calm.network, delayMax: 2, loss: never },
    chances: {
      ...calm.chances,
      nemesis: oneIn(60),
      write: oneIn(2),
      read: oneIn(1),
      membership: never,
    },
    faults: ['partition', 'oneWay', 'mend', 'crash', 'restart'],
  };
}

/**
 * Elections all the time, on a network and disks so slow that few things complete: the narrow interleavings, such as
 * figure 8's and two votes in one term, come up in no other way.
 */
function stormy(calm: SimOptions): SimOptions {
  return {
    ...calm,
    memberCount: Math.max(3, calm.memberCount),
    unitsPerTick: Array.from({ length: 8 }, (_unused, i) => 3 + (i % 3)),
    electionTicks: 5,
    heartbeatTicks: 1,
    connectionLostTicks: 1,
    preVote: false,
    checkQuorum: false,
    readMode: 'safe',
    network: { delayMax: 8, loss: oneIn(10), duplication: oneIn(20) },
    syncUnitsMax: 4,
    applyUnitsMax: 2,
    safetyUnits: 6000,
    chances: { ...calm.chances, nemesis: oneIn(8), write: oneIn(4), membership: never },
    faults: ['bounce', 'bounce', 'killLeader', 'restart', 'restart', 'partition', 'mend', 'mend'],
  };
}

function drawCalm(prng: Prng, seed: number, canary?: Canary): SimOptions {
  const memberCount = prng.pick([1, 2, 3, 3, 3, 3, 4, 5, 5]);
  const spareCount = prng.below(3);
  const readMode = prng.below(4) === 0 ? 'lease' : 'safe';
  const checkQuorum = readMode === 'lease' || prng.below(5) !== 0;
  const delayMax = prng.pick([1, 3, 8, 30]);
  const syncUnitsMax = prng.pick([0, 2, 10, 40]);
  const electionTicks = prng.pick([5, 10, 10, 20]);
  // An election needs a few round trips and syncs within its timeout, else nothing can be promised (§5.6).
  const tripUnits = 2 * delayMax + 2 * syncUnitsMax;
  const ticks = prng.between(4, 8) + Math.ceil((3 * tripUnits) / electionTicks);
  // Lease reads rely on clocks of one pace; the others may drift apart.
  const drift = readMode === 'lease' ? 0 : prng.below(4);
  const unitsPerTick: number[] = [];
  for (let i = 0; i < memberCount + spareCount; i++) {
    unitsPerTick.push(ticks + prng.between(-Math.min(drift, ticks - 1), drift));
  }
  return {
    seed,
    ...(canary === undefined ? {} : { canary }),
    memberCount,
    spareCount,
    safetyUnits: 200 * ticks + 1000,
    network: {
      delayMax,
      loss: prng.pick([never, oneIn(100), oneIn(20), oneIn(6)]),
      duplication: prng.pick([never, oneIn(50), oneIn(6)]),
    },
    unitsPerTick,
    electionTicks,
    heartbeatTicks: prng.pick([1, 1, 2]),
    connectionLostTicks: prng.below(3),
    preVote: prng.below(5) !== 0,
    checkQuorum,
    readMode,
    applyUnstable: prng.below(4) === 0,
    stepDownOnRemoval: prng.below(4) !== 0,
    maxSizePerMsg: prng.pick([1, 100, 1000, 1_000_000]),
    maxInflightMsgs: prng.pick([1, 2, 8, 256]),
    maxApplyingBytes: prng.pick([1, 200, 100_000]),
    maxUncommittedBytes: prng.pick([200, 1_000_000]),
    pipelineDepth: prng.pick([1, 1, 2, 4, 16]),
    syncUnitsMax,
    applyUnitsMax: prng.pick([0, 2, 20]),
    keepEntries: prng.pick([0, 3, 50]),
    chances: {
      nemesis: oneIn(prng.pick([20, 60, 150, 400])),
      write: oneIn(prng.pick([1, 3, 10])),
      read: oneIn(prng.pick([2, 10, 50])),
      snapshot: prng.pick([never, oneIn(30), oneIn(150)]),
      membership: prng.pick([never, never, oneIn(60), oneIn(200)]),
    },
    faults: drawFaults(prng),
  };
}

function drawFaults(prng: Prng): readonly Fault[] {
  const faults = prng.shuffle([...allFaults]).slice(0, prng.between(1, allFaults.length));
  // A fault that breaks something brings along the one that repairs it.
  if (faults.includes('crash') || faults.includes('killLeader')) faults.push('restart', 'restart');
  if (faults.includes('partition') || faults.includes('oneWay')) faults.push('mend');
  return faults;
}

const laterFaults: readonly Fault[] = ['syncRetried', 'syncFailed', 'clockStalls'];

/** Some runs have these too, drawn apart so that the other draws of a seed stay what they were. */
function withLaterFaults(options: SimOptions): SimOptions {
  const prng = new Prng(options.seed ^ 0xd15c);
  if (prng.below(3) !== 0) return options;
  const more = laterFaults.filter(() => prng.below(2) === 0);
  const needsRestart = more.includes('syncFailed') ? (['restart'] as const) : [];
  return { ...options, faults: [...options.faults, ...more, ...needsRestart] };
}
