/** The bounds of the node's name server. Sizes in bytes, times in milliseconds. */
import { assert } from '../../lib/assert.js';

/** See the head of this file. */
export const dnsLimits = {
  /** Connections over TCP, of all clients and of one address. */
  connections: 500,
  connectionsPerAddress: 50,
  /** A connection without a question, and a question that is not complete. */
  idleMs: 10_000,
  /** A question with all that may come with it; an answer may have 64 KiB. */
  questionBytes: 4_096,
  /** Records besides the question: EDNS, a signature. */
  additionals: 8,
  /** Questions of one connection that are not answered, and answers that it has not taken. */
  perConnection: 100,
  unreadBytes: 512 * 1024,
  /**
   * Questions that are not answered yet, over both transports: all, and those of one address, so that no pod takes
   * all places.
   */
  pending: 5_000,
  pendingPerAddress: 250,
  /** Questions under way to other name servers; how long each of these is waited for. */
  forwarded: 1_000,
  serverMs: 2_000,
  /** Answers that are remembered, those with more records are not; and how long. */
  cached: 4_096,
  cachedRecords: 32,
  ttlSecondsMax: 3_600,
  negativeSecondsMax: 30,
} as const;

assert(dnsLimits.pendingPerAddress < dnsLimits.forwarded, 'one address leaves room for others');
