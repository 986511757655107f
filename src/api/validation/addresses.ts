/** Addresses and ranges of addresses: those that only one machine or link knows, and ranges within ranges. */
import { BlockList } from 'node:net';
import { at, child, invalid } from '../field-error.js';
import type { FieldError, FieldPath } from '../field-error.js';
import { cidrErrors, ipErrors, isIPv4, isIPv6 } from './names.js';

type Family = 'ipv4' | 'ipv6';

function familyOf(address: string): Family {
  return isIPv4(address) ? 'ipv4' : 'ipv6';
}

function ranges(...cidrs: readonly string[]): BlockList {
  const list = new BlockList();
  for (const cidr of cidrs) {
    const [address = '', bits = ''] = cidr.split('/');
    list.addSubnet(address, Number(bits), familyOf(address));
  }
  return list;
}

/** Addresses that lead to whoever asks, not to who was meant. */
const special: readonly (readonly [BlockList, (address: string) => string])[] = [
  [ranges('0.0.0.0/32', '::/128'), (address) => `may not be unspecified (${address})`],
  [
    ranges('127.0.0.0/8', '::1/128'),
    () => 'may not be in the loopback range (127.0.0.0/8, ::1/128)',
  ],
  [
    ranges('169.254.0.0/16', 'fe80::/10'),
    () => 'may not be in the link-local range (169.254.0.0/16, fe80::/10)',
  ],
  [
    ranges('224.0.0.0/24', 'ff02::/16'),
    () => 'may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)',
  ],
];

/** An address that is no address, or that only one machine or link knows. */
export function nonSpecialIpErrors(value: string): string[] {
  const problems = ipErrors(value);
  if (problems.length > 0) return problems;
  return special
    .filter(([list]) => list.check(value, familyOf(value)))
    .map(([, text]) => text(value));
}

/** The same, but the loopback is fine: nodes without privileges have all their pods there. */
export function endpointIpErrors(value: string): string[] {
  return nonSpecialIpErrors(value).filter((text) => !text.includes('loopback'));
}

/** True when `inner` lies within `outer` and is smaller. Both are CIDRs. */
export function isStrictSubset(inner: string, outer: string): boolean {
  const [address = '', bits = ''] = inner.split('/');
  const [, outerBits = ''] = outer.split('/');
  const sameFamily = isIPv6(address) === outer.includes(':');
  return (
    sameFamily &&
    Number(bits) > Number(outerBits) &&
    ranges(outer).check(address, familyOf(address))
  );
}

/** A block of addresses with exceptions. That there is a block is the schema's to check. */
export function checkIpBlock(
  block: { readonly cidr?: string; readonly except?: readonly string[] | undefined },
  path: FieldPath,
  errors: FieldError[],
): void {
  const { cidr = '', except = [] } = block;
  if (cidr === '') return;
  const problems = cidrErrors(cidr);
  for (const text of problems) errors.push(invalid(child(path, 'cidr'), cidr, text));
  except.forEach((hole, index) => {
    const here = at(child(path, 'except'), index);
    const own = cidrErrors(hole);
    for (const text of own) errors.push(invalid(here, hole, text));
    if (own.length > 0 || problems.length > 0 || isStrictSubset(hole, cidr)) return;
    errors.push(invalid(here, hole, 'must be a strict subset of `cidr`'));
  });
}
