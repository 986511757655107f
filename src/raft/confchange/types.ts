/** Membership changes as data; names as in raftpb. */
import { noNode } from '../types.js';
import type { NodeId } from '../types.js';

/**
 * The change of one node. `updateNode` changes nothing here: it carries a context (new addresses) through the log.
 */
export type ConfChangeType = 'addNode' | 'removeNode' | 'updateNode' | 'addLearnerNode';

/** One step of a change. Promotion is `addNode` of a learner, demotion `addLearnerNode` of a voter. */
export interface ConfChangeSingle {
  readonly type: ConfChangeType;
  readonly nodeId: NodeId;
}

/**
 * The way of a change. `auto`: directly where one voter changes, else through a joint configuration that is left by
 * itself.
 * `jointImplicit`: always joint, left by itself. `jointExplicit`: always joint, left by proposing `emptyConfChange`.
 */
export type ConfChangeTransition = 'auto' | 'jointImplicit' | 'jointExplicit';

/** The old form: one change, never joint. Travels as an entry of type `confChange`. */
export interface ConfChange {
  readonly version: 1;
  /** For the application. */
  readonly id: bigint;
  readonly type: ConfChangeType;
  readonly nodeId: NodeId;
  readonly context: Uint8Array;
}

/** Any number of changes. No changes: leave the joint configuration. Travels as an entry of type `confChangeV2`. */
export interface ConfChangeV2 {
  readonly version: 2;
  readonly transition: ConfChangeTransition;
  readonly changes: readonly ConfChangeSingle[];
  readonly context: Uint8Array;
}

/** Leaves a joint configuration. */
export const emptyConfChange: ConfChangeV2 = {
  version: 2,
  transition: 'auto',
  changes: [],
  context: new Uint8Array(0),
};

/** Changes nothing: what to apply instead of a committed change that the application refuses. */
export const refusedConfChange: ConfChangeV2 = {
  ...emptyConfChange,
  changes: [{ type: 'updateNode', nodeId: noNode }],
};
