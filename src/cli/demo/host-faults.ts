import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { ClusterRecord, HostRecord } from '../home.js';
import { isAlive, writeClusterRecord } from '../home.js';
import { demoComment } from '../up/demo-leftovers.js';
import { startHost } from '../up/hosts.js';

const execute = promisify(execFile);

/** The part of the machine that faults are made with. */
export interface FaultMachine {
  readonly isAlive: (pid: number, dataDir: string) => boolean;
  readonly signal: (pid: number, name: NodeJS.Signals) => void;
  /** Starts a host again. @returns its process id */
  readonly start: (host: HostRecord) => number;
  /** Runs a program to its end; rejects when it fails. */
  readonly run: (command: string, ...parameters: string[]) => Promise<unknown>;
  readonly sleep: (ms: number) => Promise<void>;
  readonly save: (record: ClusterRecord) => Promise<void>;
}

/** The machine that `up` has started the hosts of `home` on. */
export function thisMachine(home: string): FaultMachine {
  return {
    isAlive,
    signal: (pid, name) => void process.kill(pid, name),
    start: startHost,
    run: (command, ...parameters) => execute(command, parameters, { timeout: 20_000 }),
    sleep: (ms) => sleep(ms),
    save: (record) => writeClusterRecord(home, record),
  };
}

/** A killed process is looked at so often until it is gone, and so many times at most: 10 s. */
const goneLooks = { everyMs: 50, most: 200 } as const;

/** Kills, pauses and cuts off masters that `up` has started, and takes all of that back. */
export class HostFaults {
  #record: ClusterRecord;
  readonly #machine: FaultMachine;
  readonly #killed = new Set<string>();
  readonly #paused = new Set<string>();
  readonly #isolated = new Set<string>();

  constructor(record: ClusterRecord, machine: FaultMachine) {
    this.#record = record;
    this.#machine = machine;
  }

  get masters(): readonly HostRecord[] {
    return this.#record.hosts.filter(({ role }) => role === 'master');
  }

  /** Whether each master has a network of its own, which can be cut. */
  get canIsolate(): boolean {
    return this.masters.every(({ netns }) => netns !== null);
  }

  kill(name: string): void {
    this.#machine.signal(this.#living(name), 'SIGKILL');
    this.#killed.add(name);
  }

  /** Starts a master that was killed, as `up` would. */
  async restart(name: string): Promise<void> {
    const host = this.#host(name);
    await this.#gone(host);
    const pid = this.#machine.start(host);
    this.#killed.delete(name);
    const hosts = this.#record.hosts.map((one) => (one.name === name ? { ...one, pid } : one));
    this.#record = { ...this.#record, hosts };
    await this.#machine.save(this.#record);
  }

  /** Waits for the end of a process that was killed: it takes a moment to be gone, and its locks with it. */
  async #gone({ name, pid, dataDir }: HostRecord): Promise<void> {
    for (let look = 0; this.#machine.isAlive(pid, dataDir); look++) {
      if (look === goneLooks.most) throw new Error(`the process ${pid} of ${name} does not end`);
      await this.#machine.sleep(goneLooks.everyMs);
    }
  }

  pause(name: string): void {
    this.#machine.signal(this.#living(name), 'SIGSTOP');
    this.#paused.add(name);
  }

  resume(name: string): void {
    this.#machine.signal(this.#living(name), 'SIGCONT');
    this.#paused.delete(name);
  }

  /** Cuts a master off from the other masters, in both directions; clients and workers reach it. */
  async isolate(name: string): Promise<void> {
    this.#isolated.add(name);
    for (const rule of this.#rules(name)) await this.#iptables(name, '-A', rule);
  }

  /** Takes back `isolate`, also where it was made by half. @throws Error when a rule stays in force */
  async heal(name: string): Promise<void> {
    const failures: unknown[] = [];
    for (const rule of this.#rules(name)) {
      await this.#iptables(name, '-D', rule).catch(async (error: unknown) => {
        if (await this.#mayBeInForce(name, rule)) failures.push(error);
      });
    }
    if (failures.length > 0) throw failures[0];
    this.#isolated.delete(name);
  }

  /** Whether a rule that could not be deleted is there: iptables says with code 1 that it is not. */
  async #mayBeInForce(name: string, rule: readonly string[]): Promise<boolean> {
    try {
      await this.#iptables(name, '-C', rule);
      return true;
    } catch (error) {
      return (error as { code?: unknown }).code !== 1;
    }
  }

  /** Takes back everything that is still in force. Never rejects: what fails is told. */
  async undo(failed: (error: unknown) => void): Promise<void> {
    for (const name of this.#paused) attempt(() => this.resume(name), failed);
    for (const name of this.#isolated) await this.heal(name).catch(failed);
    for (const name of this.#killed) await this.restart(name).catch(failed);
  }

  #rules(name: string): readonly (readonly string[])[] {
    return this.masters
      .filter((other) => other.name !== name)
      .flatMap(({ address }) => [
        ['INPUT', '-s', address],
        ['OUTPUT', '-d', address],
      ]);
  }

  async #iptables(
    name: string,
    action: '-A' | '-C' | '-D',
    rule: readonly string[],
  ): Promise<void> {
    const [chain = '', ...match] = rule;
    const { netns } = this.#host(name);
    if (netns === null) throw new Error(`${name} has no network of its own`);
    const words = ['-w', action, chain, ...match, '-m', 'comment', '--comment', demoComment];
    await this.#machine.run(
      'nsenter',
      `--net=/run/netns/${netns}`,
      'iptables',
      ...words,
      '-j',
      'DROP',
    );
  }

  #host(name: string): HostRecord {
    const host = this.masters.find((one) => one.name === name);
    if (host === undefined) throw new Error(`${name} is no master that \`up\` has started here`);
    return host;
  }

  /** Process ids are used again: only the process of that master gets a signal. */
  #living(name: string): number {
    const { pid, dataDir } = this.#host(name);
    if (this.#machine.isAlive(pid, dataDir)) return pid;
    throw new Error(`the process ${pid} of ${name} has ended`);
  }
}

function attempt(run: () => void, failed: (error: unknown) => void): void {
  try {
    run();
  } catch (error) {
    failed(error);
  }
}
