import type { Random } from '../../../lib/random.js';

/** Kubernetes' alphabet of generated names: no vowels, nothing that looks like something else. */
const alphabet = 'bcdfghjklmnpqrstvwxz2456789';
const maxGeneratedPrefix = 58;

/** `base` and five characters more, within 63. */
export function generateName(base: string, random: Random): string {
  let suffix = '';
  for (let i = 0; i < 5; i++) suffix += alphabet[random.below(alphabet.length)];
  return base.slice(0, maxGeneratedPrefix) + suffix;
}
