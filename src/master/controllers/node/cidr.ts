/** Blocks of a pod network, one per node. Pure. */
import { isIPv6 } from 'node:net';

/** A network in CIDR notation as numbers. */
export interface Network {
  readonly base: bigint;
  readonly prefix: number;
  readonly bits: 32 | 128;
}

/** @throws TypeError when the text is no CIDR */
export function parseCidr(text: string): Network {
  const match = /^([0-9a-fA-F:.]+)\/(\d+)$/.exec(text.trim());
  const prefix = Number(match?.[2] ?? -1);
  const address = match?.[1] ?? '';
  const bits = isIPv6(address) ? 128 : 32;
  const value = bits === 128 ? parseIpv6(address) : parseIpv4(address);
  if (match === null || value === undefined || prefix > bits) {
    throw new TypeError(`invalid CIDR "${text}"`);
  }
  const mask = (1n << BigInt(bits - prefix)) - 1n;
  return { base: value & ~mask, prefix, bits };
}

function parseIpv4(text: string): bigint | undefined {
  const parts = text.split('.').map(Number);
  if (parts.length !== 4 || parts.some((part) => !(part >= 0 && part <= 255))) return undefined;
  return parts.reduce((sum, part) => (sum << 8n) | BigInt(part), 0n);
}

function parseIpv6(text: string): bigint | undefined {
  const [head = '', tail] = text.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const fill = tail === undefined ? 0 : 8 - left.length - right.length;
  const groups = [...left, ...Array.from({ length: Math.max(0, fill) }, () => '0'), ...right];
  if (groups.length !== 8) return undefined;
  return groups.reduce((sum, group) => (sum << 16n) | BigInt(Number.parseInt(group, 16)), 0n);
}

function formatAddress(value: bigint, bits: 32 | 128): string {
  if (bits === 32) {
    return [24n, 16n, 8n, 0n].map((shift) => String((value >> shift) & 255n)).join('.');
  }
  const groups = Array.from({ length: 8 }, (_, index) =>
    ((value >> BigInt(112 - 16 * index)) & 0xffffn).toString(16),
  );
  // The longest run of zeroes is left out, the first of several (RFC 5952).
  const text = groups.join(':');
  const runs = [...text.matchAll(/(?<=^|:)0(?::0)+(?=:|$)/g)];
  const [longest] = runs.toSorted((a, b) => b[0].length - a[0].length);
  if (longest === undefined) return text;
  const head = text.slice(0, longest.index).replace(/:$/, '');
  const tail = text.slice(longest.index + longest[0].length).replace(/^:/, '');
  return `${head}::${tail}`;
}

/** The blocks of `network` with a longer prefix: how many, and the n-th. */
export function blockCount(network: Network, prefix: number): number {
  return prefix < network.prefix ? 0 : 2 ** Math.min(30, prefix - network.prefix);
}

/** Returns the CIDR of the block with that index, of `prefix` bits, within the network. */
export function blockAt(network: Network, prefix: number, index: number): string {
  const base = network.base + (BigInt(index) << BigInt(network.bits - prefix));
  return `${formatAddress(base, network.bits)}/${prefix}`;
}

/** Returns the index of a block; undefined when it is not of this network. */
export function indexOfBlock(network: Network, prefix: number, block: string): number | undefined {
  const parsed = parseCidr(block);
  if (parsed.bits !== network.bits) return undefined;
  const index = (parsed.base - network.base) >> BigInt(network.bits - prefix);
  if (index < 0n || index >= BigInt(blockCount(network, prefix))) return undefined;
  return Number(index);
}
