import { describe, expect, test } from '@jest/globals';
import { Prng } from '../../lib/prng.js';
import type { NodeId } from '../types.js';
import { jointReached, jointVote } from './joint.js';
import { majorityReached, majorityVote } from './majority.js';
import { mustEqual } from '../../lib/testkit/must-equal.js';

/** A second, naive implementation: the largest value for which enough voters have at least as much. */
function naiveReached(values: readonly number[]): number {
  const reached = values.filter(
    (value) => values.filter((other) => other >= value).length > values.length / 2,
  );
  return values.length === 0 ? Infinity : Math.max(...reached);
}

describe('majorityReached', () => {
  test.each([
    [[], Infinity],
    [[5], 5],
    [[5, 7], 5],
    [[1, 2, 3], 2],
    [[0, 0, 9], 0],
    [[4, 3, 2, 1], 2],
    [[9, 1, 8, 2, 7], 7],
  ])('of %j is %d', (values, reached) => {
    expect(majorityReached([...values])).toBe(reached);
  });

  test('agrees with a naive implementation', () => {
    const prng = new Prng(1);
    for (let round = 0; round < 20_000; round++) {
      const draw = (): number[] => Array.from({ length: prng.below(8) }, () => prng.below(10));
      const [incoming, outgoing] = [draw(), draw()];
      const expected = Math.min(naiveReached(incoming), naiveReached(outgoing));
      mustEqual(jointReached([...incoming], [...outgoing]), expected);
    }
  });
});

describe('votes', () => {
  const ids = (count: number): Set<NodeId> =>
    new Set(Array.from({ length: count }, (_unused, i) => BigInt(i + 1)));

  test.each([
    [0, [], 'won'],
    [1, [], 'pending'],
    [1, [true], 'won'],
    [1, [false], 'lost'],
    [2, [true], 'pending'],
    [2, [true, false], 'lost'],
    [3, [true, true], 'won'],
    [3, [true, false], 'pending'],
    [3, [false, false], 'lost'],
    [5, [true, true, false, false], 'pending'],
  ])('of %d voters with %j: %s', (count, votes, result) => {
    const map = new Map(votes.map((vote, i) => [BigInt(i + 1), vote]));
    expect(majorityVote(ids(count), map)).toBe(result);
  });

  test('a joint vote is won in both halves and lost in either', () => {
    const prng = new Prng(2);
    for (let round = 0; round < 5000; round++) {
      const some = (): Set<NodeId> => new Set([...ids(6)].filter(() => prng.below(2) === 0));
      const voters = { incoming: some(), outgoing: some() };
      const votes = new Map<NodeId, boolean>();
      for (const id of some()) votes.set(id, prng.below(2) === 0);
      const halves = [majorityVote(voters.incoming, votes), majorityVote(voters.outgoing, votes)];
      let expected = 'pending';
      if (halves.includes('lost')) expected = 'lost';
      else if (!halves.includes('pending')) expected = 'won';
      expect(jointVote(voters, votes)).toBe(expected);
    }
  });
});
