/** Options of a node, their defaults and their relations. */
import { assert } from '../lib/assert.js';
import type { Prng } from '../lib/prng.js';
import type { RaftEvent } from './events.js';
import type { Storage } from './storage.js';
import { noNode } from './types.js';
import type { LogIndex, NodeId } from './types.js';

/** The settings of a node. Sizes are bytes as `entrySizeBytes` counts them; times are ticks. */
export interface RaftConfig {
  readonly id: NodeId;
  readonly storage: Storage;
  /** Seeded differently on each member: it draws the election timeouts. */
  readonly prng: Prng;
  /**
   * A follower campaigns after electionTicks..2*electionTicks-1 ticks without a word from the leader. > heartbeatTicks
   */
  readonly electionTicks: number;
  /** The leader's heartbeat interval. >= 1 */
  readonly heartbeatTicks: number;
  /** The state machine's applied index at start; entries up to here are not handed out again. @default 0 */
  readonly applied?: LogIndex;
  /** @default 1 MiB: entries per MsgApp */
  readonly maxSizePerMsg?: number;
  /** Committed entries handed out and not yet reported by `appliedTo`. @default 16 MiB */
  readonly maxApplyingBytes?: number;
  /** Entries in the leader's log that are not committed yet; more are refused. @default 64 MiB */
  readonly maxUncommittedBytes?: number;
  /** MsgApps with entries on their way to one follower. @default 256 */
  readonly maxInflightMsgs?: number;
  /** Bytes of entries on their way to one follower. @default 16 MiB; >= maxSizePerMsg */
  readonly maxInflightBytes?: number;
  /** Reads that wait for confirmation; more are dropped. @default 16384 */
  readonly maxPendingReads?: number;
  /** Ask before disturbing (thesis 9.6). @default true */
  readonly preVote?: boolean;
  /**
   * A leader without a quorum steps down; members that hear a leader refuse votes (thesis 6.2, 4.2.3).
   * @default true
   */
  readonly checkQuorum?: boolean;
  /**
   * `safe`: a quorum confirms each round of reads. `lease`: the leader answers alone while a quorum's last confirmation
   * is younger than electionTicks - leaseMarginTicks; needs checkQuorum, clocks of nearly equal pace, and the same
   * setting on all members, because it makes every member ignore `leaderConnectionLost`. @default 'safe'
   */
  readonly readMode?: 'safe' | 'lease';
  /** @default max(2, electionTicks / 5) */
  readonly leaseMarginTicks?: number;
  /** Followers refuse proposals instead of passing them on. @default false */
  readonly disableProposalForwarding?: boolean;
  /** After `leaderConnectionLost` the member asks for pre-votes within 0..n ticks. @default 1 */
  readonly connectionLostTicks?: number;
  /** A leader that is no voter any more becomes a follower when it applies that. @default true */
  readonly stepDownOnRemoval?: boolean;
  /**
   * Committed entries may be handed out before this member's own disk has them. Faster where the leader's disk is the
   * slow one; the state machine must then not become durable before the log. @default false
   */
  readonly applyUnstable?: boolean;
  /** Gets a line for each change of role, vote or configuration; for tests and debug logs. */
  readonly trace?: (line: string) => void;
  /** Is told of each transition when it happens; must not call the node. */
  readonly onEvent?: (event: RaftEvent) => void;
}

/** A configuration with every default filled in. */
export type FullRaftConfig = Required<Omit<RaftConfig, 'trace' | 'onEvent'>> &
  Pick<RaftConfig, 'trace' | 'onEvent'>;

const mib = 1024 * 1024;

/** Fills in defaults and asserts the relations between options. @throws InvariantError on a nonsensical one. */
export function completeConfig(config: RaftConfig): FullRaftConfig {
  const full: FullRaftConfig = {
    applied: 0,
    maxSizePerMsg: mib,
    maxApplyingBytes: 16 * mib,
    maxUncommittedBytes: 64 * mib,
    maxInflightMsgs: 256,
    maxInflightBytes: 16 * mib,
    maxPendingReads: 16_384,
    preVote: true,
    checkQuorum: true,
    readMode: 'safe',
    leaseMarginTicks: Math.max(2, Math.ceil(config.electionTicks / 5)),
    disableProposalForwarding: false,
    connectionLostTicks: 1,
    stepDownOnRemoval: true,
    applyUnstable: false,
    ...config,
  };
  assert(full.id !== noNode, 'a node has an id');
  assert(full.heartbeatTicks >= 1, 'heartbeatTicks >= 1');
  assert(full.electionTicks > full.heartbeatTicks, 'electionTicks > heartbeatTicks');
  assert(full.maxInflightMsgs >= 1, 'maxInflightMsgs >= 1');
  assert(full.maxInflightBytes >= full.maxSizePerMsg, 'maxInflightBytes >= maxSizePerMsg');
  assert(full.connectionLostTicks >= 0, 'connectionLostTicks >= 0');
  assert(full.readMode === 'safe' || full.checkQuorum, 'lease reads need checkQuorum');
  assert(full.leaseMarginTicks >= 1, 'leaseMarginTicks >= 1');
  return full;
}
