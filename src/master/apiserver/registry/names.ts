import { randomInt, randomUUID } from 'node:crypto';

/** Kubernetes' alphabet of generated names: no vowels, nothing that looks like something else. */
const alphabet = 'bcdfghjklmnpqrstvwxz2456789';
const maxGeneratedPrefix = 58;

/** `base` and five characters more, within 63. */
export function generateName(base: string): string {
  let suffix = '';
  for (let i = 0; i < 5; i++) suffix += alphabet[randomInt(alphabet.length)];
  return base.slice(0, maxGeneratedPrefix) + suffix;
}

export function newUid(): string {
  return randomUUID();
}
