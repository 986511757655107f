import { describe, expect, test } from '@jest/globals';
import { TestCluster } from './testkit/cluster.js';

const three = [1n, 2n, 3n];

describe('a member that abstains', () => {
  test('starts no election by time, by order or on the wish of its leader', () => {
    const { node } = new TestCluster({ voters: three }).get(1n);
    node.abstain(true);
    for (let ticks = 0; ticks < 100; ticks++) node.tick();
    node.campaign();
    node.campaignEarly();
    node.step({ type: 'MsgTimeoutNow', to: 1n, from: 2n, term: node.term });
    expect(node.role).toBe('follower');
    node.abstain(false);
    node.campaign();
    expect(node.role).toBe('preCandidate');
  });

  test('gives up a candidacy, and keeps its vote', () => {
    const { node } = new TestCluster({ voters: three, preVote: false }).get(1n);
    node.campaign();
    expect(node.role).toBe('candidate');
    const { term } = node;
    node.abstain(true);
    expect(node.status()).toMatchObject({ role: 'follower', term, vote: 1n, leader: 0n });
  });
});
