import { createHash } from 'node:crypto';
import type { Protocol } from '../types.js';

/**
 * Rules are kept as the text that `iptables-save` prints, without "-A CHAIN ": what is wanted and what is there then
 * compare as strings. The order of matches, `-m tcp` before `--dport` and quotes around comments with spaces belong
 * to it.
 */
export type Rule = string;

/** The tables of iptables that we have rules in. */
export type Table = 'mangle' | 'nat' | 'filter';

/** "nat/KUBE-SERVICES": a chain with its table. */
export type ChainId = `${Table}/${string}`;

/** The bit of a packet's mark that asks for masquerading; kube-proxy's default. */
export const masqueradeMark = '0x4000';

/** `--comment` as iptables-save prints it. */
export function comment(text: string): string {
  // Names come from the API, where they cannot hold these; a line break would begin a rule of its own.
  const plain = text.replace(/["\\\p{Cc}]/gu, '').slice(0, 255);
  return `-m comment --comment ${/^[\w]+$/.test(plain) ? plain : `"${plain}"`}`;
}

/** "-p tcp <comment> <more> -m tcp --dport 80": iptables-save's order. */
export function destinationPort(protocol: Protocol, port: number, text: string, more = ''): string {
  const name = protocol.toLowerCase();
  return join(`-p ${name}`, comment(text), more, `-m ${name} --dport ${port}`);
}

/** A share of 1/n as the kernel keeps it, a 31-bit fraction, printed with iptables' 11 digits. */
export function probability(count: number): string {
  return (Math.round(2 ** 31 / count) / 2 ** 31).toFixed(11);
}

/** Parts separated by one space, empty ones left out. */
export function join(...parts: readonly string[]): string {
  return parts.filter((part) => part !== '').join(' ');
}

/** A chain's name: the kind and 16 base32 characters of a hash, within iptables' 28 characters. */
export function chainName(kind: string, ...parts: readonly string[]): string {
  const digest = createHash('sha256').update(parts.join('')).digest();
  let text = '';
  for (let bit = 0; text.length < 16; bit += 5) {
    const word = (digest[bit >> 3] ?? 0) * 256 + (digest[(bit >> 3) + 1] ?? 0);
    text += 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'[(word >> (11 - (bit & 7))) & 31];
  }
  return `KUBE-${kind}-${text}`;
}
