/** The set-up that the scheduler and the controller manager share. */
import { hostname } from 'node:os';
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
import { createLogger } from '../../lib/create-logger.js';
import type { Logger } from '../../lib/log.js';
import { watchExpiry } from '../../lib/pki/expiry.js';
import { clientTlsFromFiles } from '../../lib/pki/tls-files.js';
import { Prng } from '../../lib/prng.js';
import { shutdownSignal } from '../../lib/shutdown.js';
import type { CommonFlags } from './command.js';
import { checkElection } from './command.js';

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
  checkElection(flags);
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
