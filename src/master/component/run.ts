/** The set-up that the scheduler and the controller manager share. */
import { hostname } from 'node:os';
import type { OpenDoor } from '../../client/door/component-door.js';
import type { Leadership } from '../../client/index.js';
import type { ObjectReader } from '../../client/object-reader.js';
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
import { LogThreshold } from '../../lib/log.js';
import { watchExpiry } from '../../lib/pki/expiry.js';
import { clientTlsFromFiles } from '../../lib/pki/tls-files.js';
import { Prng } from '../../lib/prng.js';
import { shutdownSignal } from '../../lib/shutdown.js';
import { rejectionRegistry } from '../../lib/rejections.js';
import type { CommonFlags } from './command.js';
import { checkElection } from './command.js';
import { openDoor } from './door.js';
import type { ComponentMetrics } from './metrics.js';
import { Term } from './term.js';

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

/** A component as its command describes it. */
export interface ComponentSetUp {
  /** Also the Lease's name in kube-system. */
  readonly name: string;
  readonly flags: CommonFlags;
  readonly metrics: ComponentMetrics;
  /** Shared with the other components of the program. @default none */
  readonly reader?: ObjectReader | undefined;
}

/**
 * Opens its HTTPS port, connects, leads (or just starts), and runs until SIGTERM or SIGINT; then stops what was started
 * and gives the lease up.
 */
export async function runComponent(
  { name, flags, metrics, reader }: ComponentSetUp,
  start: (parts: Component, signal: AbortSignal) => Promise<{ stop(): Promise<void> }>,
): Promise<void> {
  checkElection(flags);
  const clock = systemClock();
  const threshold = new LogThreshold(flags.logLevel);
  const log = createLogger({ component: name, level: threshold });
  const stopping = shutdownSignal();
  const { caFile: ca, certFile: cert, keyFile: key } = flags;
  const tls = ca === undefined ? undefined : clientTlsFromFiles({ ca, cert, key }, { clock, log });
  const stopWatching = watchExpiry(
    { ca: () => tls?.current.ca, client: () => tls?.current.cert },
    { clock, log, registry: metrics.registry },
  );
  const client = createApiClient({
    servers: flags.server.split(','),
    clock,
    log,
    ...(tls === undefined ? {} : { tls }),
    ...(reader === undefined ? {} : { reader }),
    onCall: (call) => metrics.client.onCall(call),
  });
  const prng = new Prng(clock.nowMs() ^ (process.pid << 8));
  const parts = { client, clock, prng, log };
  const term = new Term(clock);
  const work: typeof start = async (component, signal) => {
    const running = await start(component, signal);
    term.started();
    return running;
  };
  /** Work with the lease or without one, as health and metrics see it. */
  const inTerm = async (signal: AbortSignal, run: () => Promise<void>): Promise<void> => {
    term.begin(signal);
    metrics.setLeading(name, true);
    try {
      await run();
    } finally {
      metrics.setLeading(name, false);
      term.end();
    }
  };
  metrics.setLeading(name, false);
  const registries = [metrics.registry, rejectionRegistry];
  const checks = (root: string): ReturnType<Term['checks']> => term.checks(root);
  const shown = { client, clock, log, threshold, registries, checks };
  let door: OpenDoor | undefined;
  try {
    door = await openDoor(flags, shown);
    if (!flags.leaderElect) {
      await inTerm(stopping, () => runUntilAborted(parts, work, stopping));
    } else {
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
          lead: (leadership) =>
            inTerm(leadership.signal, () => runWhileLeading(parts, work, leadership)),
        },
        stopping,
      );
    }
  } catch (error) {
    if (!stopping.aborted) throw error;
  } finally {
    await door?.close();
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
