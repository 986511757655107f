import { describe, expect, test } from '@jest/globals';
import { Prng } from '../lib/prng.js';
import { MemoryStorage } from './memory-storage.js';
import { emptyConfState, entryOverheadBytes } from './types.js';
import type { Entry } from './types.js';

function entry(index: number, term: number, bytes: number): Entry {
  return { term, index, type: 'normal', data: new Uint8Array(bytes) };
}

describe('the stored entries', () => {
  test('are those that are left, and take their sum, whatever is appended, replaced, truncated', () => {
    const prng = new Prng(7);
    const storage = new MemoryStorage();
    let model: Entry[] = [];
    let base = 0;
    for (let step = 0; step < 2000; step++) {
      const last = base + model.length;
      const what = prng.below(10);
      if (what < 7) {
        const first = prng.between(base + 1, last + 1);
        const added = Array.from({ length: prng.between(1, 5) }, (_, at) =>
          entry(first + at, 1, prng.below(300)),
        );
        storage.append(added);
        model = [...model.slice(0, first - base - 1), ...added];
      } else if (what < 9) {
        const to = prng.between(base, last);
        storage.truncateTo(to);
        model = model.slice(to - base);
        base = to;
      } else if (prng.below(20) === 0) {
        base = last + prng.between(1, 9);
        model = [];
        const metadata = { index: base, term: 1, confState: emptyConfState };
        storage.applySnapshot({ data: new Uint8Array(0), metadata });
      }
      const sizes = model.map(({ data }) => data.length + entryOverheadBytes);
      expect(storage.sizeBytes).toBe(sizes.reduce((sum, size) => sum + size, 0));
      const above = prng.between(0, base + model.length + 2);
      expect(storage.after(above)).toEqual(model.filter(({ index }) => index > above));
      const budget = prng.below(2000);
      let kept = 0;
      let at = sizes.length;
      while (at > 0 && kept + (sizes[at - 1] ?? 0) <= budget) kept += sizes[--at] ?? 0;
      expect(storage.indexWithin(budget)).toBe(base + at);
    }
  });
});

describe('verify', () => {
  const stored = (entries: readonly Entry[], commit = 0, term = 9): MemoryStorage => {
    const storage = new MemoryStorage();
    storage.append(entries);
    storage.setHardState({ term, vote: 0n, commit });
    return storage;
  };
  const entryAt = (index: number, term: number): Entry => ({
    index,
    term,
    type: 'normal',
    data: new Uint8Array(0),
  });

  test('lets a log through', () => {
    stored([entryAt(1, 1), entryAt(2, 1), entryAt(3, 4)], 3).verify();
    new MemoryStorage().verify();
  });

  test.each([
    ['a gap', stored([entryAt(1, 1), entryAt(3, 1)]), 'the entries are contiguous'],
    [
      'a term that falls',
      stored([entryAt(1, 2), entryAt(2, 1)]),
      'the terms of the entries never fall',
    ],
    [
      'a commit index beyond the log',
      stored([entryAt(1, 1)], 2),
      'what is committed is in the log',
    ],
    [
      'a term that the member has not seen',
      stored([entryAt(1, 3)], 0, 2),
      'no entry has a later term',
    ],
  ])('finds %s', (_name, storage, message) => {
    expect(() => storage.verify()).toThrow(message);
  });
});
