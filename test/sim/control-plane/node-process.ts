/** A machine with its containers, and the node agent on it: the real one on the hollow runtime, without a disk. */
import { createInformerFactory } from '../../../src/client/index.js';
import type { Pod } from '../../../src/api/types/core.js';
import { delay } from '../../../src/lib/clock.js';
import { Gate, SharedGate } from '../../../src/lib/gate.js';
import { HollowRuntime } from '../../../src/runtime/hollow/runtime.js';
import type { ContainerConfig, ContainerRuntime } from '../../../src/runtime/types.js';
import { PodManager } from '../../../src/worker/agent/pod-manager.js';
import { resources } from '../../../src/client/resources.js';
import { EventSink } from '../../../src/client/events/recorder.js';
import { ImageManager } from '../../../src/worker/images/image-manager.js';
import { allocatableOf } from '../../../src/worker/node/facts.js';
import type { MachineFacts } from '../../../src/worker/node/facts.js';
import { NodeAgent } from '../../../src/worker/node/node-agent.js';
import { healthy } from '../../../src/worker/node/node-object.js';
import { HollowNetwork } from '../../../src/worker/run/hollow-network.js';
import type { NodeContext, NodeFiles } from '../../../src/worker/run/node-context.js';
import { ObjectCache } from '../../../src/worker/sources/object-cache.js';
import { TokenCache } from '../../../src/worker/sources/token-cache.js';
import { clientOf } from './component-process.js';
import type { Life } from './process.js';
import { SimProcess } from './process.js';
import { letVolumesGo, simVolumes } from './sim-volumes.js';
import { never } from './wire.js';
import type { ControlPlaneWorld } from './world.js';

/** The argument by which pods of the workload tell their containers when to end. */
export const runArgument = 'end-after-ms';

function planOf(config: ContainerConfig): { afterMs: number; exitCode: number } | undefined {
  const [what, ms, code] = config.args ?? [];
  return what === runArgument ? { afterMs: Number(ms), exitCode: Number(code) } : undefined;
}

/** The machine: containers live on it, whatever becomes of the agent. */
export class SimMachine extends SimProcess {
  readonly number: number;
  readonly agent: AgentProcess;
  #runtime: HollowRuntime | undefined;

  constructor(world: ControlPlaneWorld, number: number) {
    super(world, `machine-${number}`);
    this.number = number;
    this.agent = new AgentProcess(world, this);
  }

  get nodeName(): string {
    return `node-${this.number}`;
  }

  get runtime(): HollowRuntime | undefined {
    return this.#runtime;
  }

  /** The running containers, by id. */
  readonly running = new Map<string, ContainerConfig>();

  protected begin(): void {
    const latencies = {
      sandboxMs: 30,
      pullMs: 0,
      createMs: 0,
      startMs: 20,
      stopMs: this.world.options.stopMs,
    };
    const plan = (config: ContainerConfig): ReturnType<typeof planOf> => {
      this.running.set(config.id, config);
      this.world.checker.containerStarted(this, config);
      return planOf(config);
    };
    this.#runtime = new HollowRuntime({ clock: this.clock, latencies, plan });
    this.#runtime.onEvent((event) => {
      if (event.type === 'exited') this.running.delete(event.containerId);
    });
    this.agent.start();
  }

  protected ended(): void {
    this.#runtime = undefined;
    this.running.clear();
    this.agent.kill();
  }
}

/** The agent. */
export class AgentProcess extends SimProcess {
  readonly machine: SimMachine;
  readonly #listening: (() => void)[] = [];

  constructor(world: ControlPlaneWorld, machine: SimMachine) {
    super(world, `agent-${machine.number}`);
    this.machine = machine;
  }

  /** Only while its machine is up. */
  override start(): void {
    if (this.machine.up) super.start();
  }

  protected begin(life: Life): void {
    const { runtime } = this.machine;
    if (runtime !== undefined) this.world.own(this, life, () => this.#run(life, runtime));
  }

  protected ended(): void {
    for (const leave of this.#listening.splice(0)) leave();
  }

  async #run(life: Life, machine: HollowRuntime): Promise<void> {
    const { clock } = this;
    const log = this.logger();
    const name = this.machine.nodeName;
    const identity = { commonName: `system:node:${name}`, organizations: ['system:nodes'] };
    const client = this.world.canaries.agentClient(clientOf(this, identity));
    const runtime = whileAlive(machine, () => this.life === life, this.#listening);
    const informers = createInformerFactory({ client, clock, log });
    const pods = informers.informer<Pod>(resources.pods, {
      fieldSelector: `spec.nodeName=${name}`,
    });
    const events = new EventSink({ client, host: name, clock, log }).recorder('kubelet');
    const facts = this.#facts();
    const { nodePodsMax } = this.world.options;
    const ip = `10.1.0.${this.machine.number + 1}`;
    const agent = new NodeAgent({
      client,
      runtime,
      clock,
      log,
      events,
      description: {
        name,
        ips: [ip],
        labels: {},
        taints: [],
        machine: facts,
        runtimeVersion: runtime.version,
        agentPort: 10250,
        podsMax: nodePodsMax,
      },
      health: async () => healthy,
      leaseRenewMs: 8_000,
    });
    await this.#untilDone(() => agent.register());
    await pods.whenSynced();
    const tokens = new TokenCache({ client, clock });
    const objects = new ObjectCache({ client, clock });
    let ids = 0;
    const context: NodeContext = {
      nodeName: name,
      pressures: () => [],
      hostIps: [ip],
      nodeMemoryBytes: facts.memoryBytes,
      logMaxBytes: 1024,
      allocatable: allocatableOf(facts, nodePodsMax),
      runtime,
      network: new HollowNetwork(ip),
      volumes: simVolumes(objects),
      images: new ImageManager({ runtime, clock, imported: new Set() }),
      objects,
      files: noFiles,
      events,
      dns: () => ({ address: '10.96.0.10', domain: 'cluster.local' }),
      hostResolver: { nameservers: [], searches: [], options: [] },
      services: () => [],
      roomProblem: () => undefined,
      nodeObject: agent,
      measureDisk: () => Promise.resolve(0),
      abilities: { unsafeSysctls: [], kernel: [6, 1] },
      gates: { sandboxes: new Gate(8), starts: new SharedGate(8, 4) },
      clock,
      log,
      newId: () => `${this.name}-${life.number}-${++ids}`,
    };
    const manager = new PodManager({ node: context, client, tokens, pods });
    await this.#untilDone(() => manager.start());
    if (!this.world.options.hasVolumes) return;
    letVolumesGo({ client, clock, log, informers, nodeName: name });
  }

  async #untilDone(work: () => Promise<void>): Promise<void> {
    for (;;) {
      try {
        await work();
        return;
      } catch {
        await delay(this.clock, 500);
      }
    }
  }

  #facts(): MachineFacts {
    const name = this.machine.nodeName;
    return {
      cpus: this.world.options.nodeCpus,
      memoryBytes: 8 * 2 ** 30,
      diskBytes: 64 * 2 ** 30,
      hostname: name,
      kernelVersion: '6.1.0',
      osImage: 'Simulated',
      architecture: 'amd64',
      machineId: name,
      systemUuid: name,
      bootId: name,
    };
  }
}

/** The runtime for one life of the agent: a dead agent changes nothing any more. */
function whileAlive(
  runtime: HollowRuntime,
  alive: () => boolean,
  listening: (() => void)[],
): ContainerRuntime {
  return new Proxy<ContainerRuntime>(runtime, {
    get(target, property) {
      const value: unknown = Reflect.get(target, property, target);
      if (typeof value !== 'function') return value;
      return (...parameters: unknown[]): unknown => {
        if (!alive()) return never();
        const result: unknown = value.apply(target, parameters);
        if (property === 'onEvent') listening.push(result as () => void);
        return result;
      };
    },
  });
}

const noFiles: NodeFiles = {
  uids: () => Promise.resolve([]),
  directory: (uid) => uid,
  logDirectory: (uid) => `/sim/${uid}/logs`,
  logPath: (uid) => uid,
  messagePath: (uid) => uid,
  hostsPath: (uid) => uid,
  resolverPath: (uid) => uid,
  hostnamePath: (uid) => uid,
  writeShared: () => Promise.resolve(),
  prepareContainer: () => Promise.resolve(),
  endOf: () => Promise.resolve(Buffer.alloc(0)),
  remove: () => Promise.resolve(),
};
