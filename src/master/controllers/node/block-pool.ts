import type { Network } from './cidr.js';
import { blockAt, blockCount, indexOfBlock, parseCidr } from './cidr.js';

/** The blocks of a pod network, and the nodes that have them. */
export class BlockPool {
  readonly #network: Network;
  readonly #prefix: number;
  /** Block → node. */
  readonly #taken = new Map<number, string>();

  /** @param prefixes the prefix of a node's block, by family; no shorter than the network's own */
  constructor(cidr: string, prefixes: { readonly ipv4: number; readonly ipv6: number }) {
    this.#network = parseCidr(cidr);
    const prefix = this.#network.bits === 32 ? prefixes.ipv4 : prefixes.ipv6;
    this.#prefix = Math.max(prefix, this.#network.prefix);
  }

  /** Notes that a node has a block; one of another network is not ours. */
  note(block: string, node: string): void {
    const index = indexOfBlock(this.#network, this.#prefix, block);
    if (index !== undefined) this.#taken.set(index, node);
  }

  giveBack(block: string, node: string): void {
    const index = indexOfBlock(this.#network, this.#prefix, block);
    if (index !== undefined && this.#taken.get(index) === node) this.#taken.delete(index);
  }

  /**
   * A block taken for this node before (its write may have failed), else the first free one; undefined when none is.
   */
  take(node: string): string | undefined {
    const index = this.#find(node);
    if (index === undefined) return undefined;
    this.#taken.set(index, node);
    return blockAt(this.#network, this.#prefix, index);
  }

  #find(node: string): number | undefined {
    for (const [index, owner] of this.#taken) if (owner === node) return index;
    for (let index = 0; index < blockCount(this.#network, this.#prefix); index++) {
      if (!this.#taken.has(index)) return index;
    }
    return undefined;
  }
}
