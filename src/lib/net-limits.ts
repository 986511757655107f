/**
 * Every bound that a listener puts on bytes, streams, connections and times of peers it does not know yet, or at all.
 * All listeners take them from here, whatever they serve; HTTP/2's own are beside its frames (`http2/constants.ts`) and
 * refer to these. Sizes are bytes, times milliseconds.
 */
import { assert } from './assert.js';

/** Connections of one listener. */
export const connectionLimits = {
  /**
   * Open at once; one more is closed when it is accepted. Each costs some 30 KB before its handshake ends, so all of
   * them 300 MB.
   */
  total: 10_000,
  /**
   * The same from one address, so that one host cannot take all. Enough for all clients of a machine that runs a
   * benchmark.
   */
  perAddress: 2_000,
  /** The longest TLS handshake. */
  handshakeMs: 10_000,
  /** A connection without TLS must show its protocol within this time. */
  firstBytesMs: 10_000,
  /**
   * A connection of HTTP/2 without streams, and without a client certificate, ends after so long (kube-apiserver's
   * `IdleTimeout`).
   */
  idleMs: 90_000,
} as const;

/** Requests over HTTP/1.1. */
export const http1Limits = {
  /** The request line and all header fields together, as many as HTTP/2 takes. */
  headBytes: 64 * 1024,
  /** Header fields of one request. */
  headerCount: 1_000,
  /**
   * From the connection's begin, or the end of the request before, to the end of the head (kube-apiserver:
   * `ReadHeaderTimeout`).
   */
  headMs: 32_000,
  /** The interval of the search for heads that take too long. */
  checkEveryMs: 5_000,
  /** A connection that has had an answer, and sends no other request. */
  idleMs: 75_000,
  /** Requests of one connection whose answers are outstanding: a peer that sends more without waiting is cut off. */
  pipelined: 32,
  /** An upgrade waits so long for the answers to requests before it on its connection. */
  upgradeWaitMs: 10_000,
} as const;

/** The limits of one peer of gRPC on one connection. */
export interface PeerLimits {
  /** Streams under way at once. */
  readonly streams: number;
  /**
   * Message bytes that it has sent and no handler has taken: unfinished messages, and those that wait for their reader.
   */
  readonly receivedBytes: number;
  /** Answers that no window limits (to pings, settings, refused streams) and that it does not read. */
  readonly unreadBytes: number;
  /** Streams under way that it may break off (CVE-2023-44487), or make us break off (CVE-2025-8671). */
  readonly resets: { readonly burst: number; readonly perSecond: number };
  /** Without streams its connection ends after so long. Undefined: never. */
  readonly idleMs: number | undefined;
}

/** The weight of a stream in {@link listenerLimits}, whatever it holds. */
export const streamBytes = 4096;

/** A peer that showed a client certificate which verified. */
export const knownPeer: PeerLimits = {
  streams: 10_000,
  receivedBytes: 64 * 1024 * 1024,
  unreadBytes: 8 * 1024 * 1024,
  resets: { burst: 10_000, perSecond: 1000 },
  idleMs: undefined,
};

/** Any peer of a listener that knows nobody, such as a store without TLS: whoever reaches it is let in. */
export const openPeer: PeerLimits = { ...knownPeer, idleMs: connectionLimits.idleMs };

/** A peer without a certificate where others show one: it may have a token, which is seen when a call runs. */
export const unknownPeer = {
  streams: 250,
  receivedBytes: 16 * 1024 * 1024,
  unreadBytes: 1024 * 1024,
  resets: { burst: 1_000, perSecond: 100 },
  idleMs: connectionLimits.idleMs,
  /** The one request message of a call must have come after so long (kube-apiserver's `request-timeout`). */
  requestMs: 60_000,
} as const satisfies PeerLimits & { readonly requestMs: number };

/** The limits of all connections of one listener together. */
export const listenerLimits = {
  /**
   * {@link PeerLimits.receivedBytes} of all unknown peers, and what came before the protocol of a connection is known;
   * {@link streamBytes} for each stream besides.
   */
  unknownPeersBytes: 64 * 1024 * 1024,
  /** {@link PeerLimits.receivedBytes} of all others. */
  othersBytes: 512 * 1024 * 1024,
  /**
   * The size that compressed messages of unknown peers may grow to, all connections together: a megabyte costs some 2
   * ms of the event loop, so those who go on take 3 % of it. A client that is known may inflate as it likes.
   */
  unknownPeersInflate: { burstBytes: 32 * 1024 * 1024, bytesPerSecond: 16 * 1024 * 1024 },
  /**
   * The bytes that unknown peers may send of messages in parts, all connections together, until their call has gone
   * well: a megabyte costs some 6 ms of the event loop and of the garbage collector, so those who go on take 1 % of it,
   * and what two connections may hold takes a fifth of a second, once. Beyond it their connections are not read for a
   * while. A message that comes in one frame is not counted.
   */
  unknownPeersParts: { burstBytes: 32 * 1024 * 1024, bytesPerSecond: 2 * 1024 * 1024 },
  /** A connection whose peer takes none of this much that waits for it, for {@link unreadMs}, ends. */
  unreadBytes: 64 * 1024,
  /** Long enough for a slow line: an answer of 10 MB at 34 KB/s. */
  unreadMs: 300_000,
  checkEveryMs: 30_000,
} as const;

/** REST over HTTP/2, which `node:http2` serves. */
export const restLimits = {
  /** Streams of one connection, as kube-apiserver's default. */
  streams: 250,
  /** The bytes that a client may have under way of one body, and of all bodies on its connection. */
  streamWindowBytes: 1024 * 1024,
  connectionWindowBytes: 16 * 1024 * 1024,
  /** Node's bound of what a session holds, beyond which it takes no more streams. */
  sessionMegabytes: 64,
  /** Header fields of one request. */
  headerCount: http1Limits.headerCount,
} as const;

/** Streams of one SPDY connection, whose user is known. */
export const spdyLimits = {
  /** The longest frame taken; clients send at most 32 KiB of data in one. */
  frameBytes: 1024 * 1024,
  /** Streams open at once. */
  streams: 4_096,
  /**
   * Data of all streams that nobody reads yet: a data stream whose error stream has not come. Then the socket is left
   * alone.
   */
  earlyBytes: 256 * 1024,
  /** Answers that the client does not read (to pings, to new streams), beyond which it is cut off. */
  unreadBytes: 4 * 1024 * 1024,
  /** The longest wait of a stream for the others of its call, as kubelet's `DefaultStreamCreationTimeout`. */
  streamsMs: 30_000,
} as const;

/** Failed attempts to prove who one is by what can be guessed: passwords, bootstrap tokens. */
export const failureLimits = {
  /**
   * Failures of one address (and name) within the window, after which it is not asked any more until the window ends.
   */
  perKey: 100,
  windowMs: 60_000,
  /** Addresses that are remembered; the oldest are forgotten first. */
  keys: 4_096,
} as const;

assert(connectionLimits.perAddress < connectionLimits.total, 'one address cannot take all');
assert(http1Limits.checkEveryMs < http1Limits.headMs, 'a slow head is seen in time');
assert(
  unknownPeer.receivedBytes < listenerLimits.unknownPeersBytes,
  'one unknown peer cannot take all',
);
assert(
  unknownPeer.receivedBytes < listenerLimits.unknownPeersParts.burstBytes,
  'what one unknown peer may hold is read at once',
);
assert(unknownPeer.receivedBytes <= knownPeer.receivedBytes, 'who is known may do more');
assert(knownPeer.receivedBytes < listenerLimits.othersBytes, 'one peer cannot take all');
assert(listenerLimits.checkEveryMs < listenerLimits.unreadMs, 'a silent reader is seen in time');
assert(
  unknownPeer.streams * 1024 * 1024 > unknownPeer.receivedBytes,
  'bytes, not streams, are what counts',
);
assert(spdyLimits.earlyBytes < spdyLimits.frameBytes, 'one frame may pass it, and no second');
