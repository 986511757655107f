/**
 * What a controller has asked for and not yet seen in its cache. Without it a reconcile right after a create would
 * still see the old cache and create once more. Expectations expire, so that a lost event delays and does not block.
 */
import type { KubeObject } from '../../api/object.js';
import type { Clock } from '../../lib/clock.js';
import type { Change } from '../types.js';

/** @see client-go controller_utils: ExpectationsTimeout */
const expiryMs = 5 * 60_000;

interface Expected {
  creations: number;
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
    if (expected.creations <= 0 && expected.deletions.size === 0) return true;
    return this.#clock.monotonicMs() - expected.atMs > expiryMs;
  }

  /** Replaces what is expected; call it before the requests leave. @param deletions uids */
  expect(key: string, creations: number, deletions: Iterable<string> = []): void {
    this.#byKey.set(key, {
      creations,
      deletions: new Set(deletions),
      atMs: this.#clock.monotonicMs(),
    });
  }

  /** One creation was seen, or has failed and will not come. */
  created(key: string, count = 1): void {
    const expected = this.#byKey.get(key);
    if (expected !== undefined) expected.creations -= count;
  }

  /** One deletion was seen, or has failed and will not come. */
  deleted(key: string, uid: string): void {
    this.#byKey.get(key)?.deletions.delete(uid);
  }

  /**
   * A change of an object that `owner` made, or deletes.
   * @param owner its uid: another owner of that name expects its own objects
   */
  saw(owner: string, type: Change<KubeObject>['type'], { metadata }: KubeObject): void {
    if (type === 'add') this.created(owner);
    if (type === 'delete' || metadata.deletionTimestamp !== undefined) {
      this.deleted(owner, metadata.uid ?? '');
    }
  }

  /** For the informer of owners: nothing is expected of one that is gone. */
  readonly forgetGone = ({ type, object }: Change<KubeObject>): void => {
    if (type === 'delete') this.forget(object.metadata.uid ?? '');
  };

  forget(key: string): void {
    this.#byKey.delete(key);
  }
}
