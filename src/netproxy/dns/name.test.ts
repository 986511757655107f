import { expect, test } from '@jest/globals';
import { labelsUnder, normalName, reverseAddress } from './name.js';

test.each([
  ['Web.Default.SVC.cluster.local.', 'web.default.svc.cluster.local'],
  ['a', 'a'],
  ['.', ''],
  ['a..', 'a.'],
])('%s is %s', (name, normal) => {
  expect(normalName(name)).toBe(normal);
});

test.each([
  ['cluster.local', []],
  ['a.b.cluster.local', ['a', 'b']],
  ['acluster.local', undefined],
  ['local', undefined],
  ['cluster.local.example', undefined],
  ['.cluster.local', ['']],
])('the labels of %s under the zone', (name, labels) => {
  expect(labelsUnder(name, 'cluster.local')).toEqual(labels);
});

const nibbles = (text: string): string => text.replaceAll(' ', '').split('').reverse().join('.');

test.each([
  ['4.3.2.1.in-addr.arpa', '1.2.3.4'],
  ['255.0.0.10.in-addr.arpa', '10.0.0.255'],
  [`${nibbles('fd00 0000 0000 0000 0000 0000 0000 0001')}.ip6.arpa`, 'fd00::1'],
  ['256.3.2.1.in-addr.arpa', undefined],
  ['3.2.1.in-addr.arpa', undefined],
  ['5.4.3.2.1.in-addr.arpa', undefined],
  ['x.3.2.1.in-addr.arpa', undefined],
  ['-1.3.2.1.in-addr.arpa', undefined],
  ['in-addr.arpa', undefined],
  [`${nibbles('fd00')}.ip6.arpa`, undefined],
  [`g.${nibbles('d00 0000 0000 0000 0000 0000 0000 0001')}.ip6.arpa`, undefined],
  ['4.3.2.1.in-addr.arpa.example', undefined],
])('%s is the name of %s', (name, address) => {
  expect(reverseAddress(name)).toBe(address);
});
