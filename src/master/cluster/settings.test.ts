import { expect, test } from '@jest/globals';
import {
  addressInRange,
  apiServiceAddress,
  clusterDnsAddress,
  defaultSettings,
  settingsFromMap,
  settingsToMap,
} from './settings.js';

test.each([
  ['10.96.0.0/16', 1, '10.96.0.1'],
  ['10.96.0.0/16', 256, '10.96.1.0'],
  ['10.96.0.0/16', 65_535, '10.96.255.255'],
  ['255.255.255.0/24', 255, '255.255.255.255'],
  ['192.168.1.7/32', 0, '192.168.1.7'],
  ['0.0.0.0/0', 2 ** 32 - 1, '255.255.255.255'],
])('of %s the address number %d is %s', (cidr, n, address) => {
  expect(addressInRange(cidr, n)).toBe(address);
});

test.each([
  ['10.96.0.0/16', 65_536],
  ['10.96.0.0/16', -1],
  ['10.0.0.0/33', 0],
])('%s has no address number %d', (cidr, n) => {
  expect(() => addressInRange(cidr, n)).toThrow(RangeError);
});

test.each(['', '10.0.0.0', 'fe80::/64', '10.0.0/8', 'a.b.c.d/8'])('%j is no range', (cidr) => {
  expect(() => addressInRange(cidr, 0)).toThrow('is not an IPv4 range in CIDR form');
});

test('the API has the first address of the services, the DNS the tenth', () => {
  expect(apiServiceAddress(defaultSettings)).toBe('10.96.0.1');
  expect(clusterDnsAddress(defaultSettings)).toBe('10.96.0.10');
});

test('joining masters are told them all; what an older master does not tell is the default', () => {
  const settings = {
    clusterCidr: '10.1.0.0/16',
    serviceCidr: '10.2.0.0/16',
    clusterDomain: 'example.test',
    nodeCidrMaskSize: 26,
  };
  expect(settingsFromMap(settingsToMap(settings))).toEqual(settings);
  expect(settingsFromMap({})).toEqual(defaultSettings);
});
