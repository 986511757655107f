/**
 * The changes that a controller has asked for and not yet seen in its cache. Without it a reconcile right after a
 * create would still see the old cache and create once more. Expectations expire, so that a lost event delays and does
 * not block.
 */
import type { KubeObject } from '../../api/object.js';
import type { Clock } from '../../lib/clock.js';
import type { Change } from '../types.js';

/** @see client-go controller_utils: ExpectationsTimeout */
const expiryMs = 5 * 60_000;

interface Expected {
  /** Creations that are under way. */
  creations: number;
  /** Uids of what was made and has not been seen. */
  readonly made: Set<string>;
  /** Uids of what was seen since, before its creation was answered. */
  readonly seen: Set<string>;
  /** Uids. */
  readonly deletions: Set<string>;
  readonly atMs: number;
}

/**
 * Creations and deletions that a controller has asked for and has not seen yet, by key (client-go
 * `controller_utils`).
 */
export class Expectations {
  readonly #clock: Clock;
  readonly #byKey = new Map<string, Expected>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** True when everything expected for `key` was seen, or long ago. */
  satisfied(key: string): boolean {
    const expected = this.#byKey.get(key);
    if (expected === undefined) return true;
    const { creations, made, deletions } = expected;
    if (creations <= 0 && made.size === 0 && deletions.size === 0) return true;
    return this.#clock.monotonicMs() - expected.atMs > expiryMs;
  }

  /** Replaces what is expected; call it before the requests leave. @param deletions uids */
  expect(key: string, creations: number, deletions: Iterable<string> = []): void {
    this.#byKey.set(key, {
      creations,
      made: new Set(),
      seen: new Set(),
      deletions: new Set(deletions),
      atMs: this.#clock.monotonicMs(),
    });
  }

  /**
   * Records a successful creation: the object is expected to be seen, unless it was already. A creation whose answer
   * was lost counts as failed; if its object is seen all the same, it is not taken for another.
   */
  made(key: string, { metadata }: KubeObject): void {
    const expected = this.#byKey.get(key);
    if (expected === undefined) return;
    expected.creations--;
    const { uid = '' } = metadata;
    if (!expected.seen.delete(uid)) expected.made.add(uid);
  }

  /** So many creations have failed, or were not tried. */
  failed(key: string, count = 1): void {
    const expected = this.#byKey.get(key);
    if (expected !== undefined) expected.creations -= count;
  }

  /** Records a deletion that was seen, or that has failed and will not come. */
  deleted(key: string, uid: string): void {
    this.#byKey.get(key)?.deletions.delete(uid);
  }

  /**
   * A change of an object that `owner` made, or deletes.
   * @param owner its uid: another owner of that name expects its own objects
   */
  saw(owner: string, type: Change<KubeObject>['type'], { metadata }: KubeObject): void {
    const { uid = '', deletionTimestamp } = metadata;
    const expected = this.#byKey.get(owner);
    if (type === 'add' && expected?.made.delete(uid) === false && expected.creations > 0) {
      expected.seen.add(uid);
    }
    if (type === 'delete') expected?.made.delete(uid);
    if (type === 'delete' || deletionTimestamp !== undefined) this.deleted(owner, uid);
  }

  /** For the informer of owners: nothing is expected of one that is gone. */
  readonly forgetGone = ({ type, object }: Change<KubeObject>): void => {
    if (type === 'delete') this.forget(object.metadata.uid ?? '');
  };

  forget(key: string): void {
    this.#byKey.delete(key);
  }
}
