/** Etcd's own flags: `--name value`, `--name=value`, `-name value`; `ETCD_NAME` in the environment; a YAML file. */
import { parseDurationMs } from '../../lib/go-duration.js';
import { UsageError } from '../../lib/usage-error.js';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type * as Yaml from 'yaml';

type FlagKind = 'string' | 'number' | 'boolean' | 'duration';

/** Every flag that is known, with its kind. `flag-support.ts` says which do nothing here. */
const flagKinds = {
  name: 'string',
  'data-dir': 'string',
  'wal-dir': 'string',
  'snapshot-count': 'number',
  'heartbeat-interval': 'number',
  'election-timeout': 'number',
  'initial-election-tick-advance': 'boolean',
  'listen-peer-urls': 'string',
  'listen-client-urls': 'string',
  'listen-client-http-urls': 'string',
  'max-snapshots': 'number',
  'max-wals': 'number',
  'quota-backend-bytes': 'number',
  'backend-batch-interval': 'duration',
  'backend-batch-limit': 'number',
  'backend-bbolt-freelist-type': 'string',
  'max-txn-ops': 'number',
  'max-request-bytes': 'number',
  'max-concurrent-streams': 'number',
  'grpc-keepalive-min-time': 'duration',
  'grpc-keepalive-interval': 'duration',
  'grpc-keepalive-timeout': 'duration',
  'socket-reuse-port': 'boolean',
  'socket-reuse-address': 'boolean',
  'initial-advertise-peer-urls': 'string',
  'advertise-client-urls': 'string',
  'initial-cluster': 'string',
  'initial-cluster-state': 'string',
  'initial-cluster-token': 'string',
  'strict-reconfig-check': 'boolean',
  'strict-reconfig-settle-time': 'duration',
  'pre-vote': 'boolean',
  'auto-compaction-retention': 'string',
  'auto-compaction-mode': 'string',
  'auto-compaction-max-bytes': 'number',
  'force-new-cluster': 'boolean',
  'enable-v2': 'boolean',
  'enable-pprof': 'boolean',
  'enable-grpc-gateway': 'boolean',
  'cert-file': 'string',
  'key-file': 'string',
  'client-cert-file': 'string',
  'client-key-file': 'string',
  'client-cert-auth': 'boolean',
  'client-crl-file': 'string',
  'client-cert-allowed-hostname': 'string',
  'trusted-ca-file': 'string',
  'auto-tls': 'boolean',
  'peer-cert-file': 'string',
  'peer-key-file': 'string',
  'peer-client-cert-file': 'string',
  'peer-client-key-file': 'string',
  'peer-client-cert-auth': 'boolean',
  'peer-trusted-ca-file': 'string',
  'peer-auto-tls': 'boolean',
  'peer-cert-allowed-cn': 'string',
  'peer-cert-allowed-hostname': 'string',
  'self-signed-cert-validity': 'number',
  'cipher-suites': 'string',
  'tls-min-version': 'string',
  'tls-max-version': 'string',
  cors: 'string',
  'host-whitelist': 'string',
  'auth-token': 'string',
  'auth-token-ttl': 'number',
  'bcrypt-cost': 'number',
  metrics: 'string',
  'listen-metrics-urls': 'string',
  logger: 'string',
  'log-outputs': 'string',
  'log-level': 'string',
  'log-format': 'string',
  'enable-log-rotation': 'boolean',
  'initial-corrupt-check': 'boolean',
  'corrupt-check-time': 'duration',
  'watch-progress-notify-interval': 'duration',
  'warning-apply-duration': 'duration',
  'compaction-batch-limit': 'number',
  'unsafe-no-fsync': 'boolean',
  compat: 'string',
  'feature-gates': 'string',
  'compact-hash-check-time': 'duration',
  'compaction-sleep-interval': 'duration',
  'downgrade-check-time': 'duration',
  'warning-unary-request-duration': 'duration',
  'memory-mlock': 'boolean',
  'bootstrap-defrag-threshold-megabytes': 'number',
  'max-learners': 'number',
  'snapshot-catchup-entries': 'number',
  'peer-skip-client-san-verification': 'boolean',
  'enable-distributed-tracing': 'boolean',
  'distributed-tracing-address': 'string',
  'distributed-tracing-service-name': 'string',
  'distributed-tracing-instance-id': 'string',
  'distributed-tracing-sampling-rate': 'number',
  'raft-read-timeout': 'duration',
  'raft-write-timeout': 'duration',
  'log-rotation-config-json': 'string',
  'v2-deprecation': 'string',
  'experimental-downgrade-check-time': 'duration',
  'experimental-enable-distributed-tracing': 'boolean',
  'experimental-initial-corrupt-check': 'boolean',
  'experimental-corrupt-check-time': 'duration',
  'experimental-compact-hash-check-enabled': 'boolean',
  'experimental-compact-hash-check-time': 'duration',
  'experimental-enable-lease-checkpoint': 'boolean',
  'experimental-enable-lease-checkpoint-persist': 'boolean',
  'experimental-compaction-batch-limit': 'number',
  'experimental-compaction-sleep-interval': 'duration',
  'experimental-watch-progress-notify-interval': 'duration',
  'experimental-warning-apply-duration': 'duration',
  'experimental-warning-unary-request-duration': 'duration',
  'experimental-memory-mlock': 'boolean',
  'experimental-txn-mode-write-with-shared-buffer': 'boolean',
  'experimental-bootstrap-defrag-threshold-megabytes': 'number',
  'experimental-max-learners': 'number',
  'experimental-peer-skip-client-san-verification': 'boolean',
  'experimental-wait-cluster-ready-timeout': 'duration',
  'experimental-stop-grpc-service-on-defrag': 'boolean',
  'experimental-snapshot-catchup-entries': 'number',
  'experimental-distributed-tracing-sampling-rate': 'number',
  discovery: 'string',
  'discovery-srv': 'string',
  'discovery-srv-name': 'string',
  'discovery-proxy': 'string',
  'discovery-fallback': 'string',
  proxy: 'string',
  'proxy-failure-wait': 'number',
  'proxy-refresh-interval': 'number',
  'proxy-dial-timeout': 'number',
  'proxy-write-timeout': 'number',
  'proxy-read-timeout': 'number',
  'backup-dir': 'string',
  'backup-interval': 'duration',
  'backup-schedule': 'string',
  'backup-keep-count': 'number',
  'backup-keep-age': 'duration',
  'backup-settings-file': 'string',
  'config-file': 'string',
  version: 'boolean',
  help: 'boolean',
} as const satisfies Readonly<Record<string, FlagKind>>;

/** A flag's name without dashes. */
export type FlagName = keyof typeof flagKinds;

/** The values that were given, checked for their kind. */
export type FlagValues = ReadonlyMap<FlagName, string>;

function isFlag(name: string): name is FlagName {
  return Object.hasOwn(flagKinds, name);
}

/**
 * Reads the command line, then what it does not say from the environment; with `--config-file`, the file alone counts.
 * @throws UsageError naming the first unknown flag
 */
export function parseFlags(
  argv: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): FlagValues {
  const values = new Map<FlagName, string>();
  for (let at = 0; at < argv.length; at++) {
    const word = argv[at] ?? '';
    const match = /^--?([^=]+)(?:=(.*))?$/s.exec(word);
    if (match === null) throw new UsageError(`'${word}' is not a valid flag`);
    const name = match[1] === 'h' ? 'help' : (match[1] ?? '');
    if (!isFlag(name)) {
      throw new UsageError(`flag provided but not defined: -${name}`);
    }
    let value = match[2];
    if (value === undefined && flagKinds[name] === 'boolean') value = 'true';
    if (value === undefined) {
      value = argv[++at];
      if (value === undefined) throw new UsageError(`flag needs an argument: -${name}`);
    }
    checkKind(name, value);
    values.set(name, value);
  }
  const file = values.get('config-file') ?? environment['ETCD_CONFIG_FILE'];
  if (file !== undefined && file !== '') return readConfigFile(file);
  for (const name of Object.keys(flagKinds)) {
    if (!isFlag(name) || values.has(name)) continue;
    const value = environment[`ETCD_${name.toUpperCase().replaceAll('-', '_')}`];
    if (value === undefined || value === '' || name === 'version' || name === 'help') continue;
    checkKind(name, value);
    values.set(name, value);
  }
  return values;
}

function checkKind(name: FlagName, value: string): void {
  const bad = (): never => {
    throw new UsageError(`invalid value "${value}" for flag -${name}`);
  };
  switch (flagKinds[name]) {
    case 'number':
      if (!/^-?\d+(\.\d+)?$/.test(value)) bad();
      break;
    case 'boolean':
      if (!/^(true|false|1|0|t|f|T|F|TRUE|FALSE|True|False)$/.test(value)) bad();
      break;
    case 'duration':
      if (parseDurationMs(value) === undefined) bad();
      break;
    case 'string':
      break;
  }
}

/** Sections of etcd's file whose fields are flags with a prefix. */
const fileSections: Readonly<Record<string, string>> = {
  'client-transport-security': '',
  'peer-transport-security': 'peer-',
};

function readConfigFile(path: string): FlagValues {
  const values = new Map<FlagName, string>();
  let parsed: unknown;
  try {
    // Loaded when it is needed: a member without a file starts the sooner.
    const { parse: parseYaml } = createRequire(import.meta.url)('yaml') as typeof Yaml;
    parsed = parseYaml(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new UsageError(`config file ${path}: ${String(error)}`);
  }
  const add = (prefix: string, fields: unknown): void => {
    if (typeof fields !== 'object' || fields === null) return;
    for (const [key, value] of Object.entries(fields)) {
      const section = prefix === '' ? fileSections[key] : undefined;
      if (section !== undefined) {
        add(section === '' ? ' ' : section, value);
        continue;
      }
      // A field without a value is as good as none.
      if (value === null || value === undefined) continue;
      const name = prefix.trim() + key;
      if (!isFlag(name)) throw new UsageError(`config file ${path}: unknown field ${name}`);
      const text = Array.isArray(value) ? value.join(',') : String(value);
      checkKind(name, text);
      values.set(name, text);
    }
  };
  add('', parsed);
  return values;
}

/** Names of all flags, for the help text. */
export function flagNames(): readonly FlagName[] {
  return Object.keys(flagKinds).filter(isFlag);
}
