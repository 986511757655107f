/**
 * The bounds of the ingress controller. The bounds of requests before they are parsed are in `lib/net-limits.ts`.
 * Times in milliseconds.
 */
import { assert } from '../../lib/assert.js';

/** The bounds of clients. */
export const clientLimits = {
  /** Connections, of all clients and of one address; proxies that are trusted bring many clients. */
  connections: 10_000,
  connectionsPerAddress: 2_000,
  /** Streams of one HTTP/2 connection. */
  http2Streams: 250,
  /** A TLS handshake, which may wait for its certificate to be read. */
  handshakeMs: 10_000,
  certificateMs: 3_000,
  /** nginx: `large_client_header_buffers`. */
  targetBytes: 8 * 1024,
  /**
   * A client that takes nothing of its answer, or sends nothing of its body (nginx: `send_timeout`,
   * `client_body_timeout`).
   */
  stallMs: 60_000,
  /** A client that has closed its sending side may wait this long for the rest of its answer. */
  halfOpenMs: 30_000,
  /** The longest time of a drain. */
  drainMs: 5_000,
} as const;

/** The bounds of one endpoint, and of all. */
export const upstreamLimits = {
  /** Connections to one endpoint, and those of them that are kept without a request. */
  sockets: 256,
  idle: 64,
  idleMs: 30_000,
  /** Requests to one endpoint, those included that wait for a connection; to all together. */
  requestsPerTarget: 1_024,
  requests: 20_000,
  connectMs: 3_000,
  /** Endpoints that one request is tried at. */
  attempts: 4,
  /** An answer's head with all its fields. */
  headBytes: 64 * 1024,
  /** Interim answers (1xx) before the real one. */
  interim: 16,
  /** An answer that has begun and says nothing more: long polls and event streams are quiet for minutes. */
  quietMs: 600_000,
  /** A tunnel in which neither side says anything. */
  tunnelIdleMs: 3_600_000,
} as const;

/** A request that comes by this often is going round in a circle: an Ingress whose service leads back here. */
export const passesMax = 4;

/** Secrets whose certificates are followed: one watch each. */
export const secretsMax = 2_000;

assert(
  upstreamLimits.sockets < upstreamLimits.requestsPerTarget,
  'requests may wait for a connection',
);
assert(
  clientLimits.certificateMs < clientLimits.handshakeMs,
  'a late certificate ends in the own one',
);
