/**
 * Encryption at rest, in the form of kube-apiserver's `aesgcm` provider: `k8s:enc:aesgcm:v1:<key>:` followed by a
 * 12-byte nonce, the ciphertext and the tag; the key's path in the store is authenticated with it.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

const head = 'k8s:enc:aesgcm:v1:';
const nonceBytes = 12;
const tagBytes = 16;

/** Changes values on their way to and from the store. */
export interface ValueTransformer {
  toStore(key: string, value: Buffer): Buffer;
  /** @throws Error when the value cannot be read with any known key */
  fromStore(key: string, value: Buffer): Buffer;
}

/** Values as they are. */
export const plainValues: ValueTransformer = {
  toStore: (_key, value) => value,
  fromStore: (_key, value) => value,
};

/**
 * Encrypts values below the given prefixes; plain values found there are read as they are, so that encryption can be
 * switched on later.
 * @param keys 32-byte keys by name; the first one encrypts
 */
export function encryptedValues(options: {
  readonly keys: readonly { readonly name: string; readonly secret: Buffer }[];
  readonly prefixes: readonly string[];
}): ValueTransformer {
  const byName = new Map(options.keys.map((key) => [key.name, key.secret]));
  const [first] = options.keys;
  if (first === undefined) return plainValues;
  const prefix = Buffer.from(`${head}${first.name}:`);
  return {
    toStore(key, value) {
      if (!options.prefixes.some((candidate) => key.startsWith(candidate))) return value;
      const nonce = randomBytes(nonceBytes);
      const cipher = createCipheriv('aes-256-gcm', first.secret, nonce);
      cipher.setAAD(Buffer.from(key));
      const text = Buffer.concat([cipher.update(value), cipher.final()]);
      return Buffer.concat([prefix, nonce, text, cipher.getAuthTag()]);
    },
    fromStore(key, value) {
      if (value.length < head.length || value.toString('latin1', 0, head.length) !== head)
        return value;
      const colon = value.indexOf(0x3a, head.length);
      const name = value.toString('latin1', head.length, colon);
      const secret = byName.get(name);
      if (secret === undefined) throw new Error(`no encryption key named ${name}`);
      const nonce = value.subarray(colon + 1, colon + 1 + nonceBytes);
      const decipher = createDecipheriv('aes-256-gcm', secret, nonce);
      decipher.setAAD(Buffer.from(key));
      decipher.setAuthTag(value.subarray(value.length - tagBytes));
      const text = value.subarray(colon + 1 + nonceBytes, value.length - tagBytes);
      return Buffer.concat([decipher.update(text), decipher.final()]);
    },
  };
}
