/** How the server's seats are shared among the levels, and how levels lend to each other. Pure. */
import type { PriorityLevelConfiguration } from '../../../api/types/policy.js';

/** The bounds of a level, in seats. */
export interface Bounds {
  readonly nominal: number;
  /** What is left when all that may be lent is lent. */
  readonly min: number;
  /** With all that may be borrowed. */
  readonly max: number;
}

type Spec = PriorityLevelConfiguration['spec'];

/** The shares of a level. */
function sharesOf(spec: Spec): number {
  const { nominalConcurrencyShares } = spec.limited ?? spec.exempt ?? {};
  return nominalConcurrencyShares ?? (spec.limited === undefined ? 0 : 30);
}

/** The bounds of each level: `NominalCL(i) = ceil(ServerCL × NCS(i) / sum of NCS)` (KEP-1040). */
export function boundsOf(
  levels: ReadonlyMap<string, Spec>,
  serverSeats: number,
): Map<string, Bounds> {
  let sum = 0;
  for (const spec of levels.values()) sum += sharesOf(spec);
  const bounds = new Map<string, Bounds>();
  for (const [name, spec] of levels) {
    const nominal = sum === 0 ? 0 : Math.ceil((serverSeats * sharesOf(spec)) / sum);
    const { lendablePercent = 0 } = spec.limited ?? spec.exempt ?? {};
    const borrowing = spec.limited?.borrowingLimitPercent;
    const lendable = Math.round((nominal * lendablePercent) / 100);
    const borrowable =
      borrowing === undefined ? serverSeats : Math.round((nominal * borrowing) / 100);
    const min = nominal - lendable;
    bounds.set(name, { nominal, min, max: Math.min(nominal + borrowable, serverSeats) });
  }
  return bounds;
}

/** The demand of a level, and its bounds. */
export interface Wanting {
  readonly bounds: Bounds;
  /** Seats that were wanted of late. */
  readonly demand: number;
}

const rounds = 40;

/**
 * Shares the seats out: each level gets what it wants, no less than its least and no more than its most, all in the
 * same proportion to what they want, until the server's seats are given.
 */
export function shareOut(levels: readonly Wanting[], serverSeats: number): number[] {
  const at = (proportion: number): number[] =>
    levels.map(({ bounds, demand }) => {
      const target = Math.max(bounds.min, demand);
      return Math.min(bounds.max, Math.max(bounds.min, proportion * target));
    });
  const sumAt = (proportion: number): number => at(proportion).reduce((sum, one) => sum + one, 0);
  let [low, high] = [0, 1];
  while (sumAt(high) < serverSeats && high < 2 ** 20) high *= 2;
  for (let round = 0; round < rounds; round++) {
    const middle = (low + high) / 2;
    if (sumAt(middle) < serverSeats) low = middle;
    else high = middle;
  }
  return at(high).map((seats) => Math.max(1, Math.round(seats)));
}

/** Weight of the past in the demand of a level (apiserver's `seatDemandSmoothingCoefficient`). */
const smoothing = 0.977;

/** A demand that rises at once and falls slowly: the most of this time, or the old one on its way down. */
export function smoothed(before: number, most: number): number {
  return Math.max(most, smoothing * before + (1 - smoothing) * most);
}
