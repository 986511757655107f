import { describe, expect, test } from '@jest/globals';
import type { HashKV } from '../mvcc/types.js';
import { blameForCompaction, blameForLatest, differs } from './hash-compare.js';

const mine: HashKV = { hash: 7, compactRev: 3, hashRev: 10, rev: 10 };
const same = { hash: 7, compactRev: 3, rev: 10 };

test('hashes over different ranges say nothing', () => {
  expect(differs(mine, { id: 2n, ...same })).toBe(false);
  expect(differs(mine, { id: 2n, ...same, hash: 8 })).toBe(true);
  expect(differs(mine, { id: 2n, ...same, hash: 8, compactRev: 4 })).toBe(false);
});

describe('the latest revision', () => {
  const blame = (after: HashKV, ...peers: (typeof same)[]): bigint[] =>
    blameForLatest(1n, {
      before: mine,
      after,
      peers: peers.map((peer, at) => ({ id: BigInt(at + 2), ...peer })),
    });

  test('a follower with another hash is blamed, the leader is right', () => {
    expect(blame(mine, same, { ...same, hash: 8 })).toEqual([3n]);
  });

  test('a leader that contradicts itself is blamed', () => {
    expect(blame({ ...mine, hash: 9 }, same, same)).toEqual([1n]);
    expect(blame({ ...mine, hash: 9, hashRev: 11, rev: 11 }, same, same)).toEqual([]);
  });

  test('a follower may not be ahead of the leader, in revisions or compactions', () => {
    expect(blame(mine, { ...same, rev: 11 }, { ...same, compactRev: 4 })).toEqual([2n, 3n]);
    expect(blame({ ...mine, rev: 11 }, { ...same, rev: 11 }, same)).toEqual([]);
  });
});

describe('a compaction', () => {
  const check = (peerCount: number, ...hashes: number[]) =>
    blameForCompaction(1n, mine, {
      peerCount,
      peers: hashes.map((hash, at) => ({ ...same, id: BigInt(at + 2), hash })),
    });

  test('all agree', () => {
    expect(check(2, 7, 7)).toEqual({ blamed: [], complete: true });
    expect(check(2, 7)).toEqual({ blamed: [], complete: false });
  });

  test('the minority is blamed, the leader too', () => {
    expect(check(2, 7, 8)).toEqual({ blamed: [3n], complete: false });
    expect(check(2, 8, 8)).toEqual({ blamed: [1n], complete: false });
    expect(check(4, 7, 7, 8, 9)).toEqual({ blamed: [4n, 5n], complete: false });
  });

  test('without a majority all are', () => {
    expect(check(1, 8)).toEqual({ blamed: [0n], complete: false });
    expect(check(2, 8, 9)).toEqual({ blamed: [0n], complete: false });
    expect(check(2, 8)).toEqual({ blamed: [0n], complete: false });
  });

  test('an answer about another range does not count', () => {
    const other = [{ id: 2n, hash: 8, compactRev: 4, rev: 10 }];
    expect(blameForCompaction(1n, mine, { peerCount: 1, peers: other })).toEqual({
      blamed: [],
      complete: false,
    });
  });
});
