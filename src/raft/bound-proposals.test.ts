/** Forwarded proposals belong to one term: only its leader appends them. */
import { expect, test } from '@jest/globals';
import type { MsgProp } from './messages.js';
import { TestCluster } from './testkit/cluster.js';
import type { Term } from './types.js';

const entries = [{ type: 'normal', data: Buffer.from('x') }] as const;

const forwarded = (onlyInTerm: Term): MsgProp => {
  return { type: 'MsgProp', to: 1n, from: 2n, term: 0, onlyInTerm, entries };
};

test('a follower names the term of the leader that it forwards to', () => {
  const cluster = new TestCluster({ voters: [1n, 2n, 3n] });
  cluster.elect(1n);
  const { node } = cluster.get(2n);
  node.proposeBatch(entries);
  const sent = node.ready().messages.filter(({ type }) => type === 'MsgProp');
  expect(sent).toMatchObject([{ to: 1n, onlyInTerm: node.term }]);
});

test('a leader takes proposals of its term and of builds that name none, and no others', () => {
  const cluster = new TestCluster({ voters: [1n, 2n, 3n] });
  cluster.elect(1n);
  const { node } = cluster.get(1n);
  const before = node.lastIndex;
  expect(node.step(forwarded(node.term))).toBeUndefined();
  expect(node.step(forwarded(0))).toBeUndefined();
  expect(node.lastIndex).toBe(before + 2);
  expect(node.step(forwarded(node.term - 1))).toBe('otherTerm');
  expect(node.step(forwarded(node.term + 1))).toBe('otherTerm');
  expect(node.lastIndex).toBe(before + 2);
});

test('a follower passes on nothing that belongs to another term', () => {
  const cluster = new TestCluster({ voters: [1n, 2n, 3n] });
  cluster.elect(3n);
  const { node } = cluster.get(1n);
  expect(node.step(forwarded(node.term - 1))).toBe('otherTerm');
  expect(node.hasReady()).toBe(false);
});
