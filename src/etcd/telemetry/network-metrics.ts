/** The metrics of traffic between members, under etcd's names. */
import type { Counter, Gauge, Histogram } from '../../lib/metrics.js';
import { exponential } from './metric-set.js';
import type { MetricSet, PlainCounts } from './metric-set.js';
import type { ServerMetrics } from './server-metrics.js';

const hex = (id: bigint): string => id.toString(16);

/** Counts the traffic to one peer. */
export interface PeerMetrics {
  sent(bytes: number): void;
  /** A message was dropped. */
  sendFailed(isHeartbeat: boolean): void;
  roundTrip(ms: number): void;
  connected(): void;
  disconnected(): void;
}

/** Counts the traffic from one peer. */
export interface ReceiptMetrics {
  bytes(count: number): void;
  failed(): void;
}

/** A snapshot has started. @returns to be told at its end whether it is whole */
type SnapshotMetrics = (peer: bigint) => (succeeded: boolean) => void;

/** Counts bytes, failures and connections of a member's peers. */
export class NetworkMetrics {
  /** A snapshot starts on its way to a peer. @returns to be told whether it arrived */
  readonly snapshotSending: SnapshotMetrics;
  /** A snapshot starts to arrive. @returns to be told whether it is whole */
  readonly snapshotReceipt: SnapshotMetrics;
  readonly #server: ServerMetrics;
  readonly #sentBytes: PlainCounts<'To'>;
  readonly #receivedBytes: PlainCounts<'From'>;
  readonly #sentFailures: Counter;
  readonly #receivedFailures: Counter;
  readonly #activePeers: Gauge;
  readonly #disconnectedPeers: Counter;
  readonly #roundTrip: Histogram;
  readonly #lastRoundTripMs = new Map<bigint, number>();

  constructor(set: MetricSet, server: ServerMetrics) {
    const name = (what: string): string => `etcd_network_${what}`;
    this.#server = server;
    this.#sentBytes = set.counts(
      name('peer_sent_bytes_total'),
      'The total number of bytes sent to peers.',
      ['To'],
    );
    this.#receivedBytes = set.counts(
      name('peer_received_bytes_total'),
      'The total number of bytes received from peers.',
      ['From'],
    );
    this.#sentFailures = set.counter(
      name('peer_sent_failures_total'),
      'The total number of send failures from peers.',
      'To',
    );
    this.#receivedFailures = set.counter(
      name('peer_received_failures_total'),
      'The total number of receive failures from peers.',
      'From',
    );
    const both = ['Local', 'Remote'];
    this.#activePeers = set.gauge(
      name('active_peers'),
      'The current number of active peer connections.',
      ...both,
    );
    this.#disconnectedPeers = set.counter(
      name('disconnected_peers_total'),
      'The total number of disconnected peers.',
      ...both,
    );
    this.#roundTrip = set.histogram(
      name('peer_round_trip_time_seconds'),
      'Round-Trip-Time histogram between peers',
      exponential(0.0001, 16),
      'To',
    );
    this.snapshotSending = snapshotMetrics(set, 'send', 'To');
    this.snapshotReceipt = snapshotMetrics(set, 'receive', 'From');
  }

  /** The round trip of the last ping to a peer; undefined before the first. */
  lastRoundTripMs(peer: bigint): number | undefined {
    return this.#lastRoundTripMs.get(peer);
  }

  /** Lets go of the round trips to members that have been removed; what was counted stays, as etcd's counters do. */
  forgetRemoved(isRemoved: (id: bigint) => boolean): void {
    for (const id of this.#lastRoundTripMs.keys()) {
      if (isRemoved(id)) this.#lastRoundTripMs.delete(id);
    }
  }

  /** Counts what one member sends to another. */
  peer(local: bigint, remote: bigint): PeerMetrics {
    const to = { To: hex(remote) };
    const sent = this.#sentBytes.of(to);
    const failures = this.#sentFailures.labels(to);
    const pings = this.#roundTrip.labels(to);
    const both = { Local: hex(local), Remote: hex(remote) };
    return {
      sent: (bytes) => {
        sent.count += bytes;
      },
      sendFailed: (isHeartbeat) => {
        failures.inc();
        if (isHeartbeat) this.#server.heartbeatFailed();
      },
      roundTrip: (ms) => {
        pings.observe(ms / 1000);
        this.#lastRoundTripMs.set(remote, ms);
      },
      connected: () => this.#activePeers.inc(both),
      disconnected: () => {
        this.#activePeers.dec(both);
        this.#disconnectedPeers.inc(both);
      },
    };
  }

  /** Counts what a peer sends to this member. */
  receivedFrom(peer: bigint): ReceiptMetrics {
    const from = { From: hex(peer) };
    const received = this.#receivedBytes.of(from);
    return {
      bytes: (count) => {
        received.count += count;
      },
      failed: () => this.#receivedFailures.inc(from),
    };
  }
}

/** The snapshots of one direction. */
function snapshotMetrics(
  set: MetricSet,
  direction: 'send' | 'receive',
  label: 'To' | 'From',
): SnapshotMetrics {
  const prefix = `etcd_network_snapshot_${direction}`;
  const success = set.counter(
    `${prefix}_success`,
    `Total number of successful snapshot ${direction}s`,
    label,
  );
  const failures = set.counter(
    `${prefix}_failures`,
    `Total number of snapshot ${direction} failures`,
    label,
  );
  const inflight = set.gauge(
    `${prefix}_inflights_total`,
    `Total number of inflight snapshot ${direction}s`,
    label,
  );
  const seconds = set.histogram(
    `${prefix}_total_duration_seconds`,
    `Total latency distributions of v3 snapshot ${direction}s`,
    exponential(0.1, 10),
    label,
  );
  return (peer) => {
    const labels = { [label]: hex(peer) };
    inflight.inc(labels);
    const stop = seconds.startTimer(labels);
    return (succeeded) => {
      inflight.dec(labels);
      if (succeeded) stop();
      (succeeded ? success : failures).inc(labels);
    };
  };
}
