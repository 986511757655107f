/**
 * Membership changes in the simulation: adding, removing, promoting, demoting, one by one and through joint
 * configurations.
 */
import type { Prng } from '../../src/lib/prng.js';
import { emptyConfChange } from '../../src/raft/confchange/types.js';
import type { ConfChangeSingle, ConfChangeV2 } from '../../src/raft/index.js';
import type { RaftCluster } from './raft-cluster.js';

/** Proposes a random change at the leader; a new member is switched on first, with an empty disk. */
export function drawMembershipChange(cluster: RaftCluster, prng: Prng): void {
  const leader = cluster.leader();
  if (leader?.node === undefined) return;
  const { confState } = leader.node.status();
  if (confState.votersOutgoing.length > 0) {
    leaveIfJoint(cluster);
    return;
  }
  const changes: ConfChangeSingle[] = [];
  const count = prng.pick([1, 1, 2, 3]);
  for (let i = 0; i < count; i++) changes.push(drawSingle(cluster, prng));
  const transition = prng.pick(['auto', 'auto', 'jointImplicit', 'jointExplicit'] as const);
  const change: ConfChangeV2 = { version: 2, transition, changes, context: new Uint8Array(0) };
  for (const { type, nodeId } of changes) {
    const member = cluster.members[Number(nodeId) - 1];
    const isNew = type !== 'removeNode' && member?.node === undefined;
    if (isNew && member?.storage.lastIndex() === 0) member.start(cluster.now);
  }
  const { node } = leader;
  cluster.attempt(() => {
    const [single] = changes;
    if (changes.length === 1 && single !== undefined && prng.below(2) === 0) {
      const context = new Uint8Array(0);
      node.proposeConfChange({ version: 1, id: 1n, ...single, context });
    } else {
      node.proposeConfChange(change);
    }
  });
}

function drawSingle(cluster: RaftCluster, prng: Prng): ConfChangeSingle {
  const nodeId = prng.pick(cluster.members).id;
  const type = prng.pick([
    'addNode',
    'addNode',
    'addNode',
    'addLearnerNode',
    'removeNode',
  ] as const);
  return { type, nodeId };
}

/** Leaves a joint configuration that does not leave by itself. */
export function leaveIfJoint(cluster: RaftCluster): void {
  const node = cluster.leader()?.node;
  if (node === undefined || node.status().confState.votersOutgoing.length === 0) return;
  cluster.attempt(() => node.proposeConfChange(emptyConfChange));
}
