import { assert } from '../../lib/assert.js';
import { openEnd } from '../key-intervals.js';
import { RangeTree } from './range-tree.js';
import type { WatchRequest } from './types.js';

/** The interface that a group needs of its members. */
export interface GroupMember {
  readonly request: WatchRequest;
}

/** Watchers, found by key: single keys in a map, ranges in a tree with one node for all watchers of the same range. */
export class WatcherGroup<T extends GroupMember> {
  readonly #members = new Set<T>();
  readonly #byKey = new Map<string, Set<T>>();
  readonly #byRange = new RangeTree<Set<T>>();

  get size(): number {
    return this.#members.size;
  }

  has(member: T): boolean {
    return this.#members.has(member);
  }

  /** All members, oldest first. */
  all(): Iterable<T> {
    return this.#members;
  }

  add(member: T): void {
    this.#members.add(member);
    const { key, end } = member.request;
    if (end === '') {
      const same = this.#byKey.get(key);
      if (same === undefined) this.#byKey.set(key, new Set([member]));
      else same.add(member);
      return;
    }
    const until = end === '\0' ? openEnd : end;
    const same = this.#byRange.get(key, until);
    if (same === undefined) this.#byRange.insert(key, until, new Set([member]));
    else same.add(member);
  }

  /** Returns whether it was a member. */
  delete(member: T): boolean {
    if (!this.#members.delete(member)) return false;
    const { key, end } = member.request;
    if (end === '') {
      const same = this.#byKey.get(key);
      same?.delete(member);
      if (same?.size === 0) this.#byKey.delete(key);
      return true;
    }
    const until = end === '\0' ? openEnd : end;
    const same = this.#byRange.get(key, until);
    same?.delete(member);
    if (same?.size === 0) this.#byRange.remove(key, until);
    return true;
  }

  /** Costly: each member is found by its key or range, and nothing else is. @throws InvariantError */
  verify(): void {
    for (const member of this.#members) {
      const { key, end } = member.request;
      const same =
        end === '' ? this.#byKey.get(key) : this.#byRange.get(key, end === '\0' ? openEnd : end);
      assert(same?.has(member) === true, 'a watcher is found by what it watches');
    }
    let single = 0;
    for (const same of this.#byKey.values()) single += same.size;
    const ranges = [...this.#members].filter(({ request }) => request.end !== '').length;
    assert(single + ranges === this.#members.size, 'only members are found by their keys');
  }

  /** Calls `visit` for each member whose range holds `key`. `visit` may remove that member. */
  match(key: string, visit: (member: T) => void): void {
    const single = this.#byKey.get(key);
    if (single !== undefined) for (const member of single) visit(member);
    if (this.#members.size === (single?.size ?? 0)) return;
    const found: Set<T>[] = [];
    this.#byRange.stab(key, (set) => found.push(set));
    for (const set of found) for (const member of set) visit(member);
  }
}
