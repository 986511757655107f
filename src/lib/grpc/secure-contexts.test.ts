import { expect, test } from '@jest/globals';
import { systemClock } from '../clock.js';
import { createCertificateAuthority } from '../pki/certificates.js';
import { secureContextOf } from './secure-contexts.js';

const authority = (commonName: string): ReturnType<typeof createCertificateAuthority> =>
  createCertificateAuthority({ commonName, clock: systemClock() });

test('connections with the same certificates have one context, whoever read the files', async () => {
  const { cert, key } = await authority('a');
  const first = secureContextOf({ ca: cert, cert, key });
  expect(secureContextOf({ ca: cert, cert, key })).toBe(first);
  const read = (): Buffer => Buffer.from(cert);
  const ofFiles = secureContextOf({ ca: read(), cert: read(), key: Buffer.from(key) });
  expect(secureContextOf({ ca: read(), cert: read(), key: Buffer.from(key) })).toBe(ofFiles);
});

test('another part makes another context, and what has not been used for long is let go', async () => {
  const { cert, key } = await authority('a');
  const renewed = await authority('a');
  const first = secureContextOf({ ca: cert, cert, key });
  expect(secureContextOf({ ca: renewed.cert, cert, key })).not.toBe(first);
  expect(secureContextOf({ ca: cert })).not.toBe(first);
  expect(secureContextOf({ ca: cert, cert, key })).toBe(first);
  for (const ca of [renewed.cert, Buffer.from(cert), Buffer.from(renewed.cert)]) {
    secureContextOf({ ca });
  }
  expect(secureContextOf({})).not.toBe(first);
  expect(secureContextOf({ ca: cert, cert, key })).not.toBe(first);
});

test('a key that does not belong to the certificate is refused each time', async () => {
  const { cert } = await authority('a');
  const { key } = await authority('b');
  for (let time = 0; time < 2; time++) {
    expect(() => secureContextOf({ cert, key })).toThrow(/key values mismatch/);
  }
});
