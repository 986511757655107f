import { describe, expect, test } from '@jest/globals';
import { RaftLog } from './log.js';
import { MemoryStorage } from './memory-storage.js';
import { emptyConfState } from './types.js';
import type { Entry } from './types.js';

const options = { maxApplyingBytes: 1000, applyUnstable: false };

function entries(first: number, ...terms: number[]): Entry[] {
  return terms.map((term, i) => ({
    term,
    index: first + i,
    type: 'normal',
    data: new Uint8Array([term]),
  }));
}

function logOf(...terms: number[]): RaftLog {
  const storage = new MemoryStorage();
  storage.append(entries(1, ...terms));
  return new RaftLog(storage, options);
}

describe('RaftLog', () => {
  test.each([
    // index, term, entries after -> last, or undefined
    [3, 3, [], 3],
    [3, 2, [], undefined],
    [4, 3, [], undefined],
    [3, 3, [4, 4], 5],
    [1, 1, [2, 3], 3],
    [1, 1, [2, 4], 3],
    [0, 0, [1], 1],
  ])('append after (%d, %d) of terms %j: %p', (index, term, terms, last) => {
    const log = logOf(1, 2, 3);
    expect(log.maybeAppend({ index, term }, entries(index + 1, ...terms), 0)).toBe(last);
    terms.forEach((expected, i) => expect(log.term(index + 1 + i)).toBe(expected));
  });

  test('an old append takes nothing back', () => {
    const log = logOf(1, 2, 3);
    log.maybeAppend({ index: 0, term: 0 }, entries(1, 1), 0);
    expect(log.lastIndex()).toBe(3);
  });

  test('a committed entry never changes', () => {
    const log = logOf(1, 2, 3);
    log.commitTo(3);
    expect(() => log.maybeAppend({ index: 1, term: 1 }, entries(2, 4), 0)).toThrow('never changes');
  });

  test('commit goes no further than what the append has shown to match', () => {
    const log = logOf(1, 2, 3);
    log.maybeAppend({ index: 1, term: 1 }, [], 3);
    expect(log.committed).toBe(1);
  });

  test('conflict by term skips later terms', () => {
    const log = logOf(1, 1, 2, 2, 5, 5);
    expect(log.findConflictByTerm(6, 4)).toEqual({ index: 4, term: 2 });
    expect(log.findConflictByTerm(3, 1)).toEqual({ index: 2, term: 1 });
    expect(log.findConflictByTerm(3, 0)).toEqual({ index: 0, term: 0 });
  });

  test('entries apply when committed and durable', () => {
    const log = logOf();
    log.append(entries(1, 1, 1, 1));
    log.takeUnstable(1);
    log.commitTo(2);
    expect(log.hasNextCommitted()).toBe(false);
    (log.storage as MemoryStorage).append(entries(1, 1, 1, 1));
    log.writeDone(1);
    expect(log.takeCommitted().map((entry) => entry.index)).toEqual([1, 2]);
    expect(log.hasNextCommitted()).toBe(false);
    log.appliedTo(2);
    expect([log.applied, log.applying]).toEqual([2, 2]);
  });

  test('a slow state machine is handed no more than its budget', () => {
    const storage = new MemoryStorage();
    storage.append(entries(1, 1, 1, 1));
    const log = new RaftLog(storage, { ...options, maxApplyingBytes: 20 });
    log.commitTo(3);
    expect(log.takeCommitted()).toHaveLength(1);
    expect(log.takeCommitted()).toHaveLength(1);
    expect(log.hasNextCommitted()).toBe(false);
    log.appliedTo(1);
    expect(log.hasNextCommitted()).toBe(true);
  });

  test('ABA: the write of a replaced entry makes its reincarnation not durable', () => {
    const log = logOf(1);
    log.maybeAppend({ index: 1, term: 1 }, entries(2, 2), 0);
    log.takeUnstable(1);
    log.maybeAppend({ index: 1, term: 1 }, entries(2, 3), 0);
    log.takeUnstable(2);
    log.maybeAppend({ index: 1, term: 1 }, entries(2, 2), 0);
    log.takeUnstable(3);
    log.writeDone(1);
    log.writeDone(2);
    expect(log.stableIndex).toBe(1);
    (log.storage as MemoryStorage).append(entries(2, 2));
    log.writeDone(3);
    expect(log.stableIndex).toBe(2);
  });

  test('a snapshot replaces the log and is installed when durable', () => {
    const log = logOf(1, 1);
    log.maybeAppend({ index: 2, term: 1 }, entries(3, 1), 0);
    log.takeUnstable(1);
    const metadata = { index: 10, term: 2, confState: emptyConfState };
    log.restore({ data: new Uint8Array(0), metadata });
    expect([log.firstIndex(), log.lastIndex(), log.term(10), log.term(3)]).toEqual([
      11,
      10,
      2,
      'compacted',
    ]);
    const { snapshot } = log.takeUnstable(2);
    log.writeDone(1);
    expect(log.stableIndex).toBe(0);
    (log.storage as MemoryStorage).applySnapshot(snapshot!);
    log.writeDone(2);
    expect([log.stableIndex, log.applied, log.pendingSnapshot]).toEqual([10, 10, undefined]);
  });
});

describe('MemoryStorage', () => {
  test('truncates in front and keeps the term at the truncation point', () => {
    const storage = new MemoryStorage();
    storage.append(entries(1, 1, 2, 3, 4));
    storage.truncateTo(2);
    expect([storage.firstIndex(), storage.lastIndex()]).toEqual([3, 4]);
    expect([storage.term(1), storage.term(2), storage.term(3), storage.term(5)]).toEqual([
      'compacted',
      2,
      3,
      'unavailable',
    ]);
    expect(storage.entries(2, 4, 100)).toBe('compacted');
    expect(storage.entries(3, 6, 100)).toBe('unavailable');
    storage.append(entries(4, 5, 5));
    expect(storage.entries(3, 6, 1)).toEqual(entries(3, 3));
    expect(storage.lastIndex()).toBe(5);
  });

  test('long truncated stretches are dropped', () => {
    const storage = new MemoryStorage();
    for (let i = 1; i <= 5000; i++) storage.append(entries(i, 1));
    storage.truncateTo(4990);
    expect(storage.entries(4991, 5001, 1e6)).toHaveLength(10);
  });
});
