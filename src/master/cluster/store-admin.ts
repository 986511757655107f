/** What joining and status need of the store; the etcd client gives it. */
export interface StoreMember {
  readonly id: bigint;
  readonly name: string;
  readonly peerUrls: readonly string[];
  readonly clientUrls: readonly string[];
  readonly learner: boolean;
}

/** What a member of the store says of itself. */
export interface StoreMemberStatus {
  readonly leader: bigint;
  readonly term: number;
  readonly raftIndex: number;
  readonly appliedIndex: number;
  readonly revision: number;
  readonly dbSizeBytes: number;
  readonly version: string;
  readonly errors: readonly string[];
}

/** What is done to the store's members. */
export interface StoreAdmin {
  memberList(): Promise<readonly StoreMember[]>;
  /** Adds a member that does not vote until it is promoted. */
  memberAddAsLearner(peerUrl: string): Promise<bigint>;
  memberPromote(id: bigint): Promise<void>;
  memberRemove(id: bigint): Promise<void>;
  /** Asks one member, by its client URL. */
  status(clientUrl: string, deadlineMs: number): Promise<StoreMemberStatus>;
}
