/** Entries and messages as short stable text for golden scripts. */
import { assertNever } from '../../lib/assert.js';
import { decodeConfChange } from '../confchange/codec.js';
import type { ConfChange, ConfChangeV2 } from '../confchange/types.js';
import type { Message } from '../messages.js';
import type { Entry, Proposal } from '../types.js';

const signs = { addNode: '+', removeNode: '-', updateNode: 'u', addLearnerNode: 'l' } as const;

function describeChange(change: ConfChange | ConfChangeV2): string {
  if (change.version === 1) return `${signs[change.type]}${change.nodeId}`;
  const parts = change.changes.map(({ type, nodeId }) => `${signs[type]}${nodeId}`);
  return parts.length === 0 ? 'leave-joint' : `${change.transition} ${parts.join(' ')}`;
}

function describeData(proposal: Proposal): string {
  if (proposal.type !== 'normal') return `[${describeChange(decodeConfChange(proposal))}]`;
  return JSON.stringify(Buffer.from(proposal.data).toString());
}

/** `3/7 "data"`: term, index, data. */
export function describeEntry(entry: Entry): string {
  return `${entry.term}/${entry.index} ${describeData(entry)}`;
}

/** `1->2 MsgApp term=3 after 3/7 commit=6 [3/8 "x"]`. */
export function describeMessage(m: Message): string {
  const head = `${m.from}->${m.to} ${m.type} term=${m.term}`;
  switch (m.type) {
    case 'MsgPropDropped':
      return `${head} ${m.entries.map(describeData).join(' ')}`;
    case 'MsgProp':
      return `${head} only in ${m.onlyInTerm} ${m.entries.map(describeData).join(' ')}`;
    case 'MsgApp': {
      const entries = m.entries.map(describeEntry).join(', ');
      const quiet = m.quiet ? ' quiet' : '';
      return `${head} after ${m.logTerm}/${m.index} commit=${m.commit} [${entries}]${quiet}`;
    }
    case 'MsgAppResp':
      return m.reject
        ? `${head} rejected ${m.index}, hint ${m.logTerm}/${m.rejectHint}`
        : `${head} match=${m.index}`;
    case 'MsgVote':
    case 'MsgPreVote': {
      const transfer = m.transfer ? ' transfer' : '';
      return `${head} last ${m.logTerm}/${m.index} commit=${m.commit}${transfer}`;
    }
    case 'MsgVoteResp':
    case 'MsgPreVoteResp':
      return `${head} ${m.reject ? 'refused' : 'granted'} commit=${m.commit}`;
    case 'MsgSnap':
      return `${head} snapshot ${m.snapshot.metadata.term}/${m.snapshot.metadata.index}`;
    case 'MsgHeartbeat':
      return `${head} commit=${m.commit} round=${m.round}`;
    case 'MsgHeartbeatResp':
      return `${head} round=${m.round}`;
    case 'MsgTimeoutNow':
      return head;
    case 'MsgTransferLeader':
      return `${head} to ${m.transferee}`;
    case 'MsgReadIndex':
      return `${head} ${Buffer.from(m.context).toString()}`;
    case 'MsgReadIndexResp':
      return `${head} ${Buffer.from(m.context).toString()} at ${m.index}`;
    default:
      return assertNever(m, 'message');
  }
}
