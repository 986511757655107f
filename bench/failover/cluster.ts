/** Three members of one program, one of which may be killed, stopped or paused at any time. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { delay, systemClock } from '../../src/lib/clock.js';
import { createGrpcChannel } from '../../src/lib/grpc/index.js';
import type { Channel } from '../../src/lib/grpc/index.js';
import { silentLogger } from '../../src/lib/log.js';
import { MaintenanceDefinition } from '../../src/gen/etcd/rpc.js';
import { freePorts, MemberProcess, waitFor } from '../../test/cluster/etcd-processes.js';

const clock = systemClock();

/** A program that is compared. */
export interface Side {
  readonly name: 'ours' | 'etcd';
  /** The words before the flags. */
  readonly program: (at: number) => readonly string[];
}

export const ours: Side = {
  name: 'ours',
  program: () => [process.execPath, 'bin/trireme', 'etcd'],
};
export const theirs: Side = { name: 'etcd', program: () => ['etcd'] };

interface MemberStatus {
  readonly id: bigint;
  readonly leader: bigint;
  readonly term: number;
  readonly applied: number;
}

export class FailoverCluster {
  readonly side: Side;
  readonly channels: readonly Channel[];
  readonly #directory: string;
  readonly #members: readonly MemberProcess[];

  private constructor(side: Side, directory: string, members: readonly MemberProcess[]) {
    this.side = side;
    this.#directory = directory;
    this.#members = members;
    this.channels = members.map((member) => this.#connect(member));
  }

  #connect(member: MemberProcess): Channel {
    const target = new URL(member.clientUrl).host;
    return createGrpcChannel({ target, log: silentLogger, connectTimeoutMs: 200 });
  }

  static async start(side: Side): Promise<FailoverCluster> {
    const directory = mkdtempSync(join(tmpdir(), 'failover-'));
    const ports = await freePorts(6);
    const members = [0, 1, 2].map((at) => {
      const [clientPort = 0, peerPort = 0] = ports.slice(2 * at);
      const program = side.program(at);
      return new MemberProcess({ name: `m${at}`, clientPort, peerPort, directory, program });
    });
    const cluster = new FailoverCluster(side, directory, members);
    for (const at of members.keys()) cluster.startMember(at);
    await cluster.settled();
    return cluster;
  }

  member(at: number): MemberProcess {
    const member = this.#members[at];
    if (member === undefined) throw new RangeError(`there is no member ${at}`);
    return member;
  }

  startMember(at: number): void {
    const all = this.#members.map((member) => `${member.name}=${member.peerUrl}`).join(',');
    this.member(at).start(all);
  }

  /** A further connection to a member. */
  connect(at: number): Channel {
    return this.#connect(this.member(at));
  }

  async status(at: number): Promise<MemberStatus | undefined> {
    const client = this.channels[at]?.client(MaintenanceDefinition);
    try {
      const answer = await client?.status({}, { deadlineMs: 1_000 });
      if (answer === undefined) return undefined;
      const { leader, raftTerm, raftAppliedIndex } = answer;
      return {
        id: answer.header?.memberId ?? 0n,
        leader,
        term: raftTerm,
        applied: raftAppliedIndex,
      };
    } catch {
      return undefined;
    }
  }

  /**
   * All members follow one leader and have applied the same; and some time has passed since.
   * @returns who leads, in which term
   */
  async settled(): Promise<{ readonly leader: number; readonly term: number }> {
    let found = { leader: -1, term: 0 };
    const agreed = async (): Promise<boolean> => {
      const all = await Promise.all(this.#members.map((_, at) => this.status(at)));
      const [first] = all;
      const leader = all.findIndex((each) => each !== undefined && each.id === first?.leader);
      found = { leader, term: first?.term ?? 0 };
      return (
        leader >= 0 &&
        all.every((each) => each?.leader === first?.leader && each?.applied === first?.applied)
      );
    };
    await waitFor(`${this.side.name} settles`, agreed, 60_000);
    // Longer than an election timeout, so that nothing of the last round is left over.
    await delay(clock, 1_200);
    await waitFor(`${this.side.name} settles`, agreed, 60_000);
    return found;
  }

  async close(): Promise<void> {
    for (const channel of this.channels) channel.close();
    await Promise.all(this.#members.map((member) => member.stop()));
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
