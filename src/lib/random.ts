/**
 * The door to chance that nobody may guess: names, uids, addresses. Everything that draws gets it handed in, so that
 * the simulator decides.
 */
import { randomInt, randomUUID } from 'node:crypto';

/** A source of random values. */
export interface Random {
  /** Uniform in 0..bound-1. @param bound 1..2^48-1 */
  below(bound: number): number;
  /** A version 4 UUID (RFC 9562). */
  uuid(): string;
}

/** The machine's own. */
export const systemRandom: Random = {
  below: (bound) => randomInt(bound),
  uuid: () => randomUUID(),
};
