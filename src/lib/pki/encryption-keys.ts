/**
 * The keys that values in the store are encrypted with, as a file holds them: a line each, `NAME:` and 32 bytes in
 * base64. The first one encrypts, all of them decrypt: so a new key is known everywhere before it is used.
 */

/** A key for AES-256. */
export interface EncryptionKey {
  readonly name: string;
  readonly secret: Buffer;
}

const keyBytes = 32;
/** The name of a key that stands alone, without one. */
const firstName = 'key1';

/** Reads such a file; one with a single key may be the 32 bytes themselves, or their text alone. @throws Error */
export function parseEncryptionKeys(content: Buffer): EncryptionKey[] {
  if (content.length === keyBytes) return [{ name: firstName, secret: content }];
  const lines = content
    .toString()
    .trim()
    .split(/\s*\n\s*/);
  return lines.map((line) => {
    const [, name = firstName, text = ''] = /^(?:([\w.-]+):)?(.*)$/.exec(line) ?? [];
    return { name, secret: decodeSecret(text) };
  });
}

function decodeSecret(text: string): Buffer {
  for (const encoding of ['base64', 'hex'] as const) {
    const decoded = Buffer.from(text, encoding);
    if (decoded.length === keyBytes) return decoded;
  }
  throw new Error('the encryption key must have 32 bytes');
}

/** The content of the file. */
export function formatEncryptionKeys(keys: readonly EncryptionKey[]): string {
  return keys.map(({ name, secret }) => `${name}:${secret.toString('base64')}\n`).join('');
}

/** The keys, and behind them those of `others` that they lack: values of others can be read, and none are written. */
export function withReadable(
  keys: readonly EncryptionKey[],
  others: readonly EncryptionKey[],
): EncryptionKey[] {
  const isKnown = (key: EncryptionKey): boolean => keys.some((one) => isSameKey(one, key));
  return [...keys, ...others.filter((key) => !isKnown(key))];
}

/** True for the same key under the same name. */
export function isSameKey(a: EncryptionKey, b: EncryptionKey): boolean {
  return a.name === b.name && a.secret.equals(b.secret);
}
