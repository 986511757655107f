/** A world of whole members: simulated time, the ways between processes, who lives, and the two phases of a run. */
import type { ClusterLookup, ExistingCluster } from '../../src/etcd/member/bootstrap.js';
import { BootstrapError } from '../../src/etcd/config.js';
import { Prng } from '../../src/lib/prng.js';
import type { Ratio } from '../../src/lib/prng.js';
import { EventQueue } from './lib/event-queue.js';
import { LivenessError } from './lib/sim-error.js';
import { Trace } from './lib/trace.js';
import { Turns } from './lib/turns.js';
import { Canaries } from './store-canaries.js';
import { StoreChecker } from './store-checker.js';
import { Clients } from './store-clients.js';
import { judgeRun } from './store-judge.js';
import { StoreNemesis } from './store-nemesis.js';
import { Operator } from './store-operator.js';
import type { StoreOptions } from './store-options.js';
import { SimProcess } from './store-process.js';
import { Recovery } from './store-recovery.js';

/** Simulated time within which a healed cluster must be whole again. */
const recoveryUsMax = 90_000_000;

/** See above. */
export class StoreWorld {
  readonly options: StoreOptions;
  readonly queue = new EventQueue();
  readonly trace = new Trace();
  readonly processes: SimProcess[] = [];
  readonly canaries: Canaries;
  readonly checker: StoreChecker;
  readonly clients: Clients;
  readonly operator: Operator;
  readonly counts = new Map<string, number>();
  /** Printed where somebody wants to read along. */
  say: ((line: string) => void) | undefined;
  /** No more faults. */
  healed = false;
  /** The first failure outside the present event. */
  failure: unknown;
  readonly #prng: Prng;
  readonly #turns = new Turns();
  readonly #network: Prng;
  readonly #nemesis: StoreNemesis;
  readonly #cuts = new Set<string>();
  readonly #lifeListeners: ((process: SimProcess) => void)[] = [];

  constructor(options: StoreOptions) {
    this.options = options;
    this.#prng = new Prng(options.seed ^ 0x57012e);
    this.#network = this.fork();
    this.canaries = new Canaries(options.canary);
    this.checker = new StoreChecker(this);
    for (let slot = 0; slot < options.memberCount; slot++) {
      this.processes.push(new SimProcess(this, slot));
    }
    this.clients = new Clients(this);
    this.operator = new Operator(this);
    this.#nemesis = new StoreNemesis(this);
  }

  fork(): Prng {
    return this.#prng.fork();
  }

  /** True with the probability, but never once all is healed. */
  chance(prng: Prng, ratio: Ratio): boolean {
    return !this.healed && prng.chance(ratio);
  }

  count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }

  log(line: () => string, fields: object = {}): void {
    if (this.say === undefined) return;
    const shown = JSON.stringify(fields, (_key, value: unknown) => {
      if (typeof value === 'bigint') return value.toString(16);
      return value instanceof Error ? String(value) : value;
    });
    this.say(`${(this.queue.now / 1000).toFixed(3)} ${line()} ${shown}`);
  }

  /** Draws the time that a packet is under way. */
  delay(): number {
    const { delayMin, delayMax } = this.options.net;
    return this.#network.between(delayMin, delayMax);
  }

  sleep(us: number): Promise<void> {
    return new Promise((resolve) => {
      this.queue.add(us, resolve);
    });
  }

  cut(from: SimProcess, to: SimProcess): void {
    this.#cuts.add(`${from.slot}>${to.slot}`);
  }

  mend(): void {
    this.#cuts.clear();
  }

  isCut(from: SimProcess, to: SimProcess): boolean {
    return this.#cuts.size > 0 && this.#cuts.has(`${from.slot}>${to.slot}`);
  }

  /** The running process of a member. */
  memberProcess(id: bigint): SimProcess | undefined {
    return this.processes.find((process) => process.host !== undefined && process.memberId === id);
  }

  /** The process that leads in the highest term. */
  leader(): SimProcess | undefined {
    let best: SimProcess | undefined;
    for (const process of this.processes) {
      if (process.server?.isLeader !== true) continue;
      if (best?.server === undefined || best.server.node.term < process.server.node.term) {
        best = process;
      }
    }
    return best;
  }

  /** Every link looks whether it still stands. */
  linksChanged(withinUs: number): void {
    for (const process of this.processes) process.network?.recheck(withinUs);
  }

  onLifeEnded(listener: (process: SimProcess) => void): void {
    this.#lifeListeners.push(listener);
  }

  /** A process is no more; a supervisor starts it again after a while. */
  lifeEnded(process: SimProcess): void {
    this.trace.number(1, process.slot);
    for (const listener of this.#lifeListeners) listener(process);
    this.linksChanged(2_000);
    if (process.status !== 'down') return;
    const after = this.#prng.between(20_000, this.healed ? 100_000 : this.options.restartUsMax);
    const { life } = process;
    this.queue.add(after, () => {
      if (process.life === life) process.start();
    });
  }

  /** A member cannot go on. Some reasons were made by the nemesis; all others are mistakes. */
  failed(process: SimProcess, error: unknown): void {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    this.log(() => `${process.name} stops: ${String(error)}`);
    if (code === 'WAL_CORRUPT' && process.flipped) {
      this.count('damage found');
      process.end('damaged');
    } else if (code === 'WAL_WRITE' && process.syncErrors > 0) {
      this.count('sync errors');
      process.kill(false);
    } else if (code === 'BOOTSTRAP') {
      process.kill(false);
    } else {
      this.failure ??= error;
    }
  }

  removed(process: SimProcess): void {
    this.log(() => `${process.name} was removed`);
    process.end('removed');
  }

  /** Returns the lookup by which a member that starts finds the others. */
  lookup(process: SimProcess): ClusterLookup {
    return {
      patiently: () => this.askCluster(process),
      once: () => this.askCluster(process).catch(() => undefined),
    };
  }

  /** Asks the others who is in the cluster. A process that has ended meanwhile hears no answer. */
  async askCluster(process: SimProcess): Promise<ExistingCluster> {
    const { life } = process;
    await this.sleep(2 * this.delay());
    if (process.life !== life) return new Promise(() => undefined);
    for (const other of this.processes) {
      if (other === process || other.host === undefined || other.paused) continue;
      if (this.isCut(other, process) || this.isCut(process, other)) continue;
      const { clusterId, members } = other.host.members();
      if (members.length > 0) return { clusterId, members };
    }
    throw new BootstrapError('cannot fetch cluster info from peer urls');
  }

  /** Takes one event, lets everything that follows from it happen, and checks. */
  async #step(): Promise<void> {
    if (!this.queue.runNext()) throw new LivenessError('nothing will ever happen again');
    this.trace.number(0, this.queue.now);
    await this.#turns.next();
    if (this.failure !== undefined) throw this.failure;
    this.checker.afterEvent();
  }

  /** Runs both phases and judges. @throws CorrectnessError, LivenessError, or whatever the members throw */
  async run(): Promise<void> {
    const { safetyUs } = this.options;
    const onRejection = (error: unknown): void => {
      this.failure ??= error;
    };
    process.on('unhandledRejection', onRejection);
    try {
      for (const one of this.processes) one.start();
      this.clients.start();
      this.operator.start();
      this.#nemesis.start();
      while (this.queue.now < safetyUs) await this.#step();
      this.#heal();
      const recovery = new Recovery(this);
      recovery.start();
      const until = this.queue.now + recoveryUsMax;
      while (!recovery.done) {
        await this.#step();
        if (this.queue.now > until) throw new LivenessError(recovery.describe());
      }
      judgeRun(this);
    } finally {
      process.off('unhandledRejection', onRejection);
      for (const one of this.processes) one.server?.backend.abandon();
    }
  }

  #heal(): void {
    this.log(() => 'all is healed');
    this.healed = true;
    this.#nemesis.heal();
    this.mend();
    this.linksChanged(10_000);
    for (const process of this.processes) {
      if (process.status === 'down') process.start();
    }
  }

  /** Returns one status line per member. */
  describe(): string {
    return this.processes.map((process) => process.describe()).join('\n');
  }
}
