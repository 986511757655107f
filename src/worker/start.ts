/** Puts a worker together: joins, runtime, netproxy, pods, the node's gRPC service; and takes it apart again. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createApiClient, createInformerFactory } from '../client/index.js';
import type { FinishedCall } from '../client/index.js';
import { AgentDefinition } from '../gen/agent.js';
import type { Clock } from '../lib/clock.js';
import { systemClock } from '../lib/clock.js';
import { lockDirectory } from '../lib/files/directory-lock.js';
import type { ServerTls } from '../lib/grpc/index.js';
import { createGrpcServer } from '../lib/grpc/index.js';
import type { Logger } from '../lib/log.js';
import { LogThreshold } from '../lib/log.js';
import { UsageError } from '../lib/usage-error.js';
import { watchExpiry } from '../lib/pki/expiry.js';
import { errorMessage } from '../lib/errors.js';
import { derivedTls, fixedTls, RenewableTls } from '../lib/pki/tls-source.js';
import { createPodNetwork, removeConfiguration } from '../netproxy/index.js';
import type { NodeIsolation, PodNetworkOptions } from '../netproxy/index.js';
import { RemoteIsolation } from '../netproxy/isolation/remote.js';
import type { ContainerRuntime } from '../runtime/types.js';
import { startWorkerNode } from './agent/worker-node.js';
import type { WorkerNode } from './agent/worker-node.js';
import { EventSink } from '../client/events/recorder.js';
import { tellTrouble } from './node/watch-trouble.js';
import { importImages } from './images/image-import.js';
import type { Credentials } from './join/credentials.js';
import {
  clientTls,
  expiredCredentials,
  readCredentials,
  writeCredentials,
} from './join/credentials.js';
import { joinCluster } from './join/join.js';
import { CredentialsKeeper } from './join/keeper.js';
import { readMachine } from './node/facts.js';
import { keepRuntime, lockEndpoint } from './kept-runtime.js';
import type { RuntimeName, WorkerOptions } from './options.js';
import {
  checkMode,
  clusterResolver,
  networkOptions,
  proxyDirectory,
  startNodeProxy,
} from './proxy/node-proxy.js';
import type { NodeAccess } from './proxy/node-proxy.js';
import { chooseRuntime, startRuntime } from './runtime-choice.js';
import { HollowNetwork } from './run/hollow-network.js';
import { agentTimes, DelegatedAccess } from '../client/door/delegated-access.js';
import { DeviceManager } from './devices/device-manager.js';
import { createAgentDoor } from './observation/agent-door.js';
import { configurationOf } from './observation/configuration.js';
import { AgentMetrics } from './observation/agent-metrics.js';
import { measuredRuntime } from './observation/measured-runtime.js';
import { StatsSummary } from './service/stats-summary.js';
import { createAgentHandlers } from './service/handlers.js';

/** Streams that are open get this long at a stop. */
const serviceGraceMs = 1000;

/** The flags of a worker, and what its surroundings give it. */
export interface StartOptions extends WorkerOptions {
  readonly log: Logger;
  /** The level of the log, which may be changed at the agent's port. @default it stays */
  readonly threshold?: LogThreshold;
  readonly clock?: Clock;
  /** Ends a start that is under way. */
  readonly signal?: AbortSignal;
}

/** A worker that is Ready. */
export interface RunningWorker {
  readonly agentPort: number;
  /** Containers go on. */
  stop(): Promise<void>;
}

/** The parts that a start has begun. Ends them in reverse order; the failure of one keeps no other from its end. */
class Begun {
  readonly #ends: { readonly what: string; readonly end: () => unknown }[] = [];
  readonly #log: Logger;
  #over = false;

  constructor(log: Logger) {
    this.#log = log;
  }

  /** Adds a part. One that is added after the end, such as a runtime that was still starting, is ended at once. */
  async add(what: string, end: () => unknown): Promise<void> {
    this.#ends.push({ what, end });
    if (this.#over) await this.end();
  }

  async end(): Promise<void> {
    this.#over = true;
    for (const { what, end } of this.#ends.splice(0).toReversed()) {
      try {
        await end();
      } catch (error) {
        this.#log.warn({ error, what }, 'a part of the worker did not stop');
      }
    }
  }
}

/**
 * Resolves when the node is Ready. A start that fails, or is ended by its signal, has taken apart what it began when
 * it rejects.
 * @throws the reason: a port that is taken, credentials that cannot be read, a runtime that does not start
 */
export async function startWorker(options: StartOptions): Promise<RunningWorker> {
  const begun = new Begun(options.log);
  try {
    const agentPort = await assemble(options, begun);
    return { agentPort, stop: () => begun.end() };
  } catch (error) {
    await begun.end();
    throw error;
  }
}

/** @returns the port of the node's service */
async function assemble(options: StartOptions, begun: Begun): Promise<number> {
  const { log, dataDir, signal = new AbortController().signal } = options;
  const clock = options.clock ?? systemClock();
  await mkdir(dataDir, { recursive: true });
  if (options.proxyInProcess) await checkMode(options, clock);
  const runtimeName = await chooseRuntime({ ...options, clock, log });
  await keepRuntime(dataDir, runtimeName);
  const started: { node?: WorkerNode } = {};
  const find = (): WorkerNode | undefined => started.node;
  const metrics = new AgentMetrics(options.nodeName, find);
  const [credentials, begunRuntime] = await Promise.all([
    obtainCredentials(options, clock),
    beginRuntime(runtimeName, { ...options, clock, log }, begun),
  ]);
  signal.throwIfAborted();
  const runtime = measuredRuntime(begunRuntime, metrics.registry, clock);
  const current = new RenewableTls(credentials);
  const tls = derivedTls(current, clientTls);
  const onCall = (call: FinishedCall): void => metrics.client.onCall(call);
  const client = createApiClient({ servers: credentials.masters, tls, log, clock, onCall });
  await begun.add('client', () => client.close());
  const events = new EventSink({ client, host: options.nodeName, clock, log }).recorder('kubelet');
  const informers = createInformerFactory({
    client,
    clock,
    log,
    onTrouble: (trouble) => tellTrouble(events, options.nodeName, trouble),
  });
  await begun.add('informers', () => informers.stop());
  const shared = { informers, credentials, client, clock };
  const resolver = clusterResolver(options, credentials);
  const isolation = await beginIsolation(options, shared, begun);
  const place = networkOptions(options, shared, 'network');
  const kind = networkKind(runtime);
  if (kind !== 'runtime') await removeConfiguration(place.dataDir);
  const network = createPodNetwork({
    ...place,
    kind,
    ...(options.cniConfDir === undefined ? {} : { cniConfDir: options.cniConfDir }),
    isolation,
  });
  const machine = await readMachine(dataDir);
  const stats = new StatsSummary(clock);
  const access = new DelegatedAccess({ client, clock, times: agentTimes, allowAnonymous: false });
  const { nodeName, threshold = new LogThreshold('info') } = options;
  const configuration = configurationOf(options, credentials);
  const about = { nodeName, find, metrics, stats, machine, configuration };
  const door = { ...about, access, threshold, clock, log };
  const server = createGrpcServer({
    log: log.child({ part: 'service' }),
    tls: derivedTls(current, serverTls),
    clock,
    fallback: createAgentDoor(door),
  });
  await begun.add('service', () => server.close({ graceMs: serviceGraceMs }));
  server.addService(AgentDefinition, createAgentHandlers({ find, clock, stats }));
  const imported = new Set<string>();
  const [{ port: agentPort }] = await Promise.all([
    server.listen({ host: '0.0.0.0', port: options.agentPort }),
    options.imagesDir === undefined ? undefined : bringImages(options, runtime, imported),
  ]);
  const devices = await beginDevices(runtimeName, { ...options, clock }, begun);
  const node = await startWorkerNode({
    ...options,
    ...(devices === undefined ? {} : { devices }),
    name: options.nodeName,
    ips: [options.nodeIp],
    client,
    informers,
    runtime,
    network: runtimeName === 'hollow' ? new HollowNetwork(options.nodeIp) : network,
    dns: () => ({ address: resolver, domain: credentials.clusterDomain }),
    machine,
    netproxy: () => isolation.state(),
    observer: metrics,
    agentPort,
    imported,
    clock,
    signal,
  });
  await begun.add('node', () => node.stop());
  started.node = node;
  const keeper = new CredentialsKeeper(credentials, {
    client,
    dataDir,
    hosts: [options.nodeIp, options.nodeName],
    clock,
    log,
    onRenewed: (renewed) => current.renew(renewed),
  });
  keeper.start();
  const stopWatching = watchExpiry(
    {
      ca: () => current.current.ca,
      client: () => current.current.certificate,
      serving: () => current.current.servingCertificate,
    },
    { clock, log, registry: metrics.registry },
  );
  await begun.add('expiry', stopWatching);
  await begun.add('credentials', () => keeper.stop());
  return agentPort;
}

function networkKind({
  makesNetwork,
  isolatesNetwork,
}: ContainerRuntime): NonNullable<PodNetworkOptions['kind']> {
  if (makesNetwork === true) return 'runtime';
  return isolatesNetwork ? 'cni' : 'host';
}

/** Starts the proxy here where that was asked for; else another process of this node isolates pods. */
async function beginIsolation(
  options: StartOptions,
  access: NodeAccess,
  begun: Begun,
): Promise<NodeIsolation> {
  if (options.proxyInProcess) {
    // Two would undo each other's rules.
    const lock = lockDirectory(proxyDirectory(options.dataDir));
    await begun.add('lock of netproxy', async () => lock.release());
    const netproxy = startNodeProxy(options, access);
    await begun.add('netproxy', () => netproxy.stop());
    return netproxy;
  }
  const directory = proxyDirectory(options.dataDir);
  const remote = new RemoteIsolation({ directory, clock: access.clock, log: options.log });
  await begun.add('isolation', () => remote.stop());
  options.threshold?.onChange((level) => remote.setLogLevel(level));
  return remote;
}

/**
 * Lets device plugins register. A directory that is another agent's, or that cannot be had, is no reason for a node
 * not to start: few have devices.
 */
async function beginDevices(
  runtime: RuntimeName,
  { devicePluginDir: socketDir, dataDir, clock, log }: StartOptions & { readonly clock: Clock },
  begun: Begun,
): Promise<DeviceManager | undefined> {
  if (socketDir === undefined || runtime === 'hollow' || runtime === 'process') return undefined;
  const devices = new DeviceManager({ socketDir, dataDir, clock, log });
  await begun.add('device plugins', () => devices.stop());
  try {
    await devices.start();
    return devices;
  } catch (error) {
    log.warn({ error, socketDir }, 'device plugins cannot register at this node');
    return undefined;
  }
}

async function beginRuntime(
  name: RuntimeName,
  options: StartOptions & { readonly clock: Clock },
  begun: Begun,
): Promise<ContainerRuntime> {
  if (name === 'cri') {
    const lock = lockEndpoint(options.criEndpoint);
    await begun.add('lock of the runtime', () => lock.release());
  }
  const runtime = await startRuntime(name, options);
  await begun.add('runtime', () => runtime.stop());
  return runtime;
}

/** Returns the credentials of an earlier start while they are valid, else joins for new ones. */
async function obtainCredentials(options: StartOptions, clock: Clock): Promise<Credentials> {
  const { dataDir, nodeName, nodeIp, log, join: target } = options;
  const found = await readCredentials(dataDir);
  const known = found?.nodeName === nodeName ? found : undefined;
  const ended =
    known === undefined ? undefined : expiredCredentials(known, { dataDir, nowMs: clock.nowMs() });
  if (known !== undefined && ended === undefined) return known;
  if (target === undefined) {
    throw new UsageError(
      ended ?? 'this worker has not joined a cluster yet: --join names the masters',
    );
  }
  const hosts = [nodeIp, nodeName];
  if (ended !== undefined) log.warn({ node: nodeName }, ended);
  const credentials = await joinCluster({
    target,
    nodeName,
    hosts,
    former: known,
    clock,
    log,
  }).catch((error: unknown) => {
    throw ended === undefined ? error : new Error(`${ended} (${errorMessage(error)})`);
  });
  await writeCredentials(dataDir, credentials);
  log.info({ node: nodeName, masters: credentials.masters }, 'joined the cluster');
  return credentials;
}

function bringImages(
  { imagesDir = '', dataDir, log }: StartOptions,
  runtime: ContainerRuntime,
  imported: Set<string>,
): Promise<void> {
  const recordPath = join(dataDir, 'imported-images.json');
  return importImages({ runtime, directory: imagesDir, recordPath, log, imported });
}

function serverTls(credentials: Credentials): ServerTls {
  const { servingCertificate: cert, servingKey: key, ca } = credentials;
  // Whoever scrapes shows a token instead; gRPC is for the API server's certificate alone, which its handlers check.
  return { cert, key, ca, requestClientCert: 'optional' };
}

/**
 * So many nodes that only pretend, in one process and each under a name and credentials of its own: for tests of
 * scale. They have the hollow runtime, no services, and no gRPC service.
 */
export async function startHollowNodes(
  options: WorkerOptions,
  log: Logger,
  signal: AbortSignal,
): Promise<{ stop(): Promise<void> }> {
  const clock = systemClock();
  const names = Array.from({ length: options.hollowNodes }, (_, n) => `${options.nodeName}-${n}`);
  const machine = { ...(await readMachine(options.dataDir)), cpus: 32, memoryBytes: 256 * 2 ** 30 };
  const nodes = await Promise.all(
    names.map(async (nodeName, n) => {
      const dataDir = join(options.dataDir, nodeName);
      const own: StartOptions = { ...options, nodeName, dataDir, log, signal };
      await mkdir(dataDir, { recursive: true });
      const credentials = await obtainCredentials(own, clock);
      const tls = fixedTls(clientTls(credentials));
      const client = createApiClient({ servers: credentials.masters, tls, log, clock });
      const events = new EventSink({ client, host: options.nodeName, clock, log }).recorder(
        'kubelet',
      );
      const informers = createInformerFactory({
        client,
        clock,
        log,
        onTrouble: (trouble) => tellTrouble(events, options.nodeName, trouble),
      });
      const runtime = await startRuntime('hollow', { ...own, clock });
      const { clusterDns: address, clusterDomain: domain } = credentials;
      const ip = `10.${200 + (n >> 16)}.${(n >> 8) & 255}.${n & 255}`;
      const node = await startWorkerNode({
        ...own,
        client,
        informers,
        runtime,
        clock,
        signal,
        machine,
        name: nodeName,
        ips: [ip],
        network: new HollowNetwork(ip),
        dns: () => ({ address, domain }),
        imported: new Set(),
      });
      return async (): Promise<void> => {
        await node.stop();
        informers.stop();
        await runtime.stop();
        client.close();
      };
    }),
  );
  log.info({ nodes: nodes.length }, 'hollow nodes are ready');
  return {
    async stop() {
      await Promise.all(nodes.map((stop) => stop()));
    },
  };
}
