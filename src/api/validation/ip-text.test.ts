import { expect, test } from '@jest/globals';
import { strictCidrErrors, strictIpErrors } from './ip-text.js';

const noAddress = 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)';
const noRange = 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)';

// kubernetes apimachinery util/validation/ip_test.go: the kinds of its cases.
test.each([
  ['1.2.3.4', undefined],
  ['2001:db8::ffff', undefined],
  ['::', undefined],
  ['aaa', noAddress],
  ['', noAddress],
  ['1.2.3', noAddress],
  ['1.2.3.256', noAddress],
  ['fe80::1%eth0', noAddress],
  ['1.2.3.4/24', noAddress],
  ['1.2.3.04', 'must not have leading 0s'],
  ['00001::1', 'must not have leading 0s'],
  ['::ffff:1.2.3.4', 'must not be an IPv4-mapped IPv6 address'],
  ['2001:DB8::1', 'must be in canonical form ("2001:db8::1")'],
  ['2001:db8:0:0::1', 'must be in canonical form ("2001:db8::1")'],
  ['::0001', 'must be in canonical form ("::1")'],
])('the address %j', (value, error) => {
  expect(strictIpErrors(value)).toEqual(error === undefined ? [] : [error]);
});

test.each([
  ['10.0.0.0/8', undefined],
  ['0.0.0.0/0', undefined],
  ['1.2.3.4/32', undefined],
  ['2001:db8::/64', undefined],
  ['10.0.0.0', noRange],
  ['10.0.0.0/33', noRange],
  ['10.0.0.0/-1', noRange],
  ['10.0.0.0/8/8', noRange],
  ['10.0.0.0/08', 'must not have leading 0s in IP or prefix length'],
  ['10.0.00.0/8', 'must not have leading 0s in IP or prefix length'],
  ['::ffff:1.2.3.0/120', 'must not have an IPv4-mapped IPv6 address'],
  ['10.0.0.1/8', 'must not have bits set beyond the prefix length'],
  ['2001:DB8::/64', 'must be in canonical form ("2001:db8::/64")'],
])('the range %j', (value, error) => {
  expect(strictCidrErrors(value)).toEqual(error === undefined ? [] : [error]);
});
