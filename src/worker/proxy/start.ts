/** Puts the second process of a node together: its proxy, and the socket at which its agent asks for isolation. */
import { createApiClient, createInformerFactory } from '../../client/index.js';
import type { FinishedCall } from '../../client/index.js';
import { ClientMetrics } from '../../client/client-metrics.js';
import { EventSink } from '../../client/events/recorder.js';
import type { Clock } from '../../lib/clock.js';
import type { LogThreshold } from '../../lib/log.js';
import { Registry } from '../../lib/metrics.js';
import { rejectionRegistry } from '../../lib/rejections.js';
import { derivedTls, RenewableTls } from '../../lib/pki/tls-source.js';
import type { Netproxy } from '../../netproxy/index.js';
import { IsolationDoor } from '../../netproxy/isolation/door.js';
import { clientTls } from '../join/credentials.js';
import { tellTrouble } from '../node/watch-trouble.js';
import type { NodeSettings } from './node-proxy.js';
import { checkMode, proxyDirectory, startNodeProxy } from './node-proxy.js';
import { awaitCredentials, followCredentials, isElsewhere } from './node-credentials.js';

/** A node's proxy that runs. */
export interface RunningProxy {
  readonly ready: Netproxy['ready'];
  /** Resolves when the node has joined a cluster with other blocks or names: this one serves it no more. */
  readonly moved: Promise<void>;
  /** Rules stay. */
  stop(): Promise<void>;
}

/**
 * Resolves when the agent can ask for isolation; waits for the agent to have joined. Rejects when `signal` aborts.
 * @throws UsageError when this machine cannot serve services in the way that is asked for
 */
export async function startProxyProcess(
  settings: NodeSettings & { readonly clock: Clock; readonly threshold: LogThreshold },
  signal: AbortSignal,
): Promise<RunningProxy> {
  const { clock, log, nodeName } = settings;
  await checkMode(settings, clock);
  const credentials = await awaitCredentials(settings, signal);
  const current = new RenewableTls(credentials);
  const tls = derivedTls(current, clientTls);
  const registry = new Registry();
  const calls = new ClientMetrics(registry);
  const onCall = (call: FinishedCall): void => calls.onCall(call);
  const client = createApiClient({ servers: credentials.masters, tls, log, clock, onCall });
  const events = new EventSink({ client, host: nodeName, clock, log }).recorder('kube-proxy');
  const informers = createInformerFactory({
    client,
    clock,
    log,
    onTrouble: (trouble) => tellTrouble(events, nodeName, trouble),
  });
  const directory = proxyDirectory(settings.dataDir);
  const door = new IsolationDoor({ ...settings, directory });
  await door.load();
  const proxy = startNodeProxy(settings, {
    informers,
    credentials,
    client,
    clock,
    registries: [registry, rejectionRegistry],
  });
  let tellMoved = (): void => undefined;
  const moved = new Promise<void>((resolve) => {
    tellMoved = resolve;
  });
  const endFollowing = followCredentials(credentials, settings, (now) => {
    if (isElsewhere(now, credentials)) return tellMoved();
    current.renew(now);
    client.servers.setTargets(now.masters);
  });
  const stop = async (): Promise<void> => {
    endFollowing();
    await door.close();
    await proxy.stop();
    informers.stop();
    client.close();
  };
  try {
    await door.open(proxy);
  } catch (error) {
    await stop();
    throw error;
  }
  return { ready: proxy.ready, moved, stop };
}
