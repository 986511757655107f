/**
 * Encryption at rest, in the form of kube-apiserver's `aesgcm` provider: `k8s:enc:aesgcm:v1:<key>:` followed by a
 * 12-byte nonce, the ciphertext and the tag; the key's path in the store is authenticated with it.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { EncryptionKey } from '../../../lib/pki/encryption-keys.js';

const head = 'k8s:enc:aesgcm:v1:';
const nonceBytes = 12;
const tagBytes = 16;

/** Changes values on their way to and from the store. */
export interface ValueTransformer {
  toStore(key: string, value: Buffer): Buffer;
  /** @throws Error when the value cannot be read with any known key */
  fromStore(key: string, value: Buffer): Buffer;
  /**
   * True when a value that is stored so would be written otherwise now: with another key, or at all with one. Undefined
   * for a key whose values are stored as they are.
   */
  isStale?(key: string): ((value: Buffer) => boolean) | undefined;
}

/** Values as they are. */
export const plainValues: ValueTransformer = {
  toStore: (_key, value) => value,
  fromStore: (_key, value) => value,
};

/**
 * Encrypts values below the given prefixes; plain values found there are read as they are, so that encryption can be
 * switched on later.
 */
export function encryptedValues(options: {
  /** Those of now, read for each value: the first one encrypts, each decrypts what bears its name. */
  readonly keys: () => readonly EncryptionKey[];
  readonly prefixes: readonly string[];
}): ValueTransformer {
  return {
    toStore(key, value) {
      const [first] = options.keys();
      if (first === undefined) return value;
      if (!options.prefixes.some((candidate) => key.startsWith(candidate))) return value;
      const prefix = Buffer.from(`${head}${first.name}:`);
      const nonce = randomBytes(nonceBytes);
      const cipher = createCipheriv('aes-256-gcm', first.secret, nonce);
      cipher.setAAD(Buffer.from(key));
      const text = Buffer.concat([cipher.update(value), cipher.final()]);
      return Buffer.concat([prefix, nonce, text, cipher.getAuthTag()]);
    },
    isStale(key) {
      const [first] = options.keys();
      if (first === undefined) return undefined;
      if (!options.prefixes.some((candidate) => key.startsWith(candidate))) return undefined;
      const prefix = `${head}${first.name}:`;
      return (value) => {
        if (value.toString('latin1', 0, prefix.length) !== prefix) return true;
        try {
          decrypt(first.secret, key, value.subarray(prefix.length));
          return false;
        } catch {
          return true;
        }
      };
    },
    fromStore(key, value) {
      if (value.length < head.length || value.toString('latin1', 0, head.length) !== head)
        return value;
      const colon = value.indexOf(0x3a, head.length);
      const name = value.toString('latin1', head.length, colon);
      // Two clusters may have given one name; the tag tells whose the value is.
      const named = options.keys().filter((one) => one.name === name);
      let failure: unknown = new Error(`no encryption key named ${name}`);
      for (const { secret } of named) {
        try {
          return decrypt(secret, key, value.subarray(colon + 1));
        } catch (error) {
          failure = error;
        }
      }
      throw failure;
    },
  };
}

function decrypt(secret: Buffer, key: string, sealed: Buffer): Buffer {
  const decipher = createDecipheriv('aes-256-gcm', secret, sealed.subarray(0, nonceBytes));
  decipher.setAAD(Buffer.from(key));
  decipher.setAuthTag(sealed.subarray(sealed.length - tagBytes));
  const text = sealed.subarray(nonceBytes, sealed.length - tagBytes);
  return Buffer.concat([decipher.update(text), decipher.final()]);
}
