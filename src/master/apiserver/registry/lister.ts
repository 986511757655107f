import { objectKey } from '../../../api/facts/keys.js';
import type { KindDeclaration } from '../../../api/kind.js';
import { Entry } from '../cache/entry.js';
import type { Selection } from '../cache/selection.js';
import { badRequest, expired, tooLargeResourceVersion } from '../status.js';
import { kindPrefix } from '../storage/keys.js';
import { prefixEnd } from '../storage/store.js';
import type { StoredKv } from '../storage/store.js';
import { StoreError } from '../storage/store.js';
import { decodeContinue, encodeContinue, expiredToken, refuseToken } from './continue-token.js';
import { checkListOptions, parseVersion } from './list-options.js';
import type { Objects } from './objects.js';
import { mapStoreError } from './store-errors.js';

/** Query options of a list. */
export interface ListOptions {
  readonly namespace: string;
  readonly selection: Selection;
  readonly resourceVersion: string;
  /** `Exact`, `NotOlderThan` or empty. */
  readonly resourceVersionMatch: string;
  readonly sendInitialEvents?: boolean | undefined;
  /** 0: no limit. */
  readonly limit: number;
  readonly continue: string;
}

/** One page of a list. */
export interface ListResult {
  readonly entries: readonly Entry[];
  readonly resourceVersion: string;
  /** Set when there is more. */
  readonly continue: string;
  readonly remainingItemCount: number | undefined;
}

/** Lists from the cache, and from the store's history where an exact revision is asked for. */
export class Lister {
  readonly #objects: Objects;

  constructor(objects: Objects) {
    this.#objects = objects;
  }

  /** A list of any age (`resourceVersion=0`) comes whole, as from kube-apiserver's cache: it has no limit there. */
  async list(kind: KindDeclaration, options: ListOptions): Promise<ListResult> {
    checkListOptions(options);
    const { resourceVersion, resourceVersionMatch, limit } = options;
    if (options.continue !== '') {
      const from = decodeContinue(options.continue);
      if (resourceVersion !== '' && resourceVersion !== '0') {
        throw badRequest('specifying resource version is not allowed when using continue');
      }
      if (from.revision > 0) return this.#history(kind, options, from.revision, from.start);
      await this.#objects.watchCache.fresh();
      return this.#history(kind, options, this.#objects.watchCache.revision, from.start);
    }
    const revision = parseVersion(resourceVersion);
    // A page of a revision is one of that very revision, though nobody says so: the oldest rule, which clients know.
    const isPage = resourceVersionMatch === '' && limit > 0 && revision > 0;
    if (resourceVersionMatch === 'Exact' || isPage) {
      return this.#history(kind, options, revision, '');
    }
    if (resourceVersion === '') await this.#objects.watchCache.fresh();
    else if (revision > 0) await this.#objects.watchCache.waitFor(revision);
    else return this.#present(kind, { ...options, limit: 0 });
    return this.#present(kind, options);
  }

  /** What the cache holds at this moment. */
  #present(kind: KindDeclaration, options: ListOptions): ListResult | Promise<ListResult> {
    const { watchCache, conversion } = this.#objects;
    const cache = this.#objects.cache(kind);
    const { selection, limit, namespace } = options;
    if (conversion.asksWebhook(kind)) {
      const entries = [...selection.candidates(cache, namespace)];
      return this.#converted(kind, options, { entries, revision: watchCache.revision });
    }
    const entries: Entry[] = [];
    let more: string | undefined;
    for (const entry of selection.candidates(cache, namespace)) {
      if (!selection.matches(entry, cache.getters)) continue;
      if (limit > 0 && entries.length === limit) {
        more = entries.at(-1)?.key;
        break;
      }
      entries.push(entry);
    }
    let remaining: number | undefined;
    if (more !== undefined && selection.isEmpty) {
      remaining = 0;
      for (const _ of cache.list(namespace, more)) remaining++;
    }
    return {
      entries,
      resourceVersion: String(watchCache.revision),
      continue: more === undefined ? '' : encodeContinue(watchCache.revision, `${more}\0`),
      remainingItemCount: remaining,
    };
  }

  /** Converts a page's worth at a time: selectors see the labels and fields of the version that was asked for. */
  async #converted(
    kind: KindDeclaration,
    { selection, limit }: ListOptions,
    { entries: all, revision }: { readonly entries: readonly Entry[]; readonly revision: number },
  ): Promise<ListResult> {
    const { getters } = this.#objects.cache(kind);
    const entries: Entry[] = [];
    const most = limit > 0 ? limit : all.length;
    let next = 0;
    while (next < all.length && entries.length < most) {
      const part = all.slice(next, next + most);
      for (const view of await this.#objects.conversion.views(kind, part)) {
        if (entries.length === most) break;
        next += 1;
        if (selection.matches(view, getters)) entries.push(view);
      }
    }
    const left = all.length - next;
    const last = all[next - 1];
    return {
      entries,
      resourceVersion: String(revision),
      continue: left === 0 || last === undefined ? '' : encodeContinue(revision, `${last.key}\0`),
      remainingItemCount: selection.isEmpty && left > 0 ? left : undefined,
    };
  }

  async #history(
    kind: KindDeclaration,
    options: ListOptions,
    revision: number,
    startKey: string,
  ): Promise<ListResult> {
    const prefix = kindPrefix(kind);
    const all =
      options.namespace === ''
        ? prefix
        : prefix + objectKey({ namespace: options.namespace, name: '' });
    const { name } = options.selection;
    const isOneKey = name !== undefined && (options.namespace !== '' || !kind.namespaced);
    // Of one object only its own key is read, whatever else there is beside it.
    const scope = isOneKey ? all + name : all;
    const end = isOneKey ? `${scope}\0` : prefixEnd(all);
    let start = startKey === '' ? scope : prefix + startKey;
    if (start < scope || start >= end)
      refuseToken(`the start key ${JSON.stringify(startKey)} is outside of the list`);
    const getters = this.#objects.cache(kind).getters;
    const entries: Entry[] = [];
    const atLeast = this.#objects.conversion.asksWebhook(kind) ? 1 : 500;
    const pageLimit = options.limit > 0 ? Math.max(options.limit, atLeast) : 2_000;
    for (;;) {
      const page = await this.#objects.store
        .range({ start, end, limit: pageLimit, revision })
        .catch((error: unknown) => this.#refuseHistory(error, revision, startKey));
      for (const [index, entry] of (await this.#read(kind, page.kvs)).entries()) {
        if (!options.selection.matches(entry, getters)) continue;
        entries.push(entry);
        if (options.limit > 0 && entries.length === options.limit) {
          const left = page.count - index - 1;
          return {
            entries,
            resourceVersion: String(revision),
            continue: left === 0 ? '' : encodeContinue(revision, `${entry.key}\0`),
            remainingItemCount: options.selection.isEmpty && left > 0 ? left : undefined,
          };
        }
      }
      const last = page.kvs.at(-1);
      if (!page.more || last === undefined) break;
      start = `${last.key}\0`;
    }
    return {
      entries,
      resourceVersion: String(revision),
      continue: '',
      remainingItemCount: undefined,
    };
  }

  /** Stored values in the kind's version. The cache's own entries serve again: they may have been converted. */
  #read(kind: KindDeclaration, kvs: readonly StoredKv[]): Promise<readonly Entry[]> {
    const prefix = kindPrefix(kind);
    const cache = this.#objects.cache(kind);
    const entries = kvs.map((kv) => {
      const key = kv.key.slice(prefix.length);
      const known = cache.get(key);
      if (known?.revision === kv.modRevision) return known;
      const value = this.#objects.readValue(kv.key, kv.value);
      return Entry.fromStored(key, value, kv.modRevision);
    });
    return this.#objects.conversion.views(kind, entries);
  }

  #refuseHistory(error: unknown, revision: number, startKey: string): never {
    if (error instanceof StoreError && error.code === 'future') {
      throw tooLargeResourceVersion(revision, this.#objects.watchCache.revision);
    }
    if (!(error instanceof StoreError) || error.code !== 'compacted') mapStoreError(error);
    if (startKey !== '') throw expiredToken(startKey);
    throw expired('The resourceVersion for the provided list is too old.');
  }
}
