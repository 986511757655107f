import { beforeAll, expect, test } from '@jest/globals';
import { ManualClock } from '../clock.js';
import type { KeyPair, Subject } from './certificates.js';
import { createCertificateAuthority, issueCertificate } from './certificates.js';
import { hasFormerKey, proveFormerKey } from './former-key.js';

const clock = new ManualClock(Date.UTC(2020, 0, 1));
const request = Buffer.from('a request');
const node: Subject = {
  commonName: 'system:node:n1',
  organizations: ['system:nodes'],
  usages: ['client'],
};
let ca: KeyPair;
let former: KeyPair;

beforeAll(async () => {
  ca = await createCertificateAuthority({ commonName: 'ca', clock });
  former = await issueCertificate({ ca, subject: node, clock, days: 1 });
});

const expected = (): Parameters<typeof hasFormerKey>[1] => ({
  request,
  ca: ca.cert,
  commonName: 'system:node:n1',
  organization: 'system:nodes',
});

const prove = (pair: KeyPair): ReturnType<typeof proveFormerKey> =>
  proveFormerKey({ certificate: pair.cert, key: pair.key }, request);

test('the holder of a certificate that ended years ago is known again', () => {
  expect(hasFormerKey(prove(former), expected())).toBe(true);
});

test('nobody else is', async () => {
  const stranger = await createCertificateAuthority({ commonName: 'ca', clock });
  const issue = (authority: KeyPair, subject: Subject): Promise<KeyPair> =>
    issueCertificate({ ca: authority, subject, clock });
  const otherNode = await issue(ca, { ...node, commonName: 'system:node:n2' });
  const otherGroup = await issue(ca, { ...node, organizations: ['system:masters'] });
  const twoGroups = await issue(ca, { ...node, organizations: ['a', 'system:nodes'] });
  for (const pair of [await issue(stranger, node), otherNode, otherGroup, twoGroups]) {
    expect(hasFormerKey(prove(pair), expected())).toBe(false);
  }
  // Another's key, another request, a signature that is none, nothing at all.
  const proof = prove(former);
  const { signature } = prove(otherNode);
  expect(hasFormerKey({ ...proof, signature }, expected())).toBe(false);
  expect(hasFormerKey(proof, { ...expected(), request: Buffer.from('another') })).toBe(false);
  expect(hasFormerKey({ ...proof, signature: Buffer.alloc(3) }, expected())).toBe(false);
  const nothing = { certificate: Buffer.alloc(0), signature: Buffer.alloc(0) };
  expect(hasFormerKey(nothing, expected())).toBe(false);
});
