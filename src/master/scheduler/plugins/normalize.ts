import { assertNever } from '../../../lib/assert.js';
import type { ScorePlugin } from './types.js';

/** Adds one plugin's scores to `totals`, brought to 0..100 and weighted. */
export function addNormalized(
  totals: Float64Array,
  raw: readonly number[],
  plugin: Pick<ScorePlugin, 'normalize' | 'weight'>,
): void {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const value of raw) {
    if (value < low && value !== unranked) low = value;
    if (value > high) high = value;
  }
  for (let index = 0; index < raw.length; index++) {
    const value = raw[index] ?? 0;
    const score = value === unranked ? 0 : normalized(value, low, high, plugin.normalize);
    totals[index] = (totals[index] ?? 0) + plugin.weight * score;
  }
}

/** The raw score of a node that a plugin cannot compare with the others: it gets 0 points. */
export const unranked = Number.NEGATIVE_INFINITY;

function normalized(
  value: number,
  low: number,
  high: number,
  how: ScorePlugin['normalize'],
): number {
  switch (how) {
    case 'none':
      return value;
    case 'max':
      return high <= 0 ? 0 : Math.floor((value * 100) / high);
    case 'reverse':
      return high <= 0 ? 100 : 100 - Math.floor((value * 100) / high);
    case 'fewest':
      return high <= 0 ? 100 : Math.floor((100 * (high + low - value)) / high);
    case 'span':
      return high === low ? 0 : Math.floor((100 * (value - low)) / (high - low));
    default:
      return assertNever(how, 'normalization');
  }
}
