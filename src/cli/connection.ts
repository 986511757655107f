import type { Command } from 'commander';
import type { ApiClient } from '../client/index.js';
import { createApiClient } from '../client/index.js';
import { systemClock } from '../lib/clock.js';
import type { Channel } from '../lib/grpc/index.js';
import { silentLogger } from '../lib/log.js';
import { fixedTls } from '../lib/pki/tls-source.js';
import { loadClientConfig } from './kubeconfig.js';

/** The flags that say which cluster is meant, and who asks. */
export interface ConnectionFlags {
  readonly kubeconfig?: string;
  readonly context?: string;
}

/** A way to the cluster that a kubeconfig names. */
export interface Connection {
  readonly api: ApiClient;
  /** `host:port` of the masters' gRPC. */
  readonly servers: readonly string[];
  /** PEM of the authorities that the kubeconfig believes. */
  readonly authority?: Buffer | string;
  /** The context's namespace. */
  readonly namespace: string;
  /** Runs a call that may be repeated on the master in use, on another one when that fails. */
  call<T>(run: (channel: Channel) => Promise<T>): Promise<T>;
  channel(): Channel;
  /** One for each master, in the order of `servers`. */
  channels(): readonly Channel[];
  failed(channel: Channel): void;
  close(): void;
}

/** Adds the flags of {@link ConnectionFlags} to a command. */
export function addConnectionFlags(command: Command): Command {
  return command
    .option(
      '--kubeconfig <file>',
      'names cluster and user (default: $KUBECONFIG, else the one of `up`)',
    )
    .option('--context <name>', 'the context in that file (default: its current one)');
}

/** @throws UsageError when no cluster is known */
export async function connect(flags: ConnectionFlags): Promise<Connection> {
  const config = await loadClientConfig(flags);
  const client = createApiClient({
    servers: config.servers,
    tls: fixedTls(config.tls),
    log: silentLogger,
    clock: systemClock(),
    patienceMs: 10_000,
  });
  return {
    api: client,
    servers: config.servers,
    namespace: config.namespace,
    ...(config.tls.ca === undefined ? {} : { authority: config.tls.ca }),
    call: (run) => client.servers.call(run, { idempotent: true }),
    channel: () => client.servers.channel(),
    channels: () => client.servers.channels(),
    failed: (channel) => client.servers.failed(channel),
    close: () => client.close(),
  };
}
