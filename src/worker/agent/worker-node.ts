/** One node at work: its object in the API and its pods, on a runtime and a network that are given. */
import type { NetproxyState } from '../../api/facts/node-network.js';
import { resources } from '../../client/resources.js';
import type { KubeObject } from '../../api/object.js';
import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { release } from 'node:os';
import { join } from 'node:path';
import type { PersistentVolume, Pod, Service, Taint } from '../../api/types/core.js';
import type { ApiClient, Informer, InformerFactory } from '../../client/types.js';
import type { Clock } from '../../lib/clock.js';
import { delay } from '../../lib/clock.js';
import type { Logger } from '../../lib/log.js';
import type { PodNetwork } from '../../netproxy/types.js';
import { createCommandRunner } from '../../runtime/spawn.js';
import type { ContainerRuntime } from '../../runtime/types.js';
import type { EventRecorder } from '../../client/events/recorder.js';
import { EventSink } from '../../client/events/recorder.js';
import { Gate, SharedGate } from '../../lib/gate.js';
import type { DeviceManager } from '../devices/device-manager.js';
import { EvictionManager } from '../eviction/eviction-manager.js';
import { observeNode } from '../eviction/observe.js';
import { candidatesOf } from '../eviction/pod-use.js';
import type { PressureType } from '../eviction/pressure.js';
import type { EvictionSettings } from '../eviction/thresholds.js';
import { ImageCollector } from '../images/image-collector.js';
import { ImageManager } from '../images/image-manager.js';
import type { MachineFacts } from '../node/facts.js';
import { allocatableOf } from '../node/facts.js';
import { NodeAgent } from '../node/node-agent.js';
import type { NodeHealth } from '../node/node-object.js';
import { healthy } from '../node/node-object.js';
import type { NetworkProblem } from '../node/node-health.js';
import { nodeHealth } from '../node/node-health.js';
import { kernelVersion } from '../pod/admission.js';
import { roomProblem } from '../pod/resize.js';
import type { ClusterDns } from '../run/dns-config.js';
import { readHostResolver } from '../run/dns-config.js';
import type { NodeContext, PodObserver } from '../run/node-context.js';
import { PodFiles } from '../run/pod-files.js';
import { ObjectCache } from '../sources/object-cache.js';
import { TokenCache } from '../sources/token-cache.js';
import { diskMeasure } from '../volumes/disk-usage.js';
import { removeDeletedLocalPaths } from '../volumes/local-path.js';
import { VolumeManager } from '../volumes/volume-manager.js';
import { PodManager } from './pod-manager.js';

/** The dependencies and settings of {@link startWorkerNode}. */
export interface WorkerNodeOptions {
  readonly name: string;
  readonly ips: readonly string[];
  readonly dataDir: string;
  readonly client: ApiClient;
  readonly informers: InformerFactory;
  /** Started already. */
  readonly runtime: ContainerRuntime;
  readonly network: PodNetwork;
  readonly dns: () => ClusterDns;
  readonly machine: MachineFacts;
  readonly labels: Readonly<Record<string, string>>;
  readonly taints: readonly Taint[];
  readonly agentPort: number;
  readonly podsMax: number;
  /** `--allowed-unsafe-sysctls`. @default none */
  readonly unsafeSysctls?: readonly string[];
  /** When pods are evicted for what the node runs out of. @default never */
  readonly eviction?: EvictionSettings;
  readonly leaseRenewMs: number;
  readonly leaseSeconds: number;
  /** Images that the node's owner brought. */
  readonly imported: ReadonlySet<string>;
  /** Of device plugins. @default there are none */
  readonly devices?: DeviceManager;
  /** How the netproxy of the node is. @default the node says nothing of it */
  readonly netproxy?: () => Promise<NetproxyState>;
  /** Is told of the work on pods. @default nobody is */
  readonly observer?: PodObserver;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

const logBytesMax = 10 * 1024 * 1024;
/** Starts that take long, of one pod, leave half of the places to others. */
const atOnce = { sandboxes: 8, starts: 8, startsOfOnePod: 4 } as const;
const retryMs = 500;
/** So long an agent may take to start until its node, if it was Ready, is so no more. */
const startingMs = 30_000;
/** The longest that a node waits for the list of services before it becomes Ready without it. */
const servicesMs = 5000;

/** One node that runs pods. */
export interface WorkerNode {
  readonly pods: PodManager;
  readonly context: NodeContext;
  stop(): Promise<void>;
}

/** Resolves when the node is registered, Ready, and has taken over its pods. Rejects when `signal` aborts before. */
export async function startWorkerNode(options: WorkerNodeOptions): Promise<WorkerNode> {
  const { client, informers, network, log, signal, runtime, name } = options;
  await mkdir(options.dataDir, { recursive: true });
  const pods = informers.informer<Pod>(resources.pods, {
    fieldSelector: `spec.nodeName=${name}`,
  });
  const serviceInformer = informers.informer<Service>(resources.services);
  const tokens = new TokenCache(options);
  const events = new EventSink({ ...options, host: name }).recorder('kubelet');
  const objects = new ObjectCache(options);
  const begunMs = options.clock.monotonicMs();
  let isUp = false;
  const started: { eviction?: EvictionManager | undefined } = {};
  const pressures = (): readonly PressureType[] => started.eviction?.conditions ?? [];
  const agent = createNodeAgent(options, { events, pressures }, () => {
    if (isUp) return undefined;
    const isStarting = options.clock.monotonicMs() - begunMs < startingMs;
    return { message: 'the pod network is not ready yet', isStarting };
  });
  const context = await createContext(options, {
    pods,
    agent,
    events,
    objects,
    tokens,
    pressures,
    services: (namespace) => {
      // As kubelet: a container's environment is not guessed.
      if (!serviceInformer.synced) {
        throw new Error('services have not yet been read at least once, cannot construct envvars');
      }
      const own = serviceInformer.list(namespace);
      return namespace === 'default' ? own : [...own, ...serviceInformer.list('default')];
    },
  });
  await untilDone(options, 'the node could not be registered', () => agent.register());
  await untilDone(options, 'the pod network could not be started', () => network.start());
  // Waits only for watches that the node cannot work without: the failure of another must not keep it from Ready.
  await pods.whenSynced(signal);
  await waitAWhile(serviceInformer, options);
  const manager = new PodManager({ node: context, client, tokens, pods });
  await untilDone(options, 'the pods of an earlier agent could not be taken over', () =>
    manager.start(),
  );
  options.devices?.onChange(() => {
    agent
      .reportStatus()
      .catch((error: unknown) => log.warn({ error }, 'the node could not be reported'));
  });
  isUp = true;
  await untilDone(options, 'the node could not be reported', () => agent.reportStatus());
  const collector = new ImageCollector({ ...options, inUse: () => imagesOf(manager) });
  collector.start();
  started.eviction = startEviction(options, { context, manager, collector, agent });
  // Only now: nobody waits for its first list, so that a node without leave to read volumes is a node all the same.
  const endRemoval = removeDeletedLocalPaths({
    ...options,
    nodeName: name,
    paths: context.volumes.localPaths,
    volumes: informers.informer<PersistentVolume>(resources.volumes),
  });
  log.info({ node: name, runtime: runtime.version }, 'the node is ready');
  return {
    pods: manager,
    context,
    async stop() {
      started.eviction?.stop();
      collector.stop();
      await endRemoval();
      await manager.stop();
      await agent.stop();
      await network.stop();
    },
  };
}

/**
 * Containers need services for their environment: at a start they are waited for, so that the first pods need no
 * second try.
 */
async function waitAWhile(
  informer: Informer<KubeObject>,
  { clock, signal }: Pick<WorkerNodeOptions, 'clock' | 'signal'>,
): Promise<void> {
  const late = new AbortController();
  const cancel = clock.schedule(servicesMs, () => late.abort());
  await informer.whenSynced(AbortSignal.any([late.signal, signal])).catch(() => undefined);
  cancel();
  signal.throwIfAborted();
}

function imagesOf(manager: PodManager): ReadonlySet<string> {
  const used = new Set<string>();
  for (const { state } of manager.workers.values()) {
    for (const tracked of state.trackedContainers.values()) {
      if (tracked.current !== undefined) used.add(tracked.current.image);
    }
  }
  return used;
}

async function createContext(
  options: WorkerNodeOptions,
  parts: {
    readonly pods: Informer<Pod>;
    readonly agent: NodeAgent;
    readonly events: EventRecorder;
    readonly objects: ObjectCache;
    readonly tokens: TokenCache;
    readonly pressures: NodeContext['pressures'];
    readonly services: NodeContext['services'];
  },
): Promise<NodeContext & { readonly volumes: VolumeManager }> {
  const { dataDir, runtime, network, machine, clock, log, imported } = options;
  const { pods, agent, events, objects, tokens } = parts;
  const allocatable = allocatableOf(machine, options.podsMax);
  const isRoot = process.getuid?.() === 0 && runtime.name !== 'hollow';
  const volumes = new VolumeManager({
    dataDir,
    isRoot,
    sources: {
      config: (namespace) => objects.config(namespace),
      claim: (namespace, name) => objects.claim(namespace, name),
      volume: (name) => objects.volume(name),
      token: (pod, audience, seconds) => tokens.get(pod, audience, seconds),
    },
  });
  return {
    nodeName: options.name,
    hostIps: options.ips,
    nodeMemoryBytes: machine.memoryBytes,
    logMaxBytes: logBytesMax,
    allocatable,
    runtime,
    network,
    volumes,
    images: new ImageManager({ runtime, clock, imported }),
    objects,
    files: new PodFiles(dataDir),
    events,
    dns: options.dns,
    hostResolver: await readHostResolver(),
    services: parts.services,
    pressures: parts.pressures,
    measureDisk: diskMeasure(createCommandRunner({ clock })),
    nodeObject: agent,
    roomProblem: (pod) => roomProblem(pod, pods.list(), allocatable),
    ...(options.observer && { observer: options.observer }),
    ...(options.devices && { devices: options.devices }),
    abilities: { unsafeSysctls: options.unsafeSysctls ?? [], kernel: kernelVersion(release()) },
    gates: {
      sandboxes: new Gate(atOnce.sandboxes),
      starts: new SharedGate(atOnce.starts, atOnce.startsOfOnePod),
    },
    clock,
    log,
    newId: () => randomBytes(32).toString('hex'),
  };
}

/** Looks at once: a node that has run out of something says so from its start. */
function startEviction(
  { eviction: settings, runtime, dataDir, clock, log }: WorkerNodeOptions,
  parts: {
    readonly context: NodeContext;
    readonly manager: PodManager;
    readonly collector: ImageCollector;
    readonly agent: NodeAgent;
  },
): EvictionManager | undefined {
  if (settings === undefined || runtime.name === 'hollow') return undefined;
  const { context, manager, collector, agent } = parts;
  const failure = 'the node could not be reported';
  const eviction = new EvictionManager({
    nodeName: context.nodeName,
    settings,
    observe: () => observeNode({ node: dataDir, images: join(dataDir, 'runtime') }),
    candidates: () => candidatesOf(context, [...manager.workers.values()]),
    removeUnusedImages: () => collector.removeUnused(),
    onChange: () =>
      void agent.reportStatus().catch((error: unknown) => log.warn({ error }, failure)),
    events: context.events,
    clock,
    log,
  });
  eviction.start();
  return eviction;
}

function createNodeAgent(
  options: WorkerNodeOptions,
  { events, pressures }: Pick<NodeContext, 'events' | 'pressures'>,
  networkProblem: () => NetworkProblem | undefined,
): NodeAgent {
  const { runtime, name, ips, labels, taints, machine, agentPort, podsMax } = options;
  const { version: runtimeVersion } = runtime;
  const description = {
    name,
    ips,
    labels,
    machine,
    runtimeVersion,
    agentPort,
    podsMax,
    taints: [...taints],
  };
  const { devices, ...others } = options;
  return new NodeAgent({
    ...others,
    ...(devices === undefined ? {} : { devices: () => devices.figures() }),
    description,
    events,
    health: async (): Promise<NodeHealth> => {
      if (runtime.name !== 'hollow') {
        return nodeHealth({ runtime, pressures: pressures(), networkProblem });
      }
      const { message, isStarting = false } = networkProblem() ?? {};
      return { ...healthy, problem: message, isStarting };
    },
  });
}

/** Tries until it works or the worker is to end. */
async function untilDone(
  { clock, log, signal }: WorkerNodeOptions,
  failure: string,
  work: () => Promise<void>,
): Promise<void> {
  for (;;) {
    signal.throwIfAborted();
    try {
      await work();
      return;
    } catch (error) {
      signal.throwIfAborted();
      log.warn({ error }, failure);
      await delay(clock, retryMs, signal);
    }
  }
}
