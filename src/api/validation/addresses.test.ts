import { describe, expect, test } from '@jest/globals';
import { formatFieldError } from '../field-error.js';
import type { FieldError } from '../field-error.js';
import { checkIpBlock, endpointIpErrors, nonSpecialIpErrors } from './addresses.js';

describe('addresses that lead to whoever asks', () => {
  test.each([
    ['0.0.0.0', 'may not be unspecified (0.0.0.0)'],
    ['::', 'may not be unspecified (::)'],
    ['127.0.0.1', 'may not be in the loopback range (127.0.0.0/8, ::1/128)'],
    ['127.255.0.9', 'may not be in the loopback range (127.0.0.0/8, ::1/128)'],
    ['::1', 'may not be in the loopback range (127.0.0.0/8, ::1/128)'],
    ['::ffff:127.0.0.1', 'may not be in the loopback range (127.0.0.0/8, ::1/128)'],
    ['169.254.169.254', 'may not be in the link-local range (169.254.0.0/16, fe80::/10)'],
    ['fe80::1', 'may not be in the link-local range (169.254.0.0/16, fe80::/10)'],
    ['224.0.0.251', 'may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)'],
  ])('%s', (address, text) => {
    expect(nonSpecialIpErrors(address)).toEqual([text]);
  });

  test('others are fine, and texts that are no address are told as such', () => {
    for (const address of ['10.0.0.1', '128.0.0.1', '2001:db8::1']) {
      expect(nonSpecialIpErrors(address)).toEqual([]);
    }
    expect(nonSpecialIpErrors('10.0.0.1\n')[0]).toContain('must be a valid IP address');
    expect(endpointIpErrors('127.0.0.1')).toEqual([]);
    expect(endpointIpErrors('169.254.169.254')).toHaveLength(1);
  });
});

test.each([
  ['10.0.0.0/8', ['10.1.0.0/16'], []],
  ['10.0.0.0/8', ['10.0.0.0/8'], ['except[0]']],
  ['10.0.0.0/8', ['10.0.0.0/7'], ['except[0]']],
  ['10.0.0.0/8', ['11.0.0.0/16', '10.1.0.0/16'], ['except[0]']],
  ['10.0.0.0/8', ['::/64'], ['except[0]']],
  ['10.0.0.0/8', ['10.1.0.0'], ['except[0]']],
  ['10.0.0.0/8', ['10.1.0.0/16 -j ACCEPT'], ['except[0]']],
  ['2001:db8::/32', ['2001:db8:1::/48'], []],
  ['2001:db8::/32', ['2001:db9::/48'], ['except[0]']],
  ['10.0.0.0/33', ['10.1.0.0/16'], ['cidr']],
  ['', [], []],
])('block %s without %j', (cidr, except, fields) => {
  const errors: FieldError[] = [];
  checkIpBlock({ cidr, except }, 'b', errors);
  expect(errors.map(({ field }) => field)).toEqual(fields.map((field) => `b.${field}`));
  for (const error of errors) expect(formatFieldError(error)).toContain('Invalid value');
});
