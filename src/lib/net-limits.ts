/**
 * Every bound that a listener puts on bytes, streams, connections and times of peers it does not know yet, or at all. All listeners
 * take them from here, whatever they serve; HTTP/2's own are beside its frames (`http2/constants.ts`) and refer to these.
 * Sizes are bytes, times milliseconds.
 */
import { assert } from './assert.js';

/** Requests over HTTP/1.1. */
export const http1Limits = {
  /** The request line and all header fields together, as many as HTTP/2 takes. */
  headBytes: 64 * 1024,
  /** Header fields of one request. */
  headerCount: 1_000,
  /** From the connection's begin, or the end of the request before, to the end of the head (kube-apiserver: `ReadHeaderTimeout`). */
  headMs: 32_000,
  /** How often heads are looked at that take long. */
  checkEveryMs: 5_000,
  /** A connection that has had an answer, and sends no other request. */
  idleMs: 75_000,
  /** Requests of one connection whose answers are outstanding: a peer that sends more without waiting is cut off. */
  pipelined: 32,
  /** An upgrade waits so long for the answers to requests before it on its connection. */
  upgradeWaitMs: 10_000,
} as const;

assert(http1Limits.checkEveryMs < http1Limits.headMs, 'a slow head is seen in time');
