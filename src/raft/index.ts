/** The Raft core's public entry; README.md has the contract. */
export { emptyConfState, entrySizeBytes } from './types.js';
export type {
  ConfState,
  Entry,
  EntryType,
  HardState,
  LogGap,
  LogIndex,
  NodeId,
  Proposal,
  ReadState,
  Role,
  Snapshot,
  SnapshotMetadata,
  SoftState,
  Term,
} from './types.js';
export type {
  Message,
  MessageType,
  MsgApp,
  MsgAppResp,
  MsgHeartbeat,
  MsgHeartbeatResp,
  MsgPreVote,
  MsgPreVoteResp,
  MsgProp,
  MsgReadIndex,
  MsgPropDropped,
  MsgReadIndexResp,
  MsgSnap,
  MsgTimeoutNow,
  MsgTransferLeader,
  MsgVote,
  MsgVoteResp,
} from './messages.js';
export type { Storage } from './storage.js';
export { MemoryStorage } from './memory-storage.js';
export type { RaftConfig } from './config.js';
export type { ProgressStatus, RaftNode, Ready, Status } from './node-api.js';
export type { RaftEvent, VoteRefusal } from './events.js';
export { RawNode } from './raw-node.js';
export { ConfChangeError, ProposalDroppedError } from './errors.js';
export type { DropReason } from './errors.js';
export type {
  ConfChange,
  ConfChangeSingle,
  ConfChangeTransition,
  ConfChangeType,
  ConfChangeV2,
} from './confchange/types.js';
export { refusedConfChange } from './confchange/types.js';
export { decodeConfChange, encodeConfChange } from './confchange/codec.js';
export { quorumSize } from './quorum/majority.js';
