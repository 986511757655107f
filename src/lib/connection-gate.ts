/** Limits the connections of a listener, of all peers and of one address. */
import { isIPv6 } from 'node:net';
import type { Socket } from 'node:net';
import { connectionLimits } from './net-limits.js';

/** Counts the connections of a listener, and refuses those past its bounds. */
export class ConnectionGate {
  readonly #limits: { readonly total: number; readonly perAddress: number };
  readonly #counts = new Map<string, number>();
  #total = 0;

  constructor(limits: { readonly total: number; readonly perAddress: number } = connectionLimits) {
    this.#limits = limits;
  }

  /** Connections that are open. */
  get count(): number {
    return this.#total;
  }

  /** Counts a new connection until it closes. @returns false when it is one too many, and closed */
  admits(socket: Socket): boolean {
    const address = addressKey(socket.remoteAddress);
    const count = this.#counts.get(address) ?? 0;
    if (this.#total >= this.#limits.total || count >= this.#limits.perAddress) {
      socket.destroy();
      return false;
    }
    this.#total++;
    this.#counts.set(address, count + 1);
    socket.once('close', () => this.#release(address));
    return true;
  }

  #release(address: string): void {
    this.#total--;
    const count = this.#counts.get(address) ?? 1;
    if (count <= 1) this.#counts.delete(address);
    else this.#counts.set(address, count - 1);
  }
}

const hextets = 8;

/**
 * By what peers are told apart: the address, and of IPv6 the first 64 bits, since a host may choose the others as it
 * likes.
 * @param address undefined for a connection that is gone, or comes by a Unix socket: these are one peer
 */
export function addressKey(address: string | undefined): string {
  if (address === undefined || !isIPv6(address)) return address ?? '';
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  if (mapped?.[1] !== undefined) return mapped[1];
  const [head = '', tail] = address.replace(/%.*$/, '').split('::');
  const first = head === '' ? [] : head.split(':');
  const last = tail === undefined || tail === '' ? [] : tail.split(':');
  const gap = tail === undefined ? 0 : hextets - first.length - last.length;
  const all = [...first, ...Array.from({ length: Math.max(0, gap) }, () => '0'), ...last];
  return all
    .slice(0, 4)
    .map((part) => Number.parseInt(part, 16).toString(16))
    .join(':');
}
