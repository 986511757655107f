/** Members as processes that can be killed, paused, cut off and replaced. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../../src/lib/clock.js';
import { createGrpcChannel } from '../../src/lib/grpc/index.js';
import type { CallOptions, Channel } from '../../src/lib/grpc/index.js';
import { silentLogger } from '../../src/lib/log.js';
import {
  AuthDefinition,
  ClusterDefinition,
  KVDefinition,
  MaintenanceDefinition,
} from '../../src/gen/etcd/rpc.js';
import { freePorts, waitFor } from '../cluster/etcd-processes.js';
import type { Command, Report } from './member-control.js';
import type { MemberNetwork } from './network.js';
import { rangeOf } from './requests.js';

const wallClock = new URL('wall-clock.js', import.meta.url).href;

interface Place {
  readonly client: string;
  readonly peer: string;
}

/** The program that runs as a member. */
export interface MemberProgram {
  /** The words before the flags. @param first orders that hold from the start on */
  readonly command: (at: number, first: readonly Command[]) => readonly string[];
  /** Flags besides those that every member has. */
  readonly flags?: readonly string[];
}

/** Resolves when the process has ended and those who asked before have been told. */
async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  await new Promise((resolve) => child.once('exit', resolve));
}

/** Returns the program of `trireme etcd` with a mistake put in, which takes orders; without a mistake it is correct. */
export function memberThatTakesOrders(mistakeOf: (at: number) => string): MemberProgram {
  return {
    command: (at, first) => [
      process.execPath,
      'dist/test/robustness/faulty-member.js',
      mistakeOf(at),
      JSON.stringify(first),
    ],
  };
}

export const controlledMember = memberThatTakesOrders(() => 'none');

export class Members {
  readonly directory: string;
  readonly places: readonly Place[];
  /** With the place of one more, which is a member only now and then. */
  readonly #all: readonly Place[];
  readonly channels: readonly Channel[];
  readonly network: MemberNetwork | undefined;
  readonly #clock = systemClock();
  readonly #program: MemberProgram;
  readonly #children: (ChildProcess | undefined)[] = [];
  readonly #orders = new Map<number, (report: Report) => void>();
  #orderCount = 0;
  readonly #meantToEnd = new Set<ChildProcess>();
  /** The user of all requests, once authentication is on. */
  user: { readonly name: string; readonly password: string } | undefined;
  /** Processes that ended though nobody ended them. */
  readonly crashes: string[] = [];

  private constructor(
    directory: string,
    all: readonly Place[],
    network: MemberNetwork | undefined,
    program: MemberProgram,
  ) {
    this.directory = directory;
    const places = all.slice(0, -1);
    this.places = places;
    this.#all = all;
    this.network = network;
    this.#program = program;
    this.channels = places.map((place) => this.#connect(place));
  }

  static async start(
    directory: string,
    count: number,
    network: MemberNetwork | undefined,
    program: MemberProgram,
  ): Promise<Members> {
    const ports = network === undefined ? await freePorts(2 * count + 2) : [];
    const all = Array.from({ length: count + 1 }, (_, at): Place => {
      if (network !== undefined) {
        const address = network.address(at);
        return { client: `${address}:2379`, peer: `${address}:2380` };
      }
      return { client: `127.0.0.1:${ports[2 * at]}`, peer: `127.0.0.1:${ports[2 * at + 1]}` };
    });
    const members = new Members(directory, all, network, program);
    for (let at = 0; at < count; at++) members.startMember(at);
    return members;
  }

  #connect(place: Place): Channel {
    return createGrpcChannel({
      target: place.client,
      log: silentLogger,
      connectTimeoutMs: 500,
      keepAliveMs: 1_000,
    });
  }

  /** A channel of its own, for one client. */
  connect(at: number): Channel {
    return this.#connect(this.#place(at));
  }

  get count(): number {
    return this.places.length;
  }

  #place(at: number): Place {
    const place = this.#all[at];
    if (place === undefined) throw new RangeError(`there is no member ${at}`);
    return place;
  }

  clientPort(at: number): number {
    return Number(this.#place(at).client.split(':')[1]);
  }

  /** The last member has a disk of its own. */
  dataDir(at: number): string {
    return join(this.directory, at === this.count - 1 ? `small/m${at}` : `m${at}`);
  }

  #channel(at: number): Channel {
    const channel = this.channels[at];
    if (channel === undefined) throw new RangeError(`there is no member ${at}`);
    return channel;
  }

  /** @param first orders that hold from the start on */
  startMember(at: number, state: 'new' | 'existing' = 'new', first: readonly Command[] = []): void {
    const { client, peer } = this.#place(at);
    const cluster = this.#all
      .slice(0, Math.max(this.count, at + 1))
      .map((each, index) => `m${index}=http://${each.peer}`)
      .join(',');
    const inside =
      this.network === undefined ? [] : ['ip', 'netns', 'exec', this.network.namespace(at)];
    const command = [
      ...inside,
      ...this.#program.command(at, first),
      `--name=m${at}`,
      `--data-dir=${this.dataDir(at)}`,
      `--listen-client-urls=http://${client}`,
      `--advertise-client-urls=http://${client}`,
      `--listen-peer-urls=http://${peer}`,
      `--initial-advertise-peer-urls=http://${peer}`,
      `--initial-cluster=${cluster}`,
      `--initial-cluster-state=${state}`,
      '--snapshot-count=1000',
      // The clients ping each second.
      '--grpc-keepalive-min-time=500ms',
      ...(this.#program.flags ?? []),
    ];
    const log = openSync(join(this.directory, `m${at}.log`), 'a');
    const child = spawn(command[0] ?? process.execPath, command.slice(1), {
      stdio: ['ignore', log, log, 'ipc'],
      env: {
        ...process.env,
        VERIFY: '1',
        NODE_OPTIONS: `--import=${wallClock}`,
        WALL_CLOCK_SHIFT: this.#clockFile(at),
      },
    });
    closeSync(log);
    child.on('message', (message) => {
      const { id, report } = message as { readonly id: number; readonly report: Report };
      this.#orders.get(id)?.(report);
      this.#orders.delete(id);
    });
    child.on('exit', (code, signal) => {
      if (!this.#meantToEnd.has(child))
        this.crashes.push(`m${at} ended by itself: ${code ?? signal}`);
    });
    this.#children[at] = child;
  }

  /** Ends the process and waits for it. */
  async end(at: number, signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): Promise<void> {
    const child = this.#children[at];
    if (child === undefined) return;
    this.#meantToEnd.add(child);
    const over = ended(child);
    child.kill(signal);
    await over;
  }

  /** Gives an order to a member that takes them, and waits until it is carried out. */
  order(at: number, command: Command): Promise<Report> {
    const child = this.#children[at];
    const id = ++this.#orderCount;
    return new Promise((resolve, reject) => {
      const cancel = this.#clock.schedule(10_000, () => reject(new Error(`m${at} is silent`)));
      this.#orders.set(id, (report) => {
        cancel();
        resolve(report);
      });
      child?.send({ id, command }, (error) => {
        // A process that ends closes its channel first: whoever hears of the error finds the end in `crashes`.
        if (error !== null) void ended(child).then(() => reject(error));
      });
    });
  }

  /** Waits until the process has killed itself, as it was ordered to. */
  async died(at: number): Promise<void> {
    const child = this.#children[at];
    if (child !== undefined) this.#meantToEnd.add(child);
    await waitFor(`m${at} dies`, () => child?.signalCode === 'SIGKILL');
  }

  #clockFile(at: number): string {
    return join(this.directory, `m${at}.clock`);
  }

  /** Sets a member's wall clock, of its next processes too. @param shiftMs how far it is ahead of the machine's */
  setWallClock(at: number, shiftMs: number): void {
    const path = this.#clockFile(at);
    writeFileSync(`${path}.new`, String(shiftMs));
    // At once: nobody may read half of it.
    renameSync(`${path}.new`, path);
  }

  signal(at: number, signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#children[at]?.kill(signal);
  }

  /** The member that leads, as the first that answers sees it; -1 when nobody knows one. */
  async leader(): Promise<number> {
    const seen = await Promise.all(this.channels.map((_, at) => this.status(at)));
    const leader = seen.find((each) => each !== undefined && each.leader !== 0n)?.leader;
    return seen.findIndex((each) => each !== undefined && each.id === leader);
  }

  async status(at: number): Promise<{ id: bigint; leader: bigint; applied: number } | undefined> {
    try {
      const client = this.#channel(at).client(MaintenanceDefinition);
      const answer = await client.status({}, { deadlineMs: 500 });
      const { leader, raftAppliedIndex, header } = answer;
      return { id: header?.memberId ?? 0n, leader, applied: raftAppliedIndex };
    } catch {
      return undefined;
    }
  }

  async hash(at: number, revision: number): Promise<string> {
    const answer = await this.#channel(at)
      .client(MaintenanceDefinition)
      .hashKV({ revision }, await this.#options(at, 5_000));
    return `${answer.hash}@${answer.compactRevision}`;
  }

  async #options(at: number, deadlineMs: number): Promise<CallOptions> {
    if (this.user === undefined) return { deadlineMs };
    const auth = this.#channel(at).client(AuthDefinition);
    const { token } = await auth.authenticate(this.user, { deadlineMs });
    return { deadlineMs, metadata: new Map([['token', token]]) };
  }

  /** Forgets revisions before this one, at the latest those that nobody asks for any more. */
  async compact(at: number, revision: number): Promise<void> {
    const kv = this.#channel(at).client(KVDefinition);
    // It may time out or be done already: both are as good.
    await kv.compact({ revision, physical: false }, { deadlineMs: 2_000 }).catch(() => undefined);
  }

  async defragment(at: number): Promise<void> {
    await this.#channel(at).client(MaintenanceDefinition).defragment({}, { deadlineMs: 10_000 });
  }

  /**
   * A full disk is its member's own matter: what a leader says of itself meanwhile goes by itself, and nothing else is
   * raised.
   */
  async noAlarm(): Promise<void> {
    const maintenance = this.#channel(0).client(MaintenanceDefinition);
    await retry('no alarm is raised', async () => {
      const request = { action: 0 as const, memberID: 0n, alarm: 0 as const };
      const { alarms } = await maintenance.alarm(request, { deadlineMs: 1_000 });
      if (alarms.length > 0) throw new Error(`${alarms.length} alarms are raised`);
    });
  }

  /** Waits until each member answers a linearizable read. */
  async healthy(deadlineMs = 60_000): Promise<void> {
    for (const [at, channel] of this.channels.entries()) {
      const kv = channel.client(KVDefinition);
      await waitFor(
        `member ${at} answers`,
        () =>
          this.#options(at, 1_000)
            .then((options) => kv.range(rangeOf('health'), options))
            .then(
              () => true,
              () => false,
            ),
        deadlineMs,
      );
    }
  }

  /** Starts it and waits until it has refused to. @returns its exit code and what it said */
  async refuses(at: number): Promise<{ readonly code: number | null; readonly said: string }> {
    const logFile = join(this.directory, `m${at}.log`);
    const before = readFileSync(logFile).length;
    this.startMember(at);
    const child = this.#children[at];
    if (child === undefined) throw new Error(`m${at} was not started`);
    this.#meantToEnd.add(child);
    await waitFor(`m${at} refuses`, () => child.exitCode !== null || child.signalCode !== null);
    return { code: child.exitCode, said: readFileSync(logFile).subarray(before).toString() };
  }

  /** Its id, once it says so. */
  async idOf(at: number): Promise<bigint> {
    let id = 0n;
    await waitFor(`member ${at} says its id`, async () => {
      id = (await this.status(at))?.id ?? 0n;
      return id !== 0n;
    });
    return id;
  }

  /** A disk that is lost: the member is removed and a new one takes its place, with nothing. */
  async replace(at: number, knownId?: bigint): Promise<void> {
    // Without its id it could not be removed, and an empty disk under an old id may forget a vote.
    const id = knownId ?? (await this.idOf(at));
    await this.end(at);
    await this.#remove(id, (at + 1) % this.count);
    await this.#join(at, (at + 1) % this.count, false);
  }

  /** Lets one more member join as a learner, be promoted, and leave again. */
  async comeAndGo(): Promise<void> {
    const at = this.count;
    await this.#join(at, 0, true);
    const url = `http://${this.#place(at).peer}`;
    const cluster = this.#channel(0).client(ClusterDefinition);
    let id = 0n;
    await retry('the learner is promoted', async () => {
      const { members } = await cluster.memberList({ linearizable: true }, { deadlineMs: 1_000 });
      const member = members.find((each) => each.peerURLs.includes(url));
      id = member?.ID ?? 0n;
      if (member?.isLearner === true)
        await cluster.memberPromote({ ID: id }, { deadlineMs: 2_000 });
    });
    const child = this.#children[at];
    // It ends by itself when it hears that it is no member any more.
    if (child !== undefined) this.#meantToEnd.add(child);
    await this.#remove(id, 0);
    await this.end(at);
  }

  async #remove(id: bigint, via: number): Promise<void> {
    const other = this.#channel(via).client(ClusterDefinition);
    await retry('the member is removed', async () => {
      const { members } = await other.memberList({ linearizable: true }, { deadlineMs: 1_000 });
      if (!members.some((each) => each.ID === id)) return;
      await other.memberRemove({ ID: id }, { deadlineMs: 2_000 });
    });
  }

  async #join(at: number, via: number, isLearner: boolean): Promise<void> {
    rmSync(this.dataDir(at), { recursive: true, force: true });
    const other = this.#channel(via).client(ClusterDefinition);
    const url = `http://${this.#place(at).peer}`;
    await retry('the new member is added', async () => {
      const { members } = await other.memberList({ linearizable: true }, { deadlineMs: 1_000 });
      if (members.some((each) => each.peerURLs.includes(url))) return;
      await other.memberAdd({ peerURLs: [url], isLearner }, { deadlineMs: 2_000 });
    });
    this.startMember(at, 'existing');
  }

  async close(): Promise<void> {
    for (const channel of this.channels) channel.close();
    await Promise.all(this.#all.map((_, at) => this.end(at)));
    await this.network?.close();
  }
}

async function retry(what: string, action: () => Promise<void>): Promise<void> {
  await waitFor(what, () =>
    action().then(
      () => true,
      () => false,
    ),
  );
}
