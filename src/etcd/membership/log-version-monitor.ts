import type { EntryKind } from '../apply/entry.js';

/** The member whose cluster agrees on a log version. */
export interface LogVersionHost {
  readonly isLeader: boolean;
  readonly memberId: bigint;
  readonly membership: { readonly members: readonly { readonly id: bigint }[] };
  readonly logVersion: { readonly agreed: number };
  readonly entryFormat: {
    /** The newest log version that this member knows. */
    readonly version: number;
    allows(kind: EntryKind, agreed: number): boolean;
  };
  readonly peers: {
    /** The newest log version that a member knows; undefined while it has no stream to this one. */
    logVersionOf(id: bigint): number | undefined;
  };
  proposeAsLeader(kind: EntryKind, payload: Uint8Array, request: unknown): Promise<unknown>;
}

/**
 * On the leader: raises the cluster's log version to the lowest among all members, voters and learners, once each has
 * told its own (etcd: monitorVersions). While a member is away nothing is raised.
 */
export class LogVersionMonitor {
  readonly #host: LogVersionHost;
  #isProposing = false;

  constructor(host: LogVersionHost) {
    this.#host = host;
  }

  /** Once a tick. */
  tick(): void {
    const host = this.#host;
    if (!host.isLeader || this.#isProposing) return;
    const { agreed } = host.logVersion;
    if (host.entryFormat.version <= agreed) return;
    const lowest = this.#lowest();
    if (lowest <= agreed || !host.entryFormat.allows('logVersion', lowest)) return;
    this.#isProposing = true;
    const payload = Buffer.from(String(lowest));
    // A failed proposal is made again at the next tick.
    host
      .proposeAsLeader('logVersion', payload, lowest)
      .catch(() => undefined)
      .finally(() => {
        this.#isProposing = false;
      });
  }

  /** 0 where some member has not told its version. */
  #lowest(): number {
    const { memberId, membership, entryFormat, peers } = this.#host;
    const versions = membership.members.map(({ id }) =>
      id === memberId ? entryFormat.version : (peers.logVersionOf(id) ?? 0),
    );
    return Math.min(...versions);
  }
}
