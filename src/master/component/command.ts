/** The flags and the set-up that the scheduler and the controller manager share. */
import { parseDurationMs } from '../../lib/go-duration.js';
import { hostname } from 'node:os';
import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import type { Leadership } from '../../client/index.js';
import type { ApiClient, InformerFactory } from '../../client/types.js';
import {
  createApiClient,
  createInformerFactory,
  LeadingClient,
  runLeaderElection,
} from '../../client/index.js';
import type { Clock } from '../../lib/clock.js';
import { systemClock } from '../../lib/clock.js';
import type { Logger, LogLevel } from '../../lib/log.js';
import { createLogger } from '../../lib/create-logger.js';
import { watchExpiry } from '../../lib/pki/expiry.js';
import { clientTlsFromFiles } from '../../lib/pki/tls-files.js';
import { Prng } from '../../lib/prng.js';
import { shutdownSignal } from '../../lib/shutdown.js';

/** The flags of every component of a master. */
export interface CommonFlags {
  readonly server: string;
  readonly caFile?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
  readonly identity?: string;
  readonly leaderElect: boolean;
  readonly leaderElectLeaseDuration: number;
  readonly leaderElectRenewDeadline: number;
  readonly leaderElectRetryPeriod: number;
  readonly logLevel: LogLevel;
}

/** Milliseconds of a Go duration ("1m30s", "500ms"). @throws InvalidArgumentError */
export function parseDuration(text: string): number {
  const ms = parseDurationMs(text);
  if (ms === undefined) throw new InvalidArgumentError('It is no duration such as 1m30s.');
  return ms;
}

/** A boolean flag as Go takes it: `--flag`, `--flag=false`. @throws InvalidArgumentError */
export function parseBoolean(text: string): boolean {
  if (['true', '1', 't', 'T', 'TRUE', 'True'].includes(text)) return true;
  if (['false', '0', 'f', 'F', 'FALSE', 'False'].includes(text)) return false;
  throw new InvalidArgumentError('It is neither true nor false.');
}

/** Adds the flags of {@link CommonFlags} to a command. */
export function addCommonFlags(command: Command): Command {
  return command
    .requiredOption('--server <host:port,…>', 'API servers (gRPC)')
    .option('--ca-file <file>', 'PEM of the CA that signed the API servers')
    .option('--cert-file <file>', 'PEM of the client certificate')
    .option('--key-file <file>', 'PEM of its private key')
    .option('--identity <name>', 'who holds the lease; unique in the cluster')
    .option('--leader-elect [bool]', 'work only while leading', parseBoolean, true)
    .option('--leader-elect-lease-duration <duration>', 'age of a dead lease', parseDuration, 5000)
    .option('--leader-elect-renew-deadline <duration>', 'give up after', parseDuration, 3000)
    .option('--leader-elect-retry-period <duration>', 'between attempts', parseDuration, 500)
    .option('--log-level <level>', 'debug, info, warn, error or silent', 'info');
}

/** A component that runs until it is stopped. */
export interface Component {
  readonly client: ApiClient;
  readonly informers: InformerFactory;
  readonly clock: Clock;
  readonly prng: Prng;
  readonly log: Logger;
}

/** Runs a component while it leads: what it writes is fenced by the lease. */
export function runWhileLeading(
  parts: Omit<Component, 'informers'>,
  start: (parts: Component, signal: AbortSignal) => Promise<{ stop(): Promise<void> }>,
  leadership: Leadership,
): Promise<void> {
  const client = new LeadingClient(parts.client, leadership);
  return runUntilAborted({ ...parts, client }, start, leadership.signal);
}

/** Starts a component with informers of its own, and takes both down when `signal` aborts. */
async function runUntilAborted(
  parts: Omit<Component, 'informers'>,
  start: (parts: Component, signal: AbortSignal) => Promise<{ stop(): Promise<void> }>,
  signal: AbortSignal,
): Promise<void> {
  const informers = createInformerFactory(parts);
  try {
    const running = await start({ ...parts, informers }, signal);
    await aborted(signal);
    await running.stop();
  } finally {
    informers.stop();
  }
}

/**
 * Connects, leads (or just starts), and runs until SIGTERM or SIGINT; then stops what was started and gives the lease
 * up.
 * @param name also the Lease's name in kube-system
 */
export async function runComponent(
  name: string,
  flags: CommonFlags,
  start: (parts: Component, signal: AbortSignal) => Promise<{ stop(): Promise<void> }>,
): Promise<void> {
  const clock = systemClock();
  const log = createLogger({ component: name, level: flags.logLevel });
  const stopping = shutdownSignal();
  const { caFile: ca, certFile: cert, keyFile: key } = flags;
  const tls = ca === undefined ? undefined : clientTlsFromFiles({ ca, cert, key }, { clock, log });
  const stopWatching = watchExpiry(
    { ca: () => tls?.current.ca, client: () => tls?.current.cert },
    { clock, log },
  );
  const client = createApiClient({
    servers: flags.server.split(','),
    clock,
    log,
    ...(tls === undefined ? {} : { tls }),
  });
  const prng = new Prng(clock.nowMs() ^ (process.pid << 8));
  const parts = { client, clock, prng, log };
  try {
    if (!flags.leaderElect) await runUntilAborted(parts, start, stopping);
    else {
      await runLeaderElection(
        {
          client,
          name,
          identity: flags.identity ?? `${hostname()}_${process.pid}_${clock.nowMs().toString(36)}`,
          clock,
          log,
          leaseDurationMs: flags.leaderElectLeaseDuration,
          renewDeadlineMs: flags.leaderElectRenewDeadline,
          retryPeriodMs: flags.leaderElectRetryPeriod,
          lead: (leadership) => runWhileLeading(parts, start, leadership),
        },
        stopping,
      );
    }
  } catch (error) {
    if (!stopping.aborted) throw error;
  } finally {
    client.close();
    tls?.stop();
    stopWatching();
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
