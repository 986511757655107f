/**
 * Flags of etcd that do nothing here: those that would promise something are refused, those that only tune are named in
 * the log.
 */
import { UsageError } from '../../lib/usage-error.js';
import { FeatureGates } from './feature-gates.js';
import type { FlagName } from './flags.js';
import type { Flags } from './typed-flags.js';

/** Flags whose meaning is not provided, with the values that ask for nothing. */
const refused: Readonly<Partial<Record<FlagName, readonly string[]>>> = {
  'experimental-peer-skip-client-san-verification': ['false'],
  'peer-skip-client-san-verification': ['false'],
  metrics: ['', 'basic', 'extensive'],
  'enable-v2': ['false'],
  discovery: [''],
  'discovery-srv': [''],
  'discovery-srv-name': [''],
  'discovery-proxy': [''],
  'discovery-fallback': ['', 'proxy', 'exit'],
  proxy: ['', 'off'],
  'enable-pprof': ['false'],
  'enable-grpc-gateway': ['true'],
  'enable-log-rotation': ['false'],
  'socket-reuse-port': ['false'],
  'socket-reuse-address': ['false'],
  'experimental-memory-mlock': ['false'],
  'memory-mlock': ['false'],
  'enable-distributed-tracing': ['false'],
  'experimental-enable-distributed-tracing': ['false'],
  'distributed-tracing-sampling-rate': ['', '0'],
  'experimental-distributed-tracing-sampling-rate': ['', '0'],
};

/** Flags that tune parts of etcd which this store does not have, or has otherwise. */
const withoutEffect: readonly FlagName[] = [
  'initial-election-tick-advance',
  'max-snapshots',
  'max-wals',
  'backend-batch-interval',
  'backend-batch-limit',
  'backend-bbolt-freelist-type',
  // Of the connection from etcd's JSON gateway to itself.
  'client-cert-file',
  'client-key-file',
  'self-signed-cert-validity',
  'warning-apply-duration',
  'compaction-batch-limit',
  'log-format',
  'proxy-failure-wait',
  'proxy-refresh-interval',
  'proxy-dial-timeout',
  'proxy-write-timeout',
  'proxy-read-timeout',
  'experimental-enable-lease-checkpoint',
  'experimental-enable-lease-checkpoint-persist',
  'experimental-compaction-batch-limit',
  'experimental-compaction-sleep-interval',
  'experimental-warning-apply-duration',
  'experimental-warning-unary-request-duration',
  'experimental-txn-mode-write-with-shared-buffer',
  'experimental-bootstrap-defrag-threshold-megabytes',
  'experimental-wait-cluster-ready-timeout',
  'experimental-stop-grpc-service-on-defrag',
  'experimental-downgrade-check-time',
  'compaction-sleep-interval',
  'downgrade-check-time',
  'warning-unary-request-duration',
  'bootstrap-defrag-threshold-megabytes',
  'distributed-tracing-address',
  'distributed-tracing-service-name',
  'distributed-tracing-instance-id',
  'raft-read-timeout',
  'raft-write-timeout',
  'log-rotation-config-json',
  'v2-deprecation',
];

/** @throws UsageError naming the first flag that asks for what is not provided */
export function refuseUnsupported(flags: Flags): void {
  for (const [name, harmless] of Object.entries(refused) as [FlagName, readonly string[]][]) {
    if (!flags.has(name)) continue;
    const value = normalized(flags.text(name));
    if (!harmless.includes(value)) {
      throw new UsageError(`flag -${name}=${flags.text(name)} is not supported`);
    }
  }
}

function normalized(value: string): string {
  if (/^(true|1|t)$/i.test(value)) return 'true';
  return /^(false|f)$/i.test(value) ? 'false' : value;
}

/** Flags and features that were given and change nothing, for the log. */
export function flagsWithoutEffect(flags: Flags): string[] {
  const names: string[] = withoutEffect.filter((name) => flags.has(name));
  return [...names, ...new FeatureGates(flags).withoutEffect];
}
