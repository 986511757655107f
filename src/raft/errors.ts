/** Operating errors of the core. Broken invariants are `InvariantError`s and end the process. */

/** Why a proposal went nowhere. */
export type DropReason =
  /** No leader is known; try again when `SoftState.leader` is set. */
  | 'noLeader'
  /** This member is no longer part of the configuration. */
  | 'removed'
  /** Leadership is being handed over; try again in an election timeout. */
  | 'transferring'
  /** `maxUncommittedBytes` is reached: the cluster takes less than it is asked to. */
  | 'uncommittedLimit'
  /** Another membership change is in the log and not applied yet. */
  | 'confChangePending'
  /** A membership change that is impossible: joint within joint, leaving without joint, no voter left. */
  | 'confChangeIllegal'
  /** A follower with `disableProposalForwarding`. */
  | 'forwardingDisabled'
  /** It was meant for the leader of another term. */
  | 'otherTerm';

/**
 * A proposal was not accepted and is not in any log: definite, may be tried again. For one that a follower forwarded
 * the reason comes back as MsgPropDropped, if at all: it may have been lost on the way.
 */
export class ProposalDroppedError extends Error {
  override readonly name = 'ProposalDroppedError';
  readonly code = 'ProposalDropped';
  readonly retryable = true;
  readonly definite = true;
  readonly reason: DropReason;

  constructor(reason: DropReason) {
    super(`raft proposal dropped: ${reason}`);
    this.reason = reason;
  }
}

/** Bytes of an entry or a configuration that do not decode, or a configuration change that makes no sense. */
export class ConfChangeError extends Error {
  override readonly name = 'ConfChangeError';
  readonly code = 'ConfChange';
  readonly retryable = false;
  readonly definite = true;
}
