import { describe, expect, test } from '@jest/globals';
import { Entry } from './entry.js';
import type { CacheEvent, CacheObserver, Interest } from './observers.js';
import { Observers } from './observers.js';

const getters = {
  'spec.nodeName': (object: object) =>
    (object as { readonly spec?: { readonly nodeName?: string } }).spec?.nodeName ?? '',
};

function pod(node: string | undefined, revision: number): Entry {
  const spec = node === undefined ? {} : { nodeName: node };
  const bytes = Buffer.from(JSON.stringify({ metadata: { name: 'p', namespace: 'n' }, spec }));
  return new Entry('n/p', bytes, revision);
}

class Heard implements CacheObserver {
  readonly revisions: number[] = [];
  resets = 0;
  progress = 0;

  onEvent({ revision }: CacheEvent): void {
    this.revisions.push(revision);
  }

  onProgress(revision: number): void {
    this.progress = revision;
  }

  onReset(): void {
    this.resets++;
  }
}

describe('observers with an interest', () => {
  const on = (value: string): Interest => ({ field: 'spec.nodeName', value });

  test('hear of objects that have the value, come to have it, or have it no more', () => {
    const observers = new Observers();
    const [all, none, a, b, name] = Array.from({ length: 5 }, () => new Heard());
    observers.add(all!, undefined);
    observers.add(none!, on(''));
    observers.add(a!, on('a'));
    observers.add(b!, on('b'));
    observers.add(name!, { field: 'metadata.name', value: 'p' });
    const states = [pod(undefined, 1), pod('a', 2), pod('a', 3), pod('b', 4)];
    for (const [at, entry] of states.entries()) {
      const type = at === 0 ? 'ADDED' : 'MODIFIED';
      observers.tell({ type, revision: at + 1, entry, previous: states[at - 1] }, getters);
    }
    const gone = states[3]!;
    observers.tell(
      { type: 'DELETED', revision: 5, entry: gone.deletedAt(5), previous: gone },
      getters,
    );
    expect(all!.revisions).toEqual([1, 2, 3, 4, 5]);
    expect(none!.revisions).toEqual([1, 2]);
    expect(a!.revisions).toEqual([2, 3, 4]);
    expect(b!.revisions).toEqual([4, 5]);
    expect(name!.revisions).toEqual([1, 2, 3, 4, 5]);
  });

  test('are told of progress and of a new beginning, and nothing once they have gone', () => {
    const observers = new Observers();
    const [stays, goes] = [new Heard(), new Heard()];
    observers.add(stays, on('a'));
    const stop = observers.add(goes, on('a'));
    stop();
    expect(observers.count).toBe(1);
    observers.progress(7);
    observers.reset();
    observers.tell(
      { type: 'ADDED', revision: 8, entry: pod('a', 8), previous: undefined },
      getters,
    );
    expect(stays).toMatchObject({ revisions: [8], progress: 7, resets: 1 });
    expect(goes).toMatchObject({ revisions: [], progress: 0, resets: 0 });
    const stopAgain = observers.add(goes, on('a'));
    stop();
    observers.tell(
      { type: 'ADDED', revision: 9, entry: pod('a', 9), previous: undefined },
      getters,
    );
    expect(goes.revisions).toEqual([]);
    stopAgain();
  });
});
