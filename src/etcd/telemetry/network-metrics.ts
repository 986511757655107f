/** What goes between members, under etcd's names. */
import { Counter, Gauge, Histogram } from '../../lib/metrics.js';
import { exponential, metricsRegistry, PlainCounts, serverMetrics } from './metrics.js';

const registers = [metricsRegistry];
const hex = (id: bigint): string => id.toString(16);

const counter = (name: string, help: string, ...labelNames: string[]): Counter =>
  new Counter({ name: `etcd_network_${name}`, help, labelNames, registers });
const gauge = (name: string, help: string, ...labelNames: string[]): Gauge =>
  new Gauge({ name: `etcd_network_${name}`, help, labelNames, registers });

const sentBytes = new PlainCounts(
  'etcd_network_peer_sent_bytes_total',
  'The total number of bytes sent to peers.',
  ['To'],
);
const receivedBytes = new PlainCounts(
  'etcd_network_peer_received_bytes_total',
  'The total number of bytes received from peers.',
  ['From'],
);
const sentFailures = counter(
  'peer_sent_failures_total',
  'The total number of send failures from peers.',
  'To',
);
const receivedFailures = counter(
  'peer_received_failures_total',
  'The total number of receive failures from peers.',
  'From',
);
const activePeers = gauge(
  'active_peers',
  'The current number of active peer connections.',
  'Local',
  'Remote',
);
const disconnectedPeers = counter(
  'disconnected_peers_total',
  'The total number of disconnected peers.',
  'Local',
  'Remote',
);
const roundTrip = new Histogram({
  name: 'etcd_network_peer_round_trip_time_seconds',
  help: 'Round-Trip-Time histogram between peers',
  labelNames: ['To'],
  buckets: exponential(0.0001, 16),
  registers,
});

/** The snapshots of one direction. */
function snapshotMetrics(
  direction: 'send' | 'receive',
  label: 'To' | 'From',
): (peer: bigint) => (succeeded: boolean) => void {
  const success = counter(
    `snapshot_${direction}_success`,
    `Total number of successful snapshot ${direction}s`,
    label,
  );
  const failures = counter(
    `snapshot_${direction}_failures`,
    `Total number of snapshot ${direction} failures`,
    label,
  );
  const inflight = gauge(
    `snapshot_${direction}_inflights_total`,
    `Total number of inflight snapshot ${direction}s`,
    label,
  );
  const seconds = new Histogram({
    name: `etcd_network_snapshot_${direction}_total_duration_seconds`,
    help: `Total latency distributions of v3 snapshot ${direction}s`,
    labelNames: [label],
    buckets: exponential(0.1, 10),
    registers,
  });
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

/** A snapshot starts on its way to a peer. @returns to be told whether it arrived */
export const snapshotSending = snapshotMetrics('send', 'To');
/** A snapshot starts to arrive. @returns to be told whether it is whole */
export const snapshotReceipt = snapshotMetrics('receive', 'From');

/** The way to one peer. */
export interface PeerMetrics {
  sent(bytes: number): void;
  /** A message was dropped. */
  sendFailed(isHeartbeat: boolean): void;
  roundTrip(ms: number): void;
  connected(): void;
  disconnected(): void;
}

/** Where the way from one member to another is counted. */
export function peerMetrics(local: bigint, remote: bigint): PeerMetrics {
  const to = { To: hex(remote) };
  const sent = sentBytes.of(to);
  const failures = sentFailures.labels(to);
  const pings = roundTrip.labels(to);
  const both = { Local: hex(local), Remote: hex(remote) };
  return {
    sent: (bytes) => {
      sent.count += bytes;
    },
    sendFailed(isHeartbeat) {
      failures.inc();
      if (isHeartbeat) serverMetrics.heartbeatFailed();
    },
    roundTrip: (ms) => pings.observe(ms / 1000),
    connected: () => activePeers.inc(both),
    disconnected() {
      activePeers.dec(both);
      disconnectedPeers.inc(both);
    },
  };
}

/** Where what comes from a peer is counted. */
export function receivedFrom(peer: bigint): { bytes(count: number): void; failed(): void } {
  const from = { From: hex(peer) };
  const received = receivedBytes.of(from);
  return {
    bytes: (count) => {
      received.count += count;
    },
    failed: () => receivedFailures.inc(from),
  };
}
