import type { MemberReport, WatchRequest } from '../../gen/telemetry.js';

/** A member of the store, as the etcd client lists it for joining and status. */
export interface StoreMember {
  readonly id: bigint;
  readonly name: string;
  readonly peerUrls: readonly string[];
  readonly clientUrls: readonly string[];
  readonly learner: boolean;
}

/** The status that a member of the store reports of itself. */
export interface StoreMemberStatus {
  readonly id: bigint;
  readonly leader: bigint;
  readonly term: number;
  readonly raftIndex: number;
  readonly appliedIndex: number;
  readonly revision: number;
  readonly dbSizeBytes: number;
  readonly version: string;
  readonly errors: readonly string[];
}

/** The operations on the store's membership. */
export interface StoreAdmin {
  memberList(): Promise<readonly StoreMember[]>;
  /** Adds a member that does not vote until it is promoted. */
  memberAddAsLearner(peerUrl: string): Promise<bigint>;
  memberPromote(id: bigint): Promise<void>;
  memberRemove(id: bigint): Promise<void>;
  /** Hands leadership over. @param clientUrl of the member that leads: no other one does it */
  moveLeader(clientUrl: string, target: bigint): Promise<void>;
  /** Asks one member, by its client URL. */
  status(clientUrl: string, deadlineMs: number): Promise<StoreMemberStatus>;
}

/** The reports of the store's members. */
export interface StoreTelemetry {
  /**
   * Yields the reports of one member, on a connection of its own; ends when `signal` aborts.
   * @throws GrpcError UNIMPLEMENTED where the store is a real etcd
   */
  watchTelemetry(
    clientUrl: string,
    request: WatchRequest,
    signal: AbortSignal,
  ): AsyncIterable<MemberReport>;
}
