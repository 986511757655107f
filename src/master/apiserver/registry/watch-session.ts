import type { KindDeclaration } from '../../../api/kind.js';
import type { Clock } from '../../../lib/clock.js';
import type { Entry } from '../cache/entry.js';
import type { WatchCache } from '../cache/watch-cache.js';
import type { CacheEvent, CacheObserver } from '../cache/observers.js';
import type { ResourceCache } from '../cache/resource-cache.js';
import type { Selection } from '../cache/selection.js';
import { bookmarkEveryMs, watcherQueueEvents } from '../limits.js';
import type { StatusError } from '../status.js';
import { expired, isStatusError } from '../status.js';

/** A message to a watcher. */
export type WatchItem =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly entry: Entry }
  | { readonly type: 'BOOKMARK'; readonly revision: number; readonly initialEnd: boolean }
  | { readonly type: 'ERROR'; readonly error: StatusError };

/** Converts entries to the version of the watch. @throws StatusError */
export type Views = (entries: readonly Entry[]) => Promise<readonly Entry[]>;

/** A change, or a bookmark that must not overtake one. */
type Coming =
  | { readonly event: CacheEvent }
  | { readonly bookmark: Extract<WatchItem, { readonly type: 'BOOKMARK' }> };

/** The options of a client's watch. */
export interface WatchOptions {
  readonly kind: KindDeclaration;
  readonly namespace: string;
  readonly selection: Selection;
  readonly resourceVersion: string;
  readonly allowBookmarks: boolean;
  readonly sendInitialEvents: boolean | undefined;
}

/** The receiver of items. */
export interface WatchSink {
  /** Takes whatever has gathered since the last event-loop turn. False: call again only after `drained`. */
  send(items: readonly WatchItem[]): boolean;
  drained(): Promise<void>;
  /** Called once when the watch is over from the server's side. */
  end(): void;
}

/**
 * A watch: first the present state or the missed changes, then live. Items of one turn of the event loop are sent
 * together; a client that does not read is cut off when its queue is full.
 */
export class WatchSession implements CacheObserver {
  readonly #options: WatchOptions;
  readonly #sink: WatchSink;
  readonly #watchCache: WatchCache;
  readonly #cache: ResourceCache;
  readonly #clock: Clock;
  readonly #views: Views | undefined;
  #queue: WatchItem[] = [];
  /** What has come and waits for a webhook, in order; undefined while none is asked. */
  #coming: Coming[] | undefined;
  #scheduled = false;
  #blocked = false;
  #ended = false;
  #stopObserving: (() => void) | undefined;
  #stopBookmarks: (() => void) | undefined;
  #lastSent = 0;

  constructor(parts: {
    readonly options: WatchOptions;
    readonly sink: WatchSink;
    readonly watchCache: WatchCache;
    readonly cache: ResourceCache;
    readonly clock: Clock;
    /** Converts entries, for kinds whose objects a webhook converts. */
    readonly views?: Views | undefined;
  }) {
    this.#views = parts.views;
    this.#options = parts.options;
    this.#sink = parts.sink;
    this.#watchCache = parts.watchCache;
    this.#cache = parts.cache;
    this.#clock = parts.clock;
  }

  /** Begins. Failures are told as an ERROR item, as Kubernetes does once a watch has been accepted. */
  async start(): Promise<void> {
    try {
      await this.#begin();
    } catch (error) {
      if (!isStatusError(error)) throw error;
      this.#push({ type: 'ERROR', error });
      this.#flush();
      this.stop();
    }
  }

  async #begin(): Promise<void> {
    const { resourceVersion, sendInitialEvents } = this.#options;
    const from = Number(resourceVersion === '' ? '0' : resourceVersion);
    const withState = sendInitialEvents ?? from === 0;
    if (resourceVersion === '' || (from === 0 && sendInitialEvents === true)) {
      await this.#watchCache.fresh();
    } else if (from > 0) await this.#watchCache.waitFor(from);
    if (this.#ended) return;
    if (withState) this.#pushState();
    else if (from > 0) this.#pushMissed(from);
    // What a webhook makes of an object may have other values.
    const interest = this.#views === undefined ? this.#options.selection.interest : undefined;
    this.#stopObserving = this.#cache.observe(this, interest);
    this.#lastSent = this.#watchCache.revision;
    if (this.#options.allowBookmarks) {
      if (sendInitialEvents === true) this.#bookmark(true);
      this.#scheduleBookmark();
    }
    this.#flush();
  }

  #pushState(): void {
    const { selection, namespace } = this.#options;
    if (this.#views !== undefined) {
      const { revision } = this.#watchCache;
      for (const entry of selection.candidates(this.#cache, namespace)) {
        this.#take({ event: { type: 'ADDED', revision, entry, previous: undefined } });
      }
      return;
    }
    for (const entry of selection.candidates(this.#cache, namespace)) {
      if (selection.matches(entry, this.#cache.getters)) this.#queue.push({ type: 'ADDED', entry });
    }
  }

  #pushMissed(from: number): void {
    const events = this.#cache.eventsSince(from);
    if (events === undefined) {
      const oldest = this.#cache.oldestRevision;
      throw expired(`too old resource version: ${from} (${oldest})`);
    }
    for (const event of events) this.#arrive(event);
  }

  onEvent(event: CacheEvent): void {
    this.#arrive(event);
    const waiting = this.#queue.length + (this.#coming?.length ?? 0);
    if (waiting > watcherQueueEvents) this.stop();
    else this.#schedule();
  }

  #arrive(event: CacheEvent): void {
    const { namespace } = this.#options;
    if (namespace !== '' && !event.entry.key.startsWith(`${namespace}/`)) return;
    if (this.#views === undefined) this.#add(event);
    else this.#take({ event });
  }

  /** Puts something into the line of what waits for a webhook. */
  #take(item: Coming): void {
    if (this.#coming !== undefined) {
      this.#coming.push(item);
      return;
    }
    this.#coming = [item];
    // One turn of the event loop later: what comes together is converted together.
    queueMicrotask(() => void this.#convert());
  }

  /** Converts what has come, and what comes meanwhile, in order. A webhook's failure ends the watch. */
  async #convert(): Promise<void> {
    try {
      while (!this.#ended && this.#coming !== undefined && this.#coming.length > 0) {
        const batch = this.#coming;
        this.#coming = [];
        await this.#converted(batch);
        this.#schedule();
      }
    } catch (error) {
      if (!isStatusError(error)) throw error;
      this.#push({ type: 'ERROR', error });
      this.stop();
    } finally {
      this.#coming = undefined;
    }
  }

  async #converted(batch: readonly Coming[]): Promise<void> {
    const entries = new Set<Entry>();
    for (const item of batch) {
      if (!('event' in item)) continue;
      const { type, entry, previous } = item.event;
      if (type !== 'DELETED') entries.add(entry);
      if (previous !== undefined) entries.add(previous);
    }
    const asked = [...entries];
    const views = (await this.#views?.(asked)) ?? asked;
    const known = new Map(asked.map((entry, index) => [entry, views[index] ?? entry]));
    const viewOf = (entry: Entry): Entry => known.get(entry) ?? entry;
    for (const item of batch) {
      if ('bookmark' in item) this.#push(item.bookmark);
      else this.#add(viewed(item.event, viewOf));
    }
  }

  onReset(): void {
    this.stop();
  }

  #add(event: CacheEvent): void {
    const { selection } = this.#options;
    const { getters } = this.#cache;
    const was = event.previous !== undefined && selection.matches(event.previous, getters);
    if (event.type === 'DELETED') {
      if (was) this.#queue.push({ type: 'DELETED', entry: event.entry });
      return;
    }
    const is = selection.matches(event.entry, getters);
    if (is) this.#queue.push({ type: was ? 'MODIFIED' : 'ADDED', entry: event.entry });
    else if (was && event.previous !== undefined) {
      this.#queue.push({ type: 'DELETED', entry: event.previous.deletedAt(event.revision) });
    }
  }

  #push(item: WatchItem): void {
    this.#queue.push(item);
  }

  #schedule(): void {
    if (this.#scheduled || this.#blocked || this.#queue.length === 0) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (this.#ended || this.#blocked || this.#queue.length === 0) return;
    const items = this.#queue;
    this.#queue = [];
    if (this.#sink.send(items)) return;
    this.#blocked = true;
    void this.#sink.drained().then(() => {
      this.#blocked = false;
      this.#schedule();
    });
  }

  #scheduleBookmark(): void {
    this.#stopBookmarks = this.#clock.schedule(bookmarkEveryMs, () => {
      const revision = this.#watchCache.revision;
      if (revision > this.#lastSent) {
        this.#lastSent = revision;
        this.#bookmark(false);
        this.#flush();
      }
      this.#scheduleBookmark();
    });
  }

  /** Tells how far the watch has got, behind what has come until now. */
  #bookmark(initialEnd: boolean): void {
    const bookmark = { type: 'BOOKMARK', revision: this.#watchCache.revision, initialEnd } as const;
    if (this.#coming === undefined) this.#push(bookmark);
    else this.#take({ bookmark });
  }

  /** Ends the watch. With `bookmark`, a client that wants them learns first how far it got. */
  stop(options: { readonly bookmark?: boolean } = {}): void {
    if (this.#ended) return;
    // Before it has told all that was missed, a bookmark would say that it is known.
    const begun = this.#stopObserving !== undefined && this.#coming === undefined;
    if (options.bookmark === true && begun && this.#options.allowBookmarks) this.#bookmark(false);
    this.#flush();
    this.#ended = true;
    this.#stopObserving?.();
    this.#stopBookmarks?.();
    this.#sink.end();
  }
}

/** The change as the version of the watch sees it. What is gone is seen as it was last. */
function viewed(event: CacheEvent, viewOf: (entry: Entry) => Entry): CacheEvent {
  const { type, revision } = event;
  const previous = event.previous === undefined ? undefined : viewOf(event.previous);
  const entry =
    type === 'DELETED' && previous !== undefined
      ? previous.deletedAt(revision)
      : viewOf(event.entry);
  return { type, revision, entry, previous };
}
