import { Code, GrpcError } from '../../../lib/grpc/index.js';
import type { MemberReport, WatchRequest } from '../../../gen/telemetry.js';
import type { StoreAdmin, StoreMember, StoreMemberStatus, StoreTelemetry } from '../store-admin.js';

/** The members of a store in memory, which a test may change at will. */
export class FakeStore implements StoreAdmin, StoreTelemetry {
  members: StoreMember[] = [];
  /** The calls made, in order. */
  readonly calls: string[] = [];
  /** The message by which the next addition is refused. */
  refusal: string | undefined;
  leader = 1n;
  /** Of members that do not answer. */
  readonly silent = new Set<string>();
  /** The requests for members' telemetry, and the answer of each member, by its URL. */
  readonly watched: WatchRequest[] = [];
  telemetry: (clientUrl: string, signal: AbortSignal) => AsyncIterable<MemberReport> = () => {
    throw new GrpcError(Code.Unimplemented, 'unknown service');
  };
  #nextId = 100n;

  /** A member that has started and votes. */
  add(n: number): void {
    this.members.push({
      id: BigInt(n),
      name: `m${n}`,
      peerUrls: [`https://10.0.0.${n}:2380`],
      clientUrls: [`https://10.0.0.${n}:2379`],
      learner: false,
    });
  }

  async memberList(): Promise<readonly StoreMember[]> {
    return [...this.members];
  }

  async memberAddAsLearner(peerUrl: string): Promise<bigint> {
    this.calls.push(`add ${peerUrl}`);
    if (this.refusal !== undefined) throw new GrpcError(Code.FailedPrecondition, this.refusal);
    const id = this.#nextId++;
    this.members.push({ id, name: '', peerUrls: [peerUrl], clientUrls: [], learner: true });
    return id;
  }

  async memberPromote(id: bigint): Promise<void> {
    this.calls.push(`promote ${id}`);
  }

  async memberRemove(id: bigint): Promise<void> {
    this.calls.push(`remove ${id}`);
    this.members = this.members.filter((member) => member.id !== id);
  }

  async moveLeader(clientUrl: string, target: bigint): Promise<void> {
    this.calls.push(`move ${clientUrl} ${target}`);
    this.leader = target;
  }

  watchTelemetry(
    clientUrl: string,
    request: WatchRequest,
    signal: AbortSignal,
  ): AsyncIterable<MemberReport> {
    this.watched.push(request);
    return this.telemetry(clientUrl, signal);
  }

  async status(clientUrl: string): Promise<StoreMemberStatus> {
    if (this.silent.has(clientUrl)) throw new GrpcError(Code.Unavailable, 'it is silent');
    return {
      id: this.members.find(({ clientUrls }) => clientUrls.includes(clientUrl))?.id ?? 0n,
      leader: this.leader,
      term: 3,
      raftIndex: 20,
      appliedIndex: 19,
      revision: 7,
      dbSizeBytes: 4096,
      version: '3.5.0',
      errors: [],
    };
  }
}
