/** Store members as real processes, and `etcdctl` against them. */
import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import type { Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { delay, systemClock } from '../../src/lib/clock.js';

const clock = systemClock();

/** True when the program is on the path. */
export function hasProgram(name: string): boolean {
  return spawnSync('sh', ['-c', `command -v ${name}`]).status === 0;
}

/**
 * Below the ports that the system gives to connections (32,768 and up), which could take one before it is listened at.
 */
const firstPort = 12_000;
const portCount = 10_000;

/** Ports that are free now, each another. */
export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = [];
  const servers: Server[] = [];
  while (ports.length < count) {
    const port = firstPort + randomInt(portCount);
    const server = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(port, '127.0.0.1', () => resolve(true));
    });
    if (!isFree) continue;
    ports.push(port);
    servers.push(server);
  }
  await Promise.all(
    servers.map((server) => new Promise((resolve) => server.close(() => resolve(undefined)))),
  );
  return ports;
}

/** Waits for a condition; fails after `deadlineMs`. */
export async function waitFor(
  what: string,
  condition: () => boolean | Promise<boolean>,
  deadlineMs = 60_000,
): Promise<void> {
  const untilMs = clock.monotonicMs() + deadlineMs;
  while (!(await condition())) {
    if (clock.monotonicMs() > untilMs) throw new Error(`timed out waiting until ${what}`);
    await delay(clock, 20);
  }
}

/** The result of a finished command. */
export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command to its end, at most 30 s. */
export function run(
  program: string,
  args: readonly string[],
  options: { readonly input?: string } = {},
): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env: { ...process.env, ETCDCTL_API: '3' } });
    let stdout = '';
    let stderr = '';
    const cancel = clock.schedule(30_000, () => child.kill('SIGKILL'));
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    child.on('error', reject);
    child.on('close', (code) => {
      cancel();
      resolve({ code, stdout, stderr });
    });
    child.stdin.on('error', () => undefined);
    child.stdin.end(options.input ?? '');
  });
}

/** One member. */
export class MemberProcess {
  readonly name: string;
  readonly clientUrl: string;
  readonly peerUrl: string;
  readonly dataDir: string;
  readonly #logPath: string;
  readonly #program: readonly string[];
  #child: ChildProcess | undefined;

  constructor(options: {
    readonly name: string;
    readonly clientPort: number;
    readonly peerPort: number;
    /** @default the peer port of this machine */
    readonly peerUrl?: string;
    readonly directory: string;
    readonly program: readonly string[];
  }) {
    this.name = options.name;
    this.clientUrl = `http://127.0.0.1:${options.clientPort}`;
    this.peerUrl = options.peerUrl ?? `http://127.0.0.1:${options.peerPort}`;
    this.dataDir = join(options.directory, options.name);
    this.#logPath = join(options.directory, `${options.name}.log`);
    this.#program = options.program;
  }

  get log(): string {
    return readFileSync(this.#logPath, 'utf8');
  }

  /** @param environment on top of this process' own */
  start(
    initialCluster: string,
    extra: readonly string[] = [],
    environment: Readonly<Record<string, string>> = {},
  ): void {
    const [program = '', ...first] = this.#program;
    const log = openSync(this.#logPath, 'a');
    this.#child = spawn(
      program,
      [
        ...first,
        `--name=${this.name}`,
        `--data-dir=${this.dataDir}`,
        `--listen-client-urls=${this.clientUrl}`,
        `--advertise-client-urls=${this.clientUrl}`,
        `--listen-peer-urls=${this.peerUrl}`,
        `--initial-advertise-peer-urls=${this.peerUrl}`,
        `--initial-cluster=${initialCluster}`,
        ...extra,
      ],
      { stdio: ['ignore', log, log], env: { ...process.env, ...environment } },
    );
    closeSync(log);
  }

  /** Waits for the end of the process, which comes by itself. @returns its exit code, null after a signal */
  async ended(): Promise<number | null> {
    const child = this.#child;
    await waitFor(
      `${this.name} has ended`,
      () => child === undefined || child.exitCode !== null || child.signalCode !== null,
      60_000,
    );
    return child?.exitCode ?? null;
  }

  get hasEnded(): boolean {
    const child = this.#child;
    return child === undefined || child.exitCode !== null || child.signalCode !== null;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  signal(signal: 'SIGSTOP' | 'SIGCONT' | 'SIGKILL' | 'SIGTERM'): void {
    this.#child?.kill(signal);
  }

  /** Ends the process and waits for it. @returns its exit code, null after a kill */
  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGKILL'): Promise<number | null> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return null;
    const ended = new Promise<number | null>((resolve) => {
      child.once('exit', (code) => resolve(code));
    });
    child.kill(signal);
    return ended;
  }
}

/** Some members and a way to ask them. */
export class TestCluster {
  readonly directory: string;
  readonly members: readonly MemberProcess[];
  readonly #extra: readonly string[];

  private constructor(
    directory: string,
    members: readonly MemberProcess[],
    extra: readonly string[],
  ) {
    this.directory = directory;
    this.members = members;
    this.#extra = extra;
  }

  /** @param program ours by default */
  static async start(
    count: number,
    options: {
      readonly program?: readonly string[];
      readonly extra?: readonly string[];
      readonly environment?: Readonly<Record<string, string>>;
      /** The directory of the members' data. @default a directory made for it */
      readonly directory?: string;
    } = {},
  ): Promise<TestCluster> {
    const directory = options.directory ?? mkdtempSync(join(tmpdir(), 'trireme-etcd-'));
    const ports = await freePorts(2 * count);
    const program = options.program ?? [process.execPath, 'bin/trireme', 'etcd'];
    const members = Array.from({ length: count }, (_, at) => {
      const [clientPort = 0, peerPort = 0] = ports.slice(2 * at);
      return new MemberProcess({ name: `m${at + 1}`, clientPort, peerPort, directory, program });
    });
    const cluster = new TestCluster(directory, members, options.extra ?? []);
    for (const member of members) {
      member.start(cluster.initialCluster, cluster.#extra, options.environment);
    }
    await cluster.healthy();
    return cluster;
  }

  get initialCluster(): string {
    return this.members.map((member) => `${member.name}=${member.peerUrl}`).join(',');
  }

  get endpoints(): string {
    return this.members.map((member) => member.clientUrl).join(',');
  }

  member(at: number): MemberProcess {
    const member = this.members[at];
    if (member === undefined) throw new Error(`there is no member ${at}`);
    return member;
  }

  /** Starts a stopped member with its own data. */
  restart(at: number, extra: readonly string[] = []): void {
    this.member(at).start(this.initialCluster, [...this.#extra, ...extra]);
  }

  /** `etcdctl` against all members, or the one named. */
  ctl(args: readonly string[], options: { at?: number; input?: string } = {}): Promise<Outcome> {
    const endpoints = options.at === undefined ? this.endpoints : this.member(options.at).clientUrl;
    const input = options.input === undefined ? {} : { input: options.input };
    return run('etcdctl', ['--endpoints', endpoints, ...args], input);
  }

  /** Waits until the given members (all) answer a linearizable read. */
  async healthy(at: readonly number[] = this.members.map((_, index) => index)): Promise<void> {
    for (const index of at) {
      await waitFor(
        `member ${index} is healthy`,
        async () => {
          const answered = await this.#post(index, 'range', { key: 'healthy' });
          if (answered === undefined || answered === 200) return answered === 200;
          const read = ['get', 'healthy', '--command-timeout=1s'];
          return (await this.ctl(read, { at: index })).code === 0;
        },
        60_000,
      );
    }
  }

  /** Puts without a process for each. */
  async put(at: number, pairs: Readonly<Record<string, string>>): Promise<void> {
    for (const [key, value] of Object.entries(pairs)) {
      const status = await this.#post(at, 'put', { key, value });
      if (status !== 200) throw new Error(`put ${key}: ${status ?? 'no answer'}`);
    }
  }

  /** Calls the JSON gateway. @returns the HTTP status, undefined when there was no answer */
  async #post(
    at: number,
    method: 'range' | 'put',
    fields: Readonly<Record<string, string>>,
  ): Promise<number | undefined> {
    const encoded = Object.entries(fields).map(([name, text]) => [name, btoa(text)]);
    try {
      const response = await fetch(`${this.member(at).clientUrl}/v3/kv/${method}`, {
        method: 'POST',
        body: JSON.stringify(Object.fromEntries(encoded)),
        signal: AbortSignal.timeout(5000),
      });
      await response.text();
      return response.status;
    } catch {
      return undefined;
    }
  }

  /** Waits until the given member knows a leader, and returns it. */
  async leader(via = 0): Promise<number> {
    let found = -1;
    await waitFor('there is a leader', async () => {
      const { stdout } = await this.ctl(['endpoint', 'status', '-w', 'json'], { at: via });
      const [entry] = JSON.parse(stdout || '[{}]') as { Status?: { leader?: number } }[];
      const leader = entry?.Status?.leader;
      if (leader === undefined || leader === 0) return false;
      const list = await this.ctl(['member', 'list', '-w', 'json'], { at: via });
      const { members } = JSON.parse(list.stdout) as { members: { ID: number; name: string }[] };
      const name = members.find((member) => member.ID === leader)?.name;
      found = this.members.findIndex((member) => member.name === name);
      return found >= 0;
    });
    return found;
  }

  /** Ends all processes and removes their data. */
  async stop(): Promise<void> {
    await Promise.all(this.members.map((member) => member.stop()));
    rmSync(this.directory, { recursive: true, force: true });
  }
}
