/** The knobs of a run, drawn from its seed. */
import type { Ratio } from '../../../src/lib/prng.js';
import { Prng } from '../../../src/lib/prng.js';
import type { Canary } from './canaries.js';

/** The losses of messages. */
export type FaultName = 'requestLost' | 'answerLost' | 'storeRequestLost' | 'storeAnswerLost';

export interface ControlPlaneOptions {
  readonly seed: number;
  readonly canary: Canary | undefined;
  readonly apiServers: number;
  readonly managers: number;
  readonly schedulers: number;
  readonly nodes: number;
  /** Cores of a node. */
  readonly nodeCpus: number;
  readonly nodePodsMax: number;
  readonly driftPpmMax: number;
  readonly lateUsMax: number;
  readonly delayUsMin: number;
  readonly delayUsMax: number;
  readonly faults: Readonly<Record<FaultName, Ratio>>;
  /** The time that a container takes to end when it is asked to. */
  readonly stopMs: number;
  /** The time for which faults go on. */
  readonly faultUs: number;
  /** The longest time between two acts of the nemesis; 0: none. */
  readonly nemesisUsMax: number;
  /** The longest time between two acts of the users. */
  readonly userUsMax: number;
  /** Machines may lose power, so that their pods are moved. */
  readonly machinesDie: boolean;
  /** Events of the API are recorded; they double the writes and are left out of most runs. */
  readonly recordsEvents: boolean;
  /** StatefulSets have claims, and there are disks. */
  readonly hasVolumes: boolean;
  /** Pods are of several priorities. */
  readonly hasPriorities: boolean;
  /** Disruption budgets guard pods, and nodes are drained. */
  readonly hasBudgets: boolean;
}

/** The options of a seed. */
export function drawOptions(seed: number, canary?: Canary): ControlPlaneOptions {
  const prng = new Prng(seed ^ 0x5c1a7e);
  const rate = (most: number): Ratio => ({ numerator: prng.below(most + 1), denominator: 1000 });
  const calm = prng.chance({ numerator: 1, denominator: 8 });
  const losses = calm ? 0 : 12;
  const delayUsMax = prng.pick([4_000, 20_000, 60_000, 200_000]);
  return {
    seed,
    canary,
    apiServers: prng.between(1, 2),
    managers: prng.pick([1, 2, 2]),
    schedulers: prng.pick([1, 2, 2]),
    nodes: prng.between(2, 4),
    nodeCpus: prng.pick([0.3, 0.6, 1.5, 4]),
    nodePodsMax: prng.pick([8, 110]),
    driftPpmMax: prng.pick([0, 100, 20_000]),
    lateUsMax: prng.pick([0, 1_000, 20_000]),
    delayUsMin: 200,
    delayUsMax,
    faults: {
      requestLost: rate(losses),
      answerLost: rate(losses),
      storeRequestLost: rate(losses / 2),
      storeAnswerLost: rate(losses / 2),
    },
    stopMs: prng.pick([50, 500, 1_500]),
    faultUs: prng.between(15, 45) * 1_000_000,
    nemesisUsMax: calm ? 0 : prng.pick([3_000_000, 8_000_000, 20_000_000]),
    userUsMax: prng.pick([500_000, 1_000_000, 2_500_000]),
    machinesDie: prng.chance({ numerator: 1, denominator: 3 }),
    recordsEvents: prng.chance({ numerator: 1, denominator: 8 }),
    hasVolumes: prng.chance({ numerator: 1, denominator: 2 }) || canary === 'claimsUnprotected',
    hasPriorities: prng.chance({ numerator: 1, denominator: 2 }),
    hasBudgets: prng.chance({ numerator: 1, denominator: 2 }),
  };
}
