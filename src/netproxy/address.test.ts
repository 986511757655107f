import { describe, expect, test } from '@jest/globals';
import {
  addressFamily,
  canonicalAddress,
  cidrAddress,
  cidrContains,
  formatCidr,
  formatIpv4,
  parseCidr,
  parseIpv4,
} from './address.js';

describe('addresses', () => {
  test.each([
    ['0.0.0.0', 0],
    ['10.0.0.1', 167_772_161],
    ['255.255.255.255', 4_294_967_295],
  ])('%s is %d', (text, number) => {
    expect(parseIpv4(text)).toBe(number);
    expect(formatIpv4(number)).toBe(text);
  });

  test.each(['', '10.0.0', '10.0.0.256', '10.0.0.1 ', '010.0.0.1', 'fd00::1', '10.0.0.1/8'])(
    '%j is none',
    (text) => {
      expect(parseIpv4(text)).toBeUndefined();
    },
  );

  test('belong to a family', () => {
    expect(addressFamily('10.0.0.1')).toBe('IPv4');
    expect(addressFamily('fd00::1')).toBe('IPv6');
    expect(addressFamily('None')).toBeUndefined();
  });

  test.each([
    ['FD00:0:0::0005', 'fd00::5'],
    ['10.0.0.1', '10.0.0.1'],
    ['None', 'None'],
  ])('%s is written %s', (text, canonical) => {
    expect(canonicalAddress(text)).toBe(canonical);
  });
});

describe('blocks', () => {
  test.each([
    ['10.244.1.7/24', '10.244.1.0/24'],
    ['10.244.1.7', '10.244.1.7/32'],
    ['10.244.1.7/0', '0.0.0.0/0'],
    ['192.168.255.255/17', '192.168.128.0/17'],
  ])('%s is %s', (text, block) => {
    expect(formatCidr(parseCidr(text)!)).toBe(block);
  });

  test.each(['10.0.0.0/33', '10.0.0.0/-1', '10.0.0.0/1.5', '10.0.0.0/x', 'fd00::/8', 'all'])(
    '%j is none',
    (text) => {
      expect(parseCidr(text)).toBeUndefined();
    },
  );

  test('hold the addresses from the first to the last', () => {
    const block = parseCidr('10.244.1.0/24')!;
    expect(['10.244.1.0', '10.244.1.255'].map((one) => cidrContains(block, one))).toEqual([
      true,
      true,
    ]);
    for (const one of ['10.244.0.255', '10.244.2.0', 'fd00::1', '']) {
      expect(cidrContains(block, one)).toBe(false);
    }
    expect(cidrContains(parseCidr('0.0.0.0/0')!, '255.255.255.255')).toBe(true);
  });

  test('number their addresses', () => {
    expect(cidrAddress(parseCidr('10.244.1.0/24')!, 1)).toBe('10.244.1.1');
    expect(cidrAddress(parseCidr('10.244.1.0/24')!, 256)).toBe('10.244.2.0');
  });
});
