import { expect, test } from '@jest/globals';
import { X509Certificate } from 'node:crypto';
import { ManualClock } from '../clock.js';
import { certificateOfKey, isSignedByOne, pemBlocks, withBlock } from './bundle.js';
import { createCertificateAuthority, issueCertificate } from './certificates.js';

test('authorities stand side by side, and the key tells which of them signs', async () => {
  const clock = new ManualClock(Date.UTC(2026, 0, 1));
  const [one, two, three] = await Promise.all(
    ['one', 'two', 'three'].map((commonName) => createCertificateAuthority({ commonName, clock })),
  );
  if (one === undefined || two === undefined || three === undefined) throw new Error();
  const both = withBlock(one.cert, two.cert);
  expect(withBlock(both, one.cert)).toBe(both);
  expect(pemBlocks(both).map((pem) => new X509Certificate(pem).subject)).toEqual([
    'CN=one',
    'CN=two',
  ]);
  expect(new X509Certificate(certificateOfKey(both, one.key)).subject).toBe('CN=one');
  expect(new X509Certificate(certificateOfKey(both, two.key)).subject).toBe('CN=two');
  expect(() => certificateOfKey(both, three.key)).toThrow('the key is not the one');
  const leafOf = async (ca: typeof one): Promise<X509Certificate> => {
    const subject = { commonName: 'leaf', usages: ['client'] as const };
    return new X509Certificate((await issueCertificate({ ca, subject, clock })).cert);
  };
  expect(isSignedByOne(await leafOf(two), both)).toBe(true);
  expect(isSignedByOne(await leafOf(three), both)).toBe(false);
});
