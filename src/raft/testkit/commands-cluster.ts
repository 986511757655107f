/** Commands that make a cluster, let its parts work and show its state. */
import { mustExist } from '../../lib/assert.js';
import { TestCluster } from './cluster.js';
import { describeEntry, describeMessage } from './describe.js';
import type { Command, ScriptState } from './command.js';

/** The cluster that `new` has made. */
export function clusterOf(state: ScriptState): TestCluster {
  return mustExist(state.cluster, 'cluster: start with "new"');
}

/** `1,2,3` as ids; nothing as no ids. */
export function idsOf(word: string | undefined): bigint[] {
  return word === undefined || word === '' ? [] : word.split(',').map(BigInt);
}

/** Commands by name. */
export const clusterCommands: Readonly<Record<string, Command>> = {
  /** new VOTERS [LEARNERS] */
  new(state, [voters, learners]) {
    const options = { voters: idsOf(voters), learners: idsOf(learners), connectionLostTicks: 0 };
    state.cluster = new TestCluster(options);
    state.cluster.lines = [];
  },

  /** add ID: a member with an empty disk */
  add(state, [id = '']) {
    clusterOf(state).add(BigInt(id));
  },

  /** ready ID: one Ready */
  ready(state, [id = '']) {
    clusterOf(state).handleReady(BigInt(id));
  },

  deliver(state) {
    clusterOf(state).deliver();
  },

  stabilize(state) {
    clusterOf(state).stabilize();
  },

  /** quiet: everything happens that wants to; what it prints is of no interest */
  quiet(state) {
    const cluster = clusterOf(state);
    cluster.stabilize();
    cluster.lines = [];
  },

  /** isolate IDS: nothing gets to or from them; without ids everything gets through again */
  isolate(state, [word]) {
    const ids = idsOf(word);
    clusterOf(state).loses = ({ from, to }) => ids.includes(from) || ids.includes(to);
  },

  /** inbox: what is under way */
  inbox(state) {
    return clusterOf(state).inbox.map(describeMessage);
  },

  /** compact ID INDEX: snapshot there, log truncated behind it */
  compact(state, [id = '', index = '']) {
    const { storage, confState } = clusterOf(state).get(BigInt(id));
    storage.createSnapshot(Number(index), confState, new Uint8Array(0));
    storage.truncateTo(Number(index));
  },

  /** log ID */
  log(state, [id = '']) {
    const { storage } = clusterOf(state).get(BigInt(id));
    const all = storage.entries(storage.firstIndex(), storage.lastIndex() + 1, Infinity);
    return typeof all === 'string' ? [all] : all.map(describeEntry);
  },

  /** status ID */
  status(state, [id = '']) {
    const status = clusterOf(state).get(BigInt(id)).node.status();
    const { role, term, leader, commit, applied, lastIndex } = status;
    const head = `${role} term=${term} leader=${leader} commit=${commit} applied=${applied}`;
    const members = status.progress.map(
      (member) =>
        `${member.id}: ${member.state} match=${member.match} next=${member.next}` +
        (member.paused ? ' paused' : '') +
        (member.isLearner ? ' learner' : '') +
        (member.recentActive ? '' : ' inactive'),
    );
    return [`${head} last=${lastIndex}`, ...members];
  },
};
