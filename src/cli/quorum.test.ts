import { expect, test } from '@jest/globals';
import { lostQuorum, quorumOf } from './quorum.js';
import { clusterStatus, member } from './testkit/cluster-status.js';

const down = { reachable: false } as const;

test.each([
  ['all answer', [member(1), member(2), member(3)], 0],
  ['one of three is down', [member(1), member(2), member(3, down)], 0],
  ['two of three are down', [member(1), member(2, down), member(3, down)], 1],
  ['one of two is down', [member(1), member(2, down)], 1],
  ['four of five are down', [member(1), ...[2, 3, 4, 5].map((n) => member(n, down))], 2],
  ['a learner is down', [member(1), member(2, { ...down, learner: true })], 0],
])('%s: %#', (_, members, missing) => {
  expect(quorumOf(clusterStatus({ members })).missing).toBe(missing);
});

test('a lost quorum says who is missing, and both ways out', () => {
  const members = [member(1), member(3, down), member(2, down)];
  expect(lostQuorum(clusterStatus({ members }))).toBe(
    '2 of 3 masters do not answer (master-2, master-3): nothing is read or written until one of them is back.\n' +
      'If they are lost for good, one that is left carries on alone: stop it, then trireme master recover',
  );
  expect(lostQuorum(clusterStatus({ members: members.slice(0, 1) }))).toBeUndefined();
});
