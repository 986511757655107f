/** The Raft core's public entry. */
export * from './types.js';
export type * from './messages.js';
export type { Storage } from './storage.js';
export type { RaftConfig } from './config.js';
export type { ProgressStatus, RaftNode, Ready, Status } from './node-api.js';
export { ConfChangeError, ProposalDroppedError } from './errors.js';
export type { DropReason } from './errors.js';
export type * from './confchange/types.js';
export { emptyConfChange } from './confchange/types.js';
