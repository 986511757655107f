/** Commands that are inputs to one member. */
import type {
  ConfChangeSingle,
  ConfChangeTransition,
  ConfChangeType,
} from '../confchange/types.js';
import { clusterOf } from './commands-cluster.js';
import type { RawNode } from '../raw-node.js';
import type { Command, ScriptState } from './command.js';

const changeTypes: Readonly<Record<string, ConfChangeType>> = {
  '+': 'addNode',
  '-': 'removeNode',
  l: 'addLearnerNode',
  u: 'updateNode',
};

const transitions: Readonly<Record<string, ConfChangeTransition>> = {
  auto: 'auto',
  implicit: 'jointImplicit',
  explicit: 'jointExplicit',
};

function nodeOf(state: ScriptState, id = ''): RawNode {
  return clusterOf(state).get(BigInt(id)).node;
}

function singleOf(word: string): ConfChangeSingle {
  const type = changeTypes[word.charAt(0)];
  if (type === undefined) throw new Error(`no change: ${word}`);
  return { type, nodeId: BigInt(word.slice(1)) };
}

/** Commands by name; the first word is the member's id. */
export const inputCommands: Readonly<Record<string, Command>> = {
  /** tick ID [COUNT] */
  tick(state, [id, count = '1']) {
    for (let i = 0; i < Number(count); i++) nodeOf(state, id).tick();
  },

  campaign(state, [id]) {
    nodeOf(state, id).campaign();
  },

  /** campaign-early ID: as a member that has just started and reaches a quorum */
  'campaign-early'(state, [id]) {
    nodeOf(state, id).campaignEarly();
  },

  /** propose ID DATA… */
  propose(state, [id, ...data]) {
    for (const text of data) nodeOf(state, id).propose(new TextEncoder().encode(text));
  },

  /** conf-change ID auto|implicit|explicit [+N|-N|lN]… */
  'conf-change'(state, [id, how = 'auto', ...words]) {
    const transition = transitions[how] ?? 'auto';
    const changes = words.map(singleOf);
    const context = new Uint8Array(0);
    nodeOf(state, id).proposeConfChange({ version: 2, transition, changes, context });
  },

  /** read ID NAME */
  read(state, [id, name = '']) {
    const taken = nodeOf(state, id).readIndex(new TextEncoder().encode(name));
    return taken ? [] : ['dropped'];
  },

  /** transfer ID TO */
  transfer(state, [id, to = '']) {
    nodeOf(state, id).transferLeader(BigInt(to));
  },

  /** lost ID LEADER: the connection to the leader broke */
  lost(state, [id, leader = '']) {
    nodeOf(state, id).leaderConnectionLost(BigInt(leader));
  },

  /** unreachable ID OTHER */
  unreachable(state, [id, other = '']) {
    nodeOf(state, id).reportUnreachable(BigInt(other));
  },

  /** snapshot-report ID OTHER finished|failed */
  'snapshot-report'(state, [id, other = '', status]) {
    nodeOf(state, id).reportSnapshot(BigInt(other), status === 'failed' ? 'failed' : 'finished');
  },
};
