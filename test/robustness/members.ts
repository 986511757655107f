/** Members as processes that can be killed, paused, cut off and replaced. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { closeSync, openSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createGrpcChannel } from '../../src/lib/grpc/index.js';
import type { Channel } from '../../src/lib/grpc/index.js';
import { silentLogger } from '../../src/lib/log.js';
import { ClusterDefinition, KVDefinition, MaintenanceDefinition } from '../../src/gen/etcd/rpc.js';
import { freePorts, waitFor } from '../cluster/etcd-processes.js';
import type { MemberNetwork } from './network.js';

interface Place {
  readonly client: string;
  readonly peer: string;
}

export class Members {
  readonly directory: string;
  readonly places: readonly Place[];
  readonly channels: readonly Channel[];
  readonly network: MemberNetwork | undefined;
  readonly #children: (ChildProcess | undefined)[] = [];
  readonly #meantToEnd = new Set<ChildProcess>();
  /** Processes that ended though nobody ended them. */
  readonly crashes: string[] = [];

  private constructor(
    directory: string,
    places: readonly Place[],
    network: MemberNetwork | undefined,
  ) {
    this.directory = directory;
    this.places = places;
    this.network = network;
    this.channels = places.map((place) => this.#connect(place));
  }

  static async start(
    directory: string,
    count: number,
    network: MemberNetwork | undefined,
  ): Promise<Members> {
    const ports = network === undefined ? await freePorts(2 * count) : [];
    const places = Array.from({ length: count }, (_, at): Place => {
      if (network !== undefined) {
        const address = network.address(at);
        return { client: `${address}:2379`, peer: `${address}:2380` };
      }
      return { client: `127.0.0.1:${ports[2 * at]}`, peer: `127.0.0.1:${ports[2 * at + 1]}` };
    });
    const members = new Members(directory, places, network);
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
    const place = this.places[at];
    if (place === undefined) throw new RangeError(`there is no member ${at}`);
    return place;
  }

  #channel(at: number): Channel {
    const channel = this.channels[at];
    if (channel === undefined) throw new RangeError(`there is no member ${at}`);
    return channel;
  }

  startMember(at: number, state: 'new' | 'existing' = 'new'): void {
    const { client, peer } = this.#place(at);
    const cluster = this.places.map((each, index) => `m${index}=http://${each.peer}`).join(',');
    const inside =
      this.network === undefined ? [] : ['ip', 'netns', 'exec', this.network.namespace(at)];
    const command = [
      ...inside,
      process.execPath,
      'bin/trireme',
      'etcd',
      `--name=m${at}`,
      `--data-dir=${join(this.directory, `m${at}`)}`,
      `--listen-client-urls=http://${client}`,
      `--advertise-client-urls=http://${client}`,
      `--listen-peer-urls=http://${peer}`,
      `--initial-advertise-peer-urls=http://${peer}`,
      `--initial-cluster=${cluster}`,
      `--initial-cluster-state=${state}`,
      '--snapshot-count=1000',
    ];
    const log = openSync(join(this.directory, `m${at}.log`), 'a');
    const child = spawn(command[0] ?? process.execPath, command.slice(1), {
      stdio: ['ignore', log, log],
      env: { ...process.env, VERIFY: '1', NODE_OPTIONS: '' },
    });
    closeSync(log);
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
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await ended;
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
      .hashKV({ revision }, { deadlineMs: 5_000 });
    return `${answer.hash}@${answer.compactRevision}`;
  }

  /** Waits until each member answers a linearizable read. */
  async healthy(deadlineMs = 20_000): Promise<void> {
    for (const [at, channel] of this.channels.entries()) {
      const kv = channel.client(KVDefinition);
      await waitFor(
        `member ${at} answers`,
        () =>
          kv.range(rangeOf('health'), { deadlineMs: 1_000 }).then(
            () => true,
            () => false,
          ),
        deadlineMs,
      );
    }
  }

  /** A disk that is lost: the member is removed and a new one takes its place, with nothing. */
  async replace(at: number): Promise<void> {
    // Without its id it could not be removed, and an empty disk under an old id may forget a vote.
    let id = 0n;
    await waitFor(`member ${at} says its id`, async () => {
      id = (await this.status(at))?.id ?? 0n;
      return id !== 0n;
    });
    await this.end(at);
    const other = this.#channel((at + 1) % this.count).client(ClusterDefinition);
    await retry('the member is removed', async () => {
      const { members } = await other.memberList({ linearizable: true }, { deadlineMs: 1_000 });
      if (!members.some((each) => each.ID === id)) return;
      await other.memberRemove({ ID: id }, { deadlineMs: 2_000 });
    });
    rmSync(join(this.directory, `m${at}`), { recursive: true, force: true });
    const url = `http://${this.#place(at).peer}`;
    await retry('the new member is added', async () => {
      const { members } = await other.memberList({ linearizable: true }, { deadlineMs: 1_000 });
      if (members.some((each) => each.peerURLs.includes(url))) return;
      await other.memberAdd({ peerURLs: [url], isLearner: false }, { deadlineMs: 2_000 });
    });
    this.startMember(at, 'existing');
  }

  async close(): Promise<void> {
    for (const channel of this.channels) channel.close();
    await Promise.all(this.places.map((_, at) => this.end(at)));
    this.network?.close();
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

/** A request for one key or a range, with etcd's defaults. */
export function rangeOf(key: string, options: { rangeEnd?: string; serializable?: boolean } = {}) {
  return {
    key: Buffer.from(key),
    rangeEnd: Buffer.from(options.rangeEnd ?? ''),
    limit: 0,
    revision: 0,
    sortOrder: 0 as const,
    sortTarget: 0 as const,
    serializable: options.serializable ?? false,
    keysOnly: false,
    countOnly: false,
    minModRevision: 0,
    maxModRevision: 0,
    minCreateRevision: 0,
    maxCreateRevision: 0,
  };
}
