/** Addresses as numbers, and their canonical text (RFC 5952), as Go's `net/netip` reads and writes them. */
import { isIPv4, isIPv6 } from './names.js';

/** An address: its length, and its number. */
export interface IpNumber {
  readonly bits: 32 | 128;
  readonly number: bigint;
}

function number4(source: string): bigint {
  return source.split('.').reduce((sum, part) => sum * 256n + BigInt(part), 0n);
}

function number6(source: string): bigint {
  const [head = '', tail] = source.split('::');
  const groups = (part: string): bigint[] =>
    part === ''
      ? []
      : part.split(':').flatMap((group) => {
          if (!group.includes('.')) return [BigInt(`0x${group}`)];
          const number = number4(group);
          return [number >> 16n, number & 0xffffn];
        });
  const [before, after] = [groups(head), groups(tail ?? '')];
  const gap = Array.from({ length: Math.max(0, 8 - before.length - after.length) }, () => 0n);
  return [...before, ...gap, ...after].reduce((sum, group) => sum * 65_536n + group, 0n);
}

/** Reads an address without a zone; undefined for anything else, leading zeros included. */
export function ipNumber(source: string): IpNumber | undefined {
  if (isIPv4(source)) return { bits: 32, number: number4(source) };
  return isIPv6(source) ? { bits: 128, number: number6(source) } : undefined;
}

/** True for an IPv6 address that stands for one of IPv4, such as `::ffff:1.2.3.4`. */
export function isMapped({ bits, number }: IpNumber): boolean {
  return bits === 128 && number >> 32n === 0xffffn;
}

/** Writes an address in its canonical form: the longest run of zeros is left out (RFC 5952). */
export function ipText({ bits, number }: IpNumber): string {
  if (bits === 32) return [24n, 16n, 8n, 0n].map((shift) => (number >> shift) & 255n).join('.');
  const groups = Array.from({ length: 8 }, (_, index) =>
    ((number >> BigInt(112 - index * 16)) & 0xffffn).toString(16),
  );
  let [start, length] = [-1, 1];
  for (let from = 0; from < 8; from += 1) {
    let count = 0;
    while (groups[from + count] === '0') count += 1;
    if (count > length) [start, length] = [from, count];
  }
  if (start < 0) return groups.join(':');
  return `${groups.slice(0, start).join(':')}::${groups.slice(start + length).join(':')}`;
}

/** A range of addresses: those that share the first `length` bits of `ip`. */
export interface IpRange {
  readonly ip: IpNumber;
  readonly length: number;
}

/** The first address of a range. */
export function rangeStart({ ip, length }: IpRange): IpNumber {
  const rest = BigInt(ip.bits - length);
  return { bits: ip.bits, number: (ip.number >> rest) << rest };
}

/** Reads `address/length`; undefined for anything else, leading zeros included. */
export function ipRange(source: string): IpRange | undefined {
  const slash = source.lastIndexOf('/');
  if (slash < 0) return undefined;
  const [address, bits] = [source.slice(0, slash), source.slice(slash + 1)];
  const ip = ipNumber(address);
  if (ip === undefined || !/^(0|[1-9]\d{0,2})$/.test(bits) || Number(bits) > ip.bits) {
    return undefined;
  }
  return { ip, length: Number(bits) };
}

/** True when the first `outer.length` bits of the address are those of `outer`. */
export function rangeHolds(outer: IpRange, ip: IpNumber): boolean {
  const rest = BigInt(outer.ip.bits - outer.length);
  return ip.bits === outer.ip.bits && ip.number >> rest === outer.ip.number >> rest;
}

/** Takes leading zeros away, which Kubernetes read over once: `010.0.0.1`, `10.0.0.0/08`. */
function withoutZeros(source: string): string {
  const [address = '', ...rest] = source.split('/');
  const plain = (part: string): string => part.replace(/^0+(?=\d)/, '');
  const groups = address
    .split(':')
    .map((group) =>
      group.includes('.')
        ? group.split('.').map(plain).join('.')
        : group.replace(/^0+(?=[\da-fA-F]{4}$)/, ''),
    );
  return [groups.join(':'), ...rest.map(plain)].join('/');
}

/** True for an address as Kubernetes reads old fields, leading zeros or not. */
export function isLooseIp(value: string): boolean {
  return !value.includes('/') && ipNumber(withoutZeros(value)) !== undefined;
}

/**
 * An address that is not in the one form that new fields take.
 * @see kubernetes apimachinery util/validation/ip.go, IsValidIP
 */
export function strictIpErrors(value: string): string[] {
  const ip = ipNumber(value);
  if (ip === undefined) {
    return ipNumber(withoutZeros(value)) === undefined
      ? ['must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)']
      : ['must not have leading 0s'];
  }
  if (isMapped(ip)) return ['must not be an IPv4-mapped IPv6 address'];
  const text = ipText(ip);
  return text === value ? [] : [`must be in canonical form ("${text}")`];
}

/** A range that is not in the one form that new fields take (IsValidCIDR, of the same file). */
export function strictCidrErrors(value: string): string[] {
  const range = ipRange(value);
  if (range === undefined) {
    return ipRange(withoutZeros(value)) === undefined
      ? ['must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)']
      : ['must not have leading 0s in IP or prefix length'];
  }
  if (isMapped(range.ip)) return ['must not have an IPv4-mapped IPv6 address'];
  const start = rangeStart(range);
  if (start.number !== range.ip.number) {
    return ['must not have bits set beyond the prefix length'];
  }
  const text = `${ipText(start)}/${range.length}`;
  return text === value ? [] : [`must be in canonical form ("${text}")`];
}
