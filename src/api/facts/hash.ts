/**
 * Hashes and names as Kubernetes makes them: 32-bit FNV-1a and the "safe" alphabet that holds no vowels (so that no
 * words come out) and no digits that look like letters.
 */
import type { Prng } from '../../lib/prng.js';
import { formatJson } from '../../lib/json.js';

const alphabet = 'bcdfghjklmnpqrstvwxz2456789';

/** 32-bit FNV-1a over the UTF-8 bytes of `text`. */
export function fnv32a(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(text, 'utf8')) {
    hash = Math.imul(hash ^ byte, 0x01000193);
  }
  return hash >>> 0;
}

/** Each character of `text` replaced by one of the safe alphabet (apimachinery `rand.SafeEncodeString`). */
export function safeEncode(text: string): string {
  let out = '';
  for (let index = 0; index < text.length; index++) {
    out += alphabet[text.charCodeAt(index) % alphabet.length] ?? '';
  }
  return out;
}

/** `length` random characters of the safe alphabet. */
export function randomSuffix(prng: Prng, length = 5): string {
  let out = '';
  for (let index = 0; index < length; index++) out += alphabet[prng.below(alphabet.length)] ?? '';
  return out;
}

/** JSON with object keys in order and without undefined values: equal values give equal text. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const fields = Object.entries(value)
      .filter(([, field]) => field !== undefined && field !== null)
      .toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
      .map(([key, field]) => `${JSON.stringify(key)}:${canonicalJson(field)}`);
    return `{${fields.join(',')}}`;
  }
  return formatJson(value ?? null);
}

/** The hash of a template: FNV of its canonical form and the collision count, in the safe alphabet. */
export function templateHash(template: unknown, collisionCount?: number): string {
  const suffix = collisionCount === undefined ? '' : `#${collisionCount}`;
  return safeEncode(String(fnv32a(canonicalJson(template) + suffix)));
}
