import { isIPv4, isIPv6, SocketAddress } from 'node:net';

/** An IPv4 block: `base` is the first address as an unsigned number. */
export interface Cidr {
  readonly base: number;
  readonly prefix: number;
}

/** "10.0.0.1" as an unsigned number; undefined if it is not an IPv4 address. */
export function parseIpv4(text: string): number | undefined {
  if (!isIPv4(text)) return undefined;
  return text.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
}

/** The dotted form of an unsigned number. */
export function formatIpv4(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join('.');
}

/** "10.244.1.0/24"; bits behind the prefix are cleared. undefined if it is not an IPv4 block. */
export function parseCidr(text: string): Cidr | undefined {
  const [address = '', length = '32'] = text.split('/');
  const value = parseIpv4(address);
  const prefix = Number(length);
  if (value === undefined || !Number.isInteger(prefix) || prefix < 0 || prefix > 32) {
    return undefined;
  }
  return { base: (value & mask(prefix)) >>> 0, prefix };
}

/** "10.244.1.0/24" */
export function formatCidr(cidr: Cidr): string {
  return `${formatIpv4(cidr.base)}/${cidr.prefix}`;
}

/** False also for what is no IPv4 address. */
export function cidrContains(cidr: Cidr, address: string): boolean {
  const value = parseIpv4(address);
  return value !== undefined && (value & mask(cidr.prefix)) >>> 0 === cidr.base;
}

/** The address at `offset` in the block. */
export function cidrAddress(cidr: Cidr, offset: number): string {
  return formatIpv4((cidr.base + offset) >>> 0);
}

/**
 * Returns the normal form of an address (RFC 5952 for IPv6): "fd00:0:0:0:0:0:0:5" → "fd00::5". Any other text stays as
 * it is.
 */
export function canonicalAddress(text: string): string {
  return isIPv6(text) ? new SocketAddress({ address: text, family: 'ipv6' }).address : text;
}

/** "IPv4" or "IPv6"; undefined for neither. */
export function addressFamily(address: string): 'IPv4' | 'IPv6' | undefined {
  if (isIPv4(address)) return 'IPv4';
  return isIPv6(address) ? 'IPv6' : undefined;
}

function mask(prefix: number): number {
  return prefix === 0 ? 0 : (0xffffffff << (32 - prefix)) >>> 0;
}
