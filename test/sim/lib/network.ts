/**
 * A network of packets in simulated time: delay, loss, repetition, reordering (by delay), and cuts, each in one
 * direction. A packet is bytes, so that no object is shared between sender and receiver.
 */
import type { Prng, Ratio } from '../../../src/lib/prng.js';

/** The faults of the network. Times are units of simulated time. */
export interface NetworkOptions {
  readonly delayMax: number;
  readonly loss: Ratio;
  readonly duplication: Ratio;
}

/** Bytes under way. */
export interface Packet {
  readonly from: bigint;
  readonly to: bigint;
  readonly bytes: Uint8Array;
}

/** Packets under way, sorted by the time of arrival. */
export class Network {
  readonly #prng: Prng;
  readonly #buckets = new Map<number, Packet[]>();
  readonly #cuts = new Set<string>();
  #options: NetworkOptions;

  constructor(prng: Prng, options: NetworkOptions) {
    this.#prng = prng;
    this.#options = options;
  }

  /** No more loss, repetition or cuts; delays stay small. */
  heal(): void {
    const none = { numerator: 0, denominator: 1 };
    this.#options = { delayMax: this.#options.delayMax, loss: none, duplication: none };
    this.#cuts.clear();
  }

  /** Nothing goes from `from` to `to` any more. */
  cut(from: bigint, to: bigint): void {
    this.#cuts.add(`${from}>${to}`);
  }

  /** Tells whether nothing goes from `from` to `to`. */
  isCut(from: bigint, to: bigint): boolean {
    return this.#cuts.has(`${from}>${to}`);
  }

  /** Ends all cuts. */
  mend(): void {
    this.#cuts.clear();
  }

  /** Sends a packet at time `now`. @returns false if it is lost, which the sender may or may not learn */
  send(now: number, packet: Packet): boolean {
    if (this.isCut(packet.from, packet.to) || this.#prng.chance(this.#options.loss)) {
      return false;
    }
    this.#enqueue(now, packet);
    if (this.#prng.chance(this.#options.duplication)) this.#enqueue(now, packet);
    return true;
  }

  #enqueue(now: number, packet: Packet): void {
    const at = now + this.#prng.between(1, this.#options.delayMax);
    const bucket = this.#buckets.get(at);
    if (bucket === undefined) this.#buckets.set(at, [packet]);
    else bucket.push(packet);
  }

  /** The packets that arrive at time `now`; to be asked for every unit of time. */
  arrivals(now: number): readonly Packet[] {
    const bucket = this.#buckets.get(now) ?? [];
    this.#buckets.delete(now);
    return bucket;
  }
}
