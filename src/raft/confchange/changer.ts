/**
 * Membership arithmetic: configuration and change in, new configuration out; nothing is touched (thesis 4, Raft §6).
 */
import { ConfChangeError } from '../errors.js';
import { confStateFromConfig } from '../tracker/tracker.js';
import type { TrackerConfig } from '../tracker/tracker.js';
import { noNode } from '../types.js';
import type { NodeId } from '../types.js';
import type { ConfChange, ConfChangeSingle, ConfChangeV2 } from './types.js';

interface Draft {
  readonly incoming: Set<NodeId>;
  readonly outgoing: ReadonlySet<NodeId>;
  readonly learners: Set<NodeId>;
  readonly learnersNext: Set<NodeId>;
}

/** The V2 form of either version. */
export function toConfChangeV2(change: ConfChange | ConfChangeV2): ConfChangeV2 {
  if (change.version === 2) return change;
  const { type, nodeId, context } = change;
  return { version: 2, transition: 'auto', changes: [{ type, nodeId }], context };
}

/** Tells whether the change asks to leave a joint configuration. */
export function leavesJoint(change: ConfChangeV2): boolean {
  return change.changes.length === 0 && change.transition === 'auto';
}

/** Tells whether the change goes through a joint configuration. */
function entersJoint(change: ConfChangeV2): boolean {
  return change.transition !== 'auto' || change.changes.length > 1;
}

/**
 * The configuration after `change`. @throws ConfChangeError where the change is impossible: joint within joint, leaving
 * without joint, no voter left.
 */
export function changeConfig(
  config: TrackerConfig,
  change: ConfChange | ConfChangeV2,
): TrackerConfig {
  const v2 = toConfChangeV2(change);
  if (leavesJoint(v2)) return leaveJoint(config);
  const changes = v2.changes.filter((single) => single.nodeId !== noNode);
  if (changes.length === 0 && v2.changes.length > 0) return config;
  if (entersJoint(v2)) return enterJoint(config, v2.transition !== 'jointExplicit', changes);
  return changeDirectly(config, changes);
}

function changeDirectly(
  config: TrackerConfig,
  changes: readonly ConfChangeSingle[],
): TrackerConfig {
  if (config.voters.outgoing.size > 0) {
    throw new ConfChangeError("can't apply simple config change in joint config");
  }
  const draft = draftOf(config, config.voters.outgoing);
  for (const change of changes) applySingle(draft, change);
  return finish(draft, false);
}

function enterJoint(
  config: TrackerConfig,
  autoLeave: boolean,
  changes: readonly ConfChangeSingle[],
): TrackerConfig {
  if (config.voters.outgoing.size > 0) throw new ConfChangeError('config is already joint');
  if (config.voters.incoming.size === 0) {
    throw new ConfChangeError("can't make a zero-voter config joint");
  }
  const draft = draftOf(config, config.voters.incoming);
  for (const change of changes) applySingle(draft, change);
  return finish(draft, autoLeave);
}

function leaveJoint(config: TrackerConfig): TrackerConfig {
  if (config.voters.outgoing.size === 0) {
    throw new ConfChangeError("can't leave a non-joint config");
  }
  return {
    voters: { incoming: config.voters.incoming, outgoing: new Set() },
    learners: new Set([...config.learners, ...config.learnersNext]),
    learnersNext: new Set(),
    autoLeave: false,
  };
}

function draftOf(config: TrackerConfig, outgoing: ReadonlySet<NodeId>): Draft {
  return {
    incoming: new Set(config.voters.incoming),
    outgoing,
    learners: new Set(config.learners),
    learnersNext: new Set(config.learnersNext),
  };
}

function applySingle(draft: Draft, { type, nodeId }: ConfChangeSingle): void {
  if (type === 'updateNode') return;
  const isMember =
    draft.incoming.has(nodeId) || draft.outgoing.has(nodeId) || draft.learners.has(nodeId);
  if (type === 'addNode') {
    draft.learners.delete(nodeId);
    draft.learnersNext.delete(nodeId);
    draft.incoming.add(nodeId);
    return;
  }
  if (!isMember && type === 'removeNode') return;
  draft.incoming.delete(nodeId);
  draft.learners.delete(nodeId);
  draft.learnersNext.delete(nodeId);
  if (type === 'removeNode') return;
  // A member that still votes in the outgoing half must not be a learner yet.
  if (draft.outgoing.has(nodeId)) draft.learnersNext.add(nodeId);
  else draft.learners.add(nodeId);
}

function finish(draft: Draft, autoLeave: boolean): TrackerConfig {
  if (draft.incoming.size === 0) throw new ConfChangeError('removed all voters');
  return {
    voters: { incoming: draft.incoming, outgoing: draft.outgoing },
    learners: draft.learners,
    learnersNext: draft.learnersNext,
    autoLeave,
  };
}

/** A configuration for people: `voters=(1 2)&&(2 3) learners=(4) autoleave`. */
export function describeConfig(config: TrackerConfig): string {
  const state = confStateFromConfig(config);
  const list = (ids: readonly NodeId[]): string => `(${ids.join(' ')})`;
  let text = `voters=${list(state.voters)}`;
  if (state.votersOutgoing.length > 0) text += `&&${list(state.votersOutgoing)}`;
  if (state.learners.length > 0) text += ` learners=${list(state.learners)}`;
  if (state.learnersNext.length > 0) text += ` learners_next=${list(state.learnersNext)}`;
  return state.autoLeave ? `${text} autoleave` : text;
}
