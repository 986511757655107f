import { createSecureContext } from 'node:tls';
import type { SecureContext } from 'node:tls';

/** PEM of one side of a connection, each part optional. */
export interface PemParts {
  readonly ca?: string | Buffer;
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
}

interface Kept {
  readonly parts: PemParts;
  readonly context: SecureContext;
}

/** A process has two or three sets of certificates, and the ones before a renewal for a while. */
const keptMax = 4;
/** The last used first. */
const kept: Kept[] = [];

/**
 * What OpenSSL makes of certificates and a key. It takes milliseconds to make and a hundred kilobytes to hold, and a
 * client that waits for its server tries twenty times a second: connections with the same PEM have the same.
 * @throws OpenSSL's error about parts that it cannot read
 */
export function secureContextOf({ ca, cert, key }: PemParts): SecureContext {
  const at = kept.findIndex(({ parts }) =>
    [
      [parts.ca, ca],
      [parts.cert, cert],
      [parts.key, key],
    ].every(([a, b]) => isSame(a, b)),
  );
  const [found] = at === -1 ? [] : kept.splice(at, 1);
  const parts = {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  };
  const first = found ?? { parts, context: createSecureContext(parts) };
  kept.unshift(first);
  kept.length = Math.min(kept.length, keptMax);
  return first.context;
}

function isSame(a: string | Buffer | undefined, b: string | Buffer | undefined): boolean {
  return a === b || (Buffer.isBuffer(a) && Buffer.isBuffer(b) && a.equals(b));
}
