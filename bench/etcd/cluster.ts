/** Members of a store, ours or a peer's, as real processes side by side under one directory. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { cpuMsOf, withDescendants } from '../lib/process-stats.js';
import { within } from '../lib/wait.js';

/** A member that has not ended this long after SIGTERM is killed. */
const stopMs = 15_000;

/** Members that run now; they end with this process, however it ends. */
const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** One of the two programs that are compared. */
export interface Side {
  readonly name: 'ours' | 'theirs';
  /** The program and its first arguments, such as `['bin/trireme', 'etcd']`. */
  readonly command: readonly string[];
  readonly version: string;
}

export interface Member {
  readonly name: string;
  /** `host:port` for clients. */
  readonly endpoint: string;
  readonly process: ChildProcess;
  readonly pid: number;
  readonly logFile: string;
}

async function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

/** Hands out ports that nobody listens on, one after the other from `base`. */
export class Ports {
  readonly #base: number;
  #next: number;

  constructor(base: number) {
    this.#base = base;
    this.#next = base;
  }

  async take(): Promise<number> {
    for (let tries = 0; tries < 1000; tries++) {
      const port = this.#next;
      this.#next = port + 1 >= this.#base + 1000 ? this.#base : port + 1;
      if (await isFree(port)) return port;
    }
    throw new Error(`no free port from ${this.#base}`);
  }
}

interface MemberPlan {
  readonly name: string;
  readonly clientPort: number;
  readonly peerPort: number;
}

/** A cluster that can be stopped and started again on its data. */
export class Cluster {
  readonly side: Side;
  readonly #directory: string;
  readonly #plans: readonly MemberPlan[];
  readonly #flags: Readonly<Record<string, string>>;
  #members: Member[] = [];

  private constructor(
    side: Side,
    directory: string,
    plans: readonly MemberPlan[],
    flags: Readonly<Record<string, string>>,
  ) {
    this.side = side;
    this.#directory = directory;
    this.#plans = plans;
    this.#flags = flags;
  }

  /** Nothing runs yet. @param directory is made, and removed by {@link destroy}. */
  static async plan(options: {
    readonly side: Side;
    readonly members: number;
    readonly directory: string;
    readonly ports: Ports;
    /** Flags of every member, beside those of a cluster. */
    readonly flags?: Readonly<Record<string, string>>;
  }): Promise<Cluster> {
    mkdirSync(options.directory, { recursive: true });
    const plans: MemberPlan[] = [];
    for (let at = 1; at <= options.members; at++) {
      const clientPort = await options.ports.take();
      plans.push({ name: `m${at}`, clientPort, peerPort: await options.ports.take() });
    }
    return new Cluster(options.side, options.directory, plans, options.flags ?? {});
  }

  get members(): readonly Member[] {
    return this.#members;
  }

  get endpoints(): string[] {
    return this.#plans.map((plan) => `127.0.0.1:${plan.clientPort}`);
  }

  /** The members' processes and theirs. */
  get pids(): number[] {
    return withDescendants(this.#members.map((member) => member.pid));
  }

  cpuMs(): number {
    return cpuMsOf(this.pids);
  }

  /** Spawns all members at once and returns; who wants to know when they serve, asks them. */
  start(): void {
    this.#members = this.#plans.map((plan) => this.#spawn(plan));
  }

  #spawn(plan: MemberPlan): Member {
    const logFile = join(this.#directory, `${plan.name}.log`);
    const log = openSync(logFile, 'a');
    const client = `http://127.0.0.1:${plan.clientPort}`;
    const peer = `http://127.0.0.1:${plan.peerPort}`;
    const cluster = this.#plans.map((p) => `${p.name}=http://127.0.0.1:${p.peerPort}`).join(',');
    const [program = '', ...first] = this.side.command;
    const flags = {
      '--name': plan.name,
      '--data-dir': join(this.#directory, `${plan.name}.data`),
      '--listen-client-urls': client,
      '--advertise-client-urls': client,
      '--listen-peer-urls': peer,
      '--initial-advertise-peer-urls': peer,
      '--initial-cluster': cluster,
      '--initial-cluster-state': 'new',
      '--initial-cluster-token': 'bench',
      ...this.#flags,
    };
    const child = spawn(program, [...first, ...Object.entries(flags).flat()], {
      stdio: ['ignore', log, log],
      env: { PATH: process.env['PATH'], HOME: process.env['HOME'] },
    });
    closeSync(log);
    running.add(child);
    child.once('exit', () => running.delete(child));
    if (child.pid === undefined) throw new Error(`cannot start ${program}`);
    return {
      name: plan.name,
      endpoint: `127.0.0.1:${plan.clientPort}`,
      process: child,
      pid: child.pid,
      logFile,
    };
  }

  /** @throws with the end of its log, if a member has ended by itself */
  check(): void {
    for (const member of this.#members) {
      if (member.process.exitCode === null && member.process.signalCode === null) continue;
      const tail = readFileSync(member.logFile, 'utf8').split('\n').slice(-8).join('\n');
      const how = member.process.exitCode ?? member.process.signalCode;
      throw new Error(`${this.side.name} ${member.name} ended (${how}):\n${tail}`);
    }
  }

  /** SIGTERM to all, SIGKILL to who does not heed it in time. */
  async stop(): Promise<void> {
    const members = this.#members;
    this.#members = [];
    await Promise.all(members.map((member) => stopProcess(member.process)));
  }

  async destroy(): Promise<void> {
    await this.stop();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

async function stopProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
  });
  child.kill('SIGTERM');
  try {
    await within(stopMs, `the end of process ${child.pid}`, ended);
  } catch (error) {
    console.error(`${String(error)}; killed`);
    child.kill('SIGKILL');
    await ended;
  }
}
