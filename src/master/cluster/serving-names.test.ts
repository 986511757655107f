import { expect, test } from '@jest/globals';
import { systemClock } from '../../lib/clock.js';
import { createCertificateAuthority, issueCertificate } from '../../lib/pki/certificates.js';
import { hostOf, reservedHosts, servingHosts } from './serving-names.js';
import { defaultSettings } from './settings.js';

const node = { name: 'w1', seenAddress: '10.0.0.7' };
const reserved = new Set(['10.0.0.1', 'master-1', '127.0.0.1']);

test.each<[string, string[], typeof node, string[]]>([
  ['its name and the address that it calls from', ['w1', '10.0.0.7'], node, ['w1', '10.0.0.7']],
  ["no other's name or address", ['w2', '10.0.0.8', 'w1'], node, ['w1']],
  [
    "no master's address, wherever it calls from",
    ['10.0.0.1', 'w1'],
    { ...node, seenAddress: '10.0.0.1' },
    ['w1'],
  ],
  ["no master's name", ['master-1'], { ...node, name: 'master-1' }, []],
  [
    'a name that is an address only if it calls from there',
    ['10.0.0.9'],
    { name: '10.0.0.9', seenAddress: '10.0.0.7' },
    [],
  ],
])('a certificate bears %s', (_name, wanted, who, granted) => {
  expect(servingHosts(wanted, who, reserved)).toEqual(granted);
});

test.each([
  ['10.0.0.7:4711', '10.0.0.7'],
  ['::ffff:10.0.0.7:4711', '10.0.0.7'],
  ['[::1]:80', '::1'],
  ['name:1', 'name'],
])('the host of %s is %s', (peer, host) => {
  expect(hostOf(peer)).toBe(host);
});

test("what is the masters' and the API's own", async () => {
  const clock = systemClock();
  const ca = await createCertificateAuthority({ commonName: 'ca', clock });
  const hosts = ['api.example.com', '10.0.0.100'];
  const subject = { commonName: 'kube-apiserver', hosts, usages: ['server'] as const };
  const { cert } = await issueCertificate({ ca, subject, clock });
  const masters = [
    { name: 'master-2', grpcAddress: '10.0.0.2:6444', restAddress: '10.0.0.3:6443' },
    { name: 'silent', grpcAddress: '', restAddress: '' },
  ];
  const found = reservedHosts(masters, defaultSettings, cert);
  for (const host of [
    ...hosts,
    'master-2',
    '10.0.0.2',
    '10.0.0.3',
    'silent',
    'localhost',
    'kubernetes.default.svc',
    'kubernetes.default.svc.cluster.local',
    '10.96.0.1',
    '10.96.0.10',
  ]) {
    expect(found).toContain(host);
  }
  expect(found).not.toContain('');
});
