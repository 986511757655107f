/** Addresses without a network: for nodes that only pretend. */
import type { PodNetwork, PodRef } from '../../netproxy/types.js';

/** {@link PodNetwork} of pretended nodes: addresses and nothing behind them. */
export class HollowNetwork implements PodNetwork {
  readonly #nodeIp: string;
  readonly #addresses = new Map<string, string>();
  #next = 1;

  constructor(nodeIp: string) {
    this.#nodeIp = nodeIp;
  }

  async start(): Promise<void> {}

  /**
   * Of 100.64.0.0/10 (RFC 6598), counted up; the node's address makes those of different nodes differ as far as it
   * goes.
   */
  async setUp(pod: PodRef): Promise<{ readonly ips: readonly string[] }> {
    let address = this.#addresses.get(pod.podUid);
    if (address === undefined) {
      const number = this.#next++;
      const base = this.#nodeIp.split('.').map(Number);
      address = `100.${64 + ((base[3] ?? 0) % 64)}.${Math.floor(number / 254) % 256}.${(number % 254) + 1}`;
      this.#addresses.set(pod.podUid, address);
    }
    return { ips: [address] };
  }

  async tearDown(pod: PodRef): Promise<void> {
    this.#addresses.delete(pod.podUid);
  }

  async check(pod: PodRef): Promise<readonly string[] | undefined> {
    const address = this.#addresses.get(pod.podUid);
    return address === undefined ? undefined : [address];
  }

  async recover(): Promise<ReadonlyMap<string, readonly string[]>> {
    return new Map();
  }

  async stop(): Promise<void> {}
}
