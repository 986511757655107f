/** Kubernetes' libraries `ip` and `cidr`: addresses as Go's `net/netip` reads and writes them. */
import type { IpNumber } from '../../validation/ip-text.js';
import { ipNumber, ipText, isMapped } from '../../validation/ip-text.js';
import { CelError } from '../errors.js';
import type { Library, Run } from '../functions.js';
import { OpaqueValue } from '../value.js';
import type { Value } from '../value.js';
import { instance, text } from './arguments.js';

/** An address, as a number of 32 or 128 bits. */
class IpValue extends OpaqueValue {
  readonly typeName = 'net.IP';
  readonly bits: 32 | 128;
  readonly number: bigint;
  constructor({ bits, number }: IpNumber) {
    super();
    this.bits = bits;
    this.number = number;
  }
  override equals(other: OpaqueValue): boolean {
    return other instanceof IpValue && other.bits === this.bits && other.number === this.number;
  }
  override size(): number {
    return Math.ceil(this.bits / 8);
  }
  /** True when the first `length` bits are those of `prefix`. */
  startsWith(prefix: bigint, length: number): boolean {
    const rest = BigInt(this.bits - length);
    return this.number >> rest === prefix >> rest;
  }
}

/** A range of addresses, whose address may have bits beyond the prefix. */
class CidrValue extends OpaqueValue {
  readonly typeName = 'net.CIDR';
  readonly ip: IpValue;
  readonly length: number;
  constructor(ip: IpValue, length: number) {
    super();
    this.ip = ip;
    this.length = length;
  }
  override equals(other: OpaqueValue): boolean {
    return other instanceof CidrValue && other.length === this.length && other.ip.equals(this.ip);
  }
  override size(): number {
    return Math.ceil(this.length / 8);
  }
  masked(): CidrValue {
    const { bits, number } = this.ip;
    const rest = BigInt(bits - this.length);
    return new CidrValue(new IpValue({ bits, number: (number >> rest) << rest }), this.length);
  }
  contains(ip: IpValue): boolean {
    return ip.bits === this.ip.bits && ip.startsWith(this.ip.number, this.length);
  }
}

/** Reads an address. @returns an Error in Kubernetes' words */
function parseIp(source: string): IpValue | Error {
  const quoted = JSON.stringify(source);
  const [address = '', zone] = source.split('%');
  const ip = ipNumber(address);
  if (ip === undefined || (ip.bits === 32 && zone !== undefined)) {
    const reason = source === '' ? 'unable to parse IP' : problemOf(source);
    return new Error(
      `IP Address ${quoted} parse error during conversion from string: ParseAddr(${quoted}): ${reason}`,
    );
  }
  if (zone !== undefined) return new Error(`IP address ${quoted} with zone value is not allowed`);
  if (isMapped(ip)) return new Error(`IPv4-mapped IPv6 address ${quoted} is not allowed`);
  return new IpValue(ip);
}

/** What Go finds wrong with the commonest mistakes. */
function problemOf(source: string): string {
  if (source.includes(':'))
    return `unexpected character, want colon (at ${JSON.stringify(source)})`;
  if (!source.includes('.')) return 'unable to parse IP';
  const parts = source.split('.');
  for (const part of parts) {
    if (!/^\d*$/.test(part)) return `unexpected character (at ${JSON.stringify(part)})`;
    if (part === '')
      return `IPv4 field must have at least one digit (at ${JSON.stringify(source)})`;
    if (part.length > 1 && part.startsWith('0')) return 'IPv4 field has octet with leading zero';
    if (Number(part) > 255) return 'IPv4 field has value >255';
  }
  return parts.length < 4 ? 'IPv4 address too short' : 'IPv4 address too long';
}

function readIp(source: string): IpValue {
  const found = parseIp(source);
  if (found instanceof Error) throw new CelError(found.message);
  return found;
}

function parseCidr(source: string): CidrValue | Error {
  const head = 'network address parse error during conversion from string';
  const quoted = JSON.stringify(source);
  const slash = source.lastIndexOf('/');
  if (slash < 0) return new Error(`${head}: netip.ParsePrefix(${quoted}): no '/'`);
  const [address, bits] = [source.slice(0, slash), source.slice(slash + 1)];
  const ip = parseIp(address);
  if (ip instanceof Error) {
    if (ip.message.startsWith('IPv4-mapped')) {
      return new Error(`IPv4-mapped IPv6 address ${quoted} is not allowed`);
    }
    return new Error(`${head}: netip.ParsePrefix(${quoted}): ${ip.message}`);
  }
  const isNumber = /^(0|[1-9]\d{0,2})$/.test(bits);
  if (!isNumber || Number(bits) > ip.bits) {
    const problem = isNumber ? 'prefix length out of range' : `bad bits after slash: "${bits}"`;
    return new Error(`${head}: netip.ParsePrefix(${quoted}): ${problem}`);
  }
  return new CidrValue(ip, Number(bits));
}

function readCidr(source: string): CidrValue {
  const found = parseCidr(source);
  if (found instanceof Error) {
    throw new CelError(
      `network address parse error during conversion from string: ${found.message}`,
    );
  }
  return found;
}

const ipAt = (args: readonly Value[], index: number): IpValue => instance(args, index, IpValue);
const cidrAt = (args: readonly Value[], index: number): CidrValue =>
  instance(args, index, CidrValue);

/** A test of an address against one range for each family. */
function within(range4: string | undefined, range6: string | undefined): Run {
  return (args) => {
    const ip = ipAt(args, 0);
    const range = ip.bits === 32 ? range4 : range6;
    return range !== undefined && readCidr(range).contains(ip);
  };
}

const isLoopback = within('127.0.0.0/8', '::1/128');
const isLinkLocal = within('169.254.0.0/16', 'fe80::/10');
const isMulticast = within('224.0.0.0/4', 'ff00::/8');
const isUnspecified = within('0.0.0.0/32', '::/128');
const isBroadcast = within('255.255.255.255/32', undefined);

const isGlobal: Run = (args, work) =>
  [isLoopback, isLinkLocal, isMulticast, isUnspecified, isBroadcast].every(
    (test) => test(args, work) === false,
  );

function containsCidr(outer: CidrValue, inner: CidrValue): boolean {
  return outer.length <= inner.length && outer.contains(inner.ip);
}

/** Addresses and ranges. */
export const network: Library = {
  ip: {
    string_to_ip: ['(string) net.IP', (args) => readIp(text(args, 0))],
    cidr_ip: ['net.CIDR.() net.IP', (args) => cidrAt(args, 0).ip],
  },
  isIP: { is_ip: ['(string) bool', (args) => !(parseIp(text(args, 0)) instanceof Error)] },
  'ip.isCanonical': {
    ip_is_canonical: ['(string) bool', (args) => ipText(readIp(text(args, 0))) === text(args, 0)],
  },
  family: { ip_family: ['net.IP.() int', (args) => (ipAt(args, 0).bits === 32 ? 4n : 6n)] },
  isUnspecified: { ip_is_unspecified: ['net.IP.() bool', isUnspecified] },
  isLoopback: { ip_is_loopback: ['net.IP.() bool', isLoopback] },
  isLinkLocalMulticast: {
    ip_is_link_local_multicast: ['net.IP.() bool', within('224.0.0.0/24', 'ff02::/16')],
  },
  isLinkLocalUnicast: { ip_is_link_local_unicast: ['net.IP.() bool', isLinkLocal] },
  isGlobalUnicast: { ip_is_global_unicast: ['net.IP.() bool', isGlobal] },
  cidr: { string_to_cidr: ['(string) net.CIDR', (args) => readCidr(text(args, 0))] },
  isCIDR: { is_cidr: ['(string) bool', (args) => !(parseCidr(text(args, 0)) instanceof Error)] },
  containsIP: {
    cidr_contains_ip_string: [
      'net.CIDR.(string) bool',
      (args) => cidrAt(args, 0).contains(readIp(text(args, 1))),
    ],
    cidr_contains_ip_ip: [
      'net.CIDR.(net.IP) bool',
      (args) => cidrAt(args, 0).contains(ipAt(args, 1)),
    ],
  },
  containsCIDR: {
    cidr_contains_cidr_string: [
      'net.CIDR.(string) bool',
      (args) => containsCidr(cidrAt(args, 0), readCidr(text(args, 1))),
    ],
    cidr_contains_cidr: [
      'net.CIDR.(net.CIDR) bool',
      (args) => containsCidr(cidrAt(args, 0), cidrAt(args, 1)),
    ],
  },
  prefixLength: {
    cidr_prefix_length: ['net.CIDR.() int', (args) => BigInt(cidrAt(args, 0).length)],
  },
  masked: { cidr_masked: ['net.CIDR.() net.CIDR', (args) => cidrAt(args, 0).masked()] },
  string: {
    ip_to_string: ['(net.IP) string', (args) => ipText(ipAt(args, 0))],
    cidr_to_string: [
      '(net.CIDR) string',
      (args) => `${ipText(cidrAt(args, 0).ip)}/${cidrAt(args, 0).length}`,
    ],
  },
};
