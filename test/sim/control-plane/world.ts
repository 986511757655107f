/** The whole control plane in one process on one seed: simulated time, who lives, and the two phases of a run. */
import type { GrpcError } from '../../../src/lib/grpc/index.js';
import type { Logger } from '../../../src/lib/log.js';
import { Prng } from '../../../src/lib/prng.js';
import type { MemoryStore } from '../../../src/master/apiserver/storage/testkit/memory-store.js';
import { EventQueue } from '../lib/event-queue.js';
import { CorrectnessError, LivenessError } from '../lib/sim-error.js';
import { Trace } from '../lib/trace.js';
import { Turns } from '../lib/turns.js';
import { ApiProcess } from './api-process.js';
import { Canaries } from './canaries.js';
import { Checker } from './checker.js';
import { ComponentProcess } from './component-process.js';
import { firstStore } from './first-store.js';
import { Leaders } from './leaders.js';
import { SimNetwork } from './network.js';
import { Nemesis } from './nemesis.js';
import { SimMachine } from './node-process.js';
import type { ControlPlaneOptions, FaultName } from './options.js';
import type { Life, SimProcess } from './process.js';
import { Quiescence } from './quiescence.js';
import { Users } from './users.js';

/** Simulated time within which a healed control plane must have nothing left to do. */
const quietUsMax = 600_000_000;
/** Answers that a server must not give: they show mistakes in its program. */
const crash = /TypeError|ReferenceError|RangeError|AssertionError/;

/** See above. */
export class ControlPlaneWorld {
  readonly options: ControlPlaneOptions;
  readonly queue = new EventQueue();
  readonly trace = new Trace();
  readonly counts = new Map<string, number>();
  readonly canaries: Canaries;
  readonly store: MemoryStore;
  readonly network: SimNetwork;
  readonly checker: Checker;
  readonly apiServers: ApiProcess[] = [];
  readonly components: ComponentProcess[] = [];
  readonly machines: SimMachine[] = [];
  readonly leaders = new Leaders(this.components, () => this.queue.now);
  readonly users: Users;
  /** Printed where somebody wants to read along. */
  say: ((line: string) => void) | undefined;
  /** No more faults. */
  healed = false;
  /** The first failure outside the present event. */
  failure: unknown;
  readonly #prng: Prng;
  readonly #turns = new Turns();
  readonly #faults: Prng;
  readonly #nemesis: Nemesis;

  private constructor(options: ControlPlaneOptions, store: MemoryStore) {
    this.options = options;
    this.store = store;
    this.#prng = new Prng(options.seed ^ 0xc027901);
    this.#faults = this.fork();
    this.canaries = new Canaries(options.canary);
    this.network = new SimNetwork(this);
    for (let n = 0; n < options.apiServers; n++) {
      const server = new ApiProcess(this, `api-${n}`);
      this.apiServers.push(server);
      this.network.addServer(server);
    }
    for (let n = 0; n < options.managers; n++) {
      this.components.push(new ComponentProcess(this, 'kube-controller-manager', n));
    }
    for (let n = 0; n < options.schedulers; n++) {
      this.components.push(new ComponentProcess(this, 'kube-scheduler', n));
    }
    for (let n = 0; n < options.nodes; n++) this.machines.push(new SimMachine(this, n));
    this.checker = new Checker(this);
    this.users = new Users(this);
    this.#nemesis = new Nemesis(this);
  }

  /** A world whose store holds what every cluster has. */
  static async create(options: ControlPlaneOptions): Promise<ControlPlaneWorld> {
    return new ControlPlaneWorld(options, await firstStore());
  }

  fork(): Prng {
    return this.#prng.fork();
  }

  /** All processes. */
  get processes(): readonly SimProcess[] {
    return [
      ...this.apiServers,
      ...this.components,
      ...this.machines,
      ...this.machines.map(({ agent }) => agent),
      this.users,
    ];
  }

  /** True when the message meets that fate; never once all is healed. */
  fault(name: FaultName, what: string): boolean {
    if (this.healed || !this.#faults.chance(this.options.faults[name])) return false;
    this.count(name);
    this.log(() => `${name}: ${what}`);
    return true;
  }

  count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }

  log(line: () => string, fields: object = {}): void {
    if (this.say === undefined) return;
    const shown = JSON.stringify(fields, (_key, value: unknown) =>
      value instanceof Error ? String(value) : value,
    );
    this.say(`${(this.queue.now / 1000).toFixed(3)} ${line()}${shown === '{}' ? '' : ` ${shown}`}`);
  }

  logger(name: string, more: object = {}): Logger {
    const say =
      (level: string) =>
      (fields: object, message: string): void =>
        this.log(() => `${name} ${level}: ${message}`, { ...more, ...fields });
    return {
      debug: say('debug'),
      info: say('info'),
      warn: say('warn'),
      error: say('error'),
      child: (fields) => this.logger(name, { ...more, ...fields }),
    };
  }

  /** Runs the program of a process; when it ends by itself, the process has ended. */
  own(process: SimProcess, life: Life, run: () => Promise<void>): void {
    run().then(
      () => undefined,
      (error: unknown) => {
        this.log(() => `${process.name} ends: ${String(error)}`);
        this.count('programs that ended');
        if (crash.test(String(error))) this.failure ??= error;
        if (process.life === life) process.kill();
      },
    );
  }

  /** A server has refused a call. */
  refused(client: SimProcess, method: string, error: GrpcError): void {
    this.log(() => `${client.name} ${method} refused: ${error.message}`);
    if (crash.test(error.message)) this.failure ??= error;
  }

  /** A process is no more; a supervisor starts it again after a while. */
  lifeEnded(process: SimProcess): void {
    if (process.life !== undefined) return;
    const longest = process instanceof SimMachine ? 60_000_000 : 5_000_000;
    const after = this.#prng.between(50_000, this.healed ? 200_000 : longest);
    this.queue.add(after, () => process.start());
  }

  async #step(): Promise<void> {
    if (!this.queue.runNext()) throw new LivenessError('nothing will ever happen again');
    this.trace.number(0, this.queue.now);
    await this.#turns.next();
    if (this.failure !== undefined) throw this.failure;
    this.checker.afterEvent();
  }

  /** Runs both phases. @throws CorrectnessError, LivenessError, or whatever the programs throw */
  async run(): Promise<void> {
    const { faultUs } = this.options;
    const onRejection = (error: unknown): void => {
      this.failure ??= error;
    };
    process.on('unhandledRejection', onRejection);
    try {
      for (const one of [...this.apiServers, ...this.components, ...this.machines]) one.start();
      this.users.start();
      this.#nemesis.start();
      while (this.queue.now < faultUs) await this.#step();
      this.#heal();
      const quiescence = new Quiescence(this);
      const until = this.queue.now + quietUsMax;
      while (!quiescence.reached()) {
        await this.#step();
        if (this.queue.now > until) throw new LivenessError(quiescence.describe());
      }
    } finally {
      process.off('unhandledRejection', onRejection);
      this.canaries.restore();
    }
  }

  /** A promise of the control plane is broken. */
  broken(message: string): void {
    this.failure ??= new CorrectnessError(message);
  }

  #heal(): void {
    this.log(() => 'all is healed');
    this.healed = true;
    this.#nemesis.heal();
    this.network.mend();
    for (const process of this.processes) {
      process.resume();
      process.start();
    }
    this.users.finish();
  }

  /** Returns one status line per process. */
  describe(): string {
    return this.processes
      .map(
        (process) => `${process.name}: ${process.up ? (process.paused ? 'paused' : 'up') : 'down'}`,
      )
      .join('\n');
  }
}
