import { objectKey } from '../api/facts/keys.js';
import type { KubeObject } from '../api/object.js';
import type { Clock } from '../lib/clock.js';
import { delay } from '../lib/clock.js';
import type { Logger } from '../lib/log.js';
import { errorMessage } from '../lib/errors.js';
import type {
  ApiClient,
  Change,
  Informer,
  InformerFactory,
  ListOptions,
  ObjectKey,
  ResourceId,
  WatchEvent,
} from './types.js';
import { isApiError } from './types.js';

/** The wait after a broken watch before the next: doubles from the first to the last. */
const retryMs = { first: 50, last: 5000 } as const;
/**
 * A watch that breaks because its master has gone is taken up within a second; what fails longer, or is refused, is
 * told, once in a while.
 */
const troubleMs = { after: 3000, again: 60_000 } as const;

/** A watch that does not work, and is tried again. */
export interface WatchTrouble {
  readonly resource: ResourceId;
  readonly selection: ListOptions;
  readonly message: string;
  /** False: nothing of it is known yet. */
  readonly synced: boolean;
}

/** The dependencies of informers. */
export interface InformerFactoryOptions {
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly log: Logger;
  /** Told of a watch that goes on failing, at most once a minute for each. */
  readonly onTrouble?: (trouble: WatchTrouble) => void;
}

/** Informers that share one watch per resource and selection. */
export function createInformerFactory(options: InformerFactoryOptions): InformerFactory {
  const informers = new Map<string, { reflector: Reflector<KubeObject>; end: AbortController }>();
  let stopped = false;
  return {
    informer<T extends KubeObject>(resource: ResourceId, selection: ListOptions = {}): Informer<T> {
      const { namespace = '', fieldSelector = '', labelSelector = '' } = selection;
      const name = [resource.group, resource.version ?? '', resource.resource].join('/');
      const id = [name, namespace, fieldSelector, labelSelector].join('|');
      let found = informers.get(id);
      if (found === undefined) {
        const end = new AbortController();
        if (stopped) end.abort();
        found = { reflector: new Reflector(resource, selection, options), end };
        informers.set(id, found);
        void found.reflector.run(end.signal);
      }
      return found.reflector as unknown as Informer<T>;
    },
    async waitForSync(signal) {
      await Promise.all(
        [...informers.values()].map(({ reflector }) => reflector.whenSynced(signal)),
      );
    },
    release(informer) {
      for (const [id, { reflector, end }] of informers) {
        if (reflector !== informer) continue;
        informers.delete(id);
        end.abort();
      }
    },
    stop() {
      stopped = true;
      for (const { end } of informers.values()) end.abort();
    },
  };
}

/**
 * Keeps one resource by watching it: the first watch brings the present state, a bookmark ends it, then changes follow.
 * A broken watch is taken up where it ended; when that is too old, the state is read anew and the difference is told.
 */
class Reflector<T extends KubeObject> implements Informer<T> {
  readonly resource: ResourceId;
  readonly #selection: ListOptions;
  readonly #options: InformerFactoryOptions;
  readonly #objects = new Map<string, T>();
  readonly #indexes = new Map<string, Index<T>>();
  readonly #handlers = new Set<(change: Change<T>) => void>();
  readonly #waiting = new Set<() => void>();
  #resourceVersion = '';
  #synced = false;
  #trouble: { readonly sinceMs: number; readonly message: string } | undefined;
  #toldMs = Number.NEGATIVE_INFINITY;

  constructor(resource: ResourceId, selection: ListOptions, options: InformerFactoryOptions) {
    this.resource = resource;
    this.#selection = selection;
    this.#options = options;
    this.addIndex('namespace', (object) => [object.metadata.namespace ?? '']);
  }

  get synced(): boolean {
    return this.#synced;
  }

  get problem(): string | undefined {
    return this.#trouble?.message;
  }

  get(key: ObjectKey): T | undefined {
    return this.#objects.get(objectKey(key));
  }

  list(namespace?: string): T[] {
    return namespace === undefined
      ? [...this.#objects.values()]
      : this.byIndex('namespace', namespace);
  }

  byIndex(index: string, value: string): T[] {
    const found = this.#indexes.get(index);
    if (found === undefined) throw new TypeError(`no index ${index}`);
    return found.get(value);
  }

  addIndex(name: string, values: (object: T) => readonly string[]): void {
    if (this.#indexes.has(name)) return;
    const index = new Index(values);
    for (const [key, object] of this.#objects) index.set(key, undefined, object);
    this.#indexes.set(name, index);
  }

  onChange(handler: (change: Change<T>) => void): () => void {
    this.#handlers.add(handler);
    for (const object of this.#objects.values()) handler({ type: 'add', object });
    return () => this.#handlers.delete(handler);
  }

  whenSynced(signal?: AbortSignal): Promise<void> {
    if (this.#synced) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const done = (): void => {
        signal?.removeEventListener('abort', late);
        resolve();
      };
      const late = (): void => {
        this.#waiting.delete(done);
        const why = this.problem === undefined ? '' : `: ${this.problem}`;
        reject(new Error(`${this.resource.resource} did not sync in time${why}`));
      };
      if (signal?.aborted === true) {
        late();
        return;
      }
      this.#waiting.add(done);
      signal?.addEventListener('abort', late, { once: true });
    });
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    let pauseMs: number = retryMs.first;
    while (!signal.aborted) {
      try {
        await this.#watchOnce(signal, () => {
          pauseMs = retryMs.first;
          this.#trouble = undefined;
        });
      } catch (error) {
        if (signal.aborted) return;
        const tooOld = isApiError(error, 'Expired') || isApiError(error, 'Gone');
        if (tooOld && this.#resourceVersion !== '') {
          this.#resourceVersion = '';
          continue;
        }
        this.#tellTrouble(error);
      }
      await delay(clock, pauseMs, signal);
      pauseMs = Math.min(retryMs.last, pauseMs * 2);
    }
  }

  /** Reports watches that are refused, or go on failing, to those who can mend it; most break for a moment only. */
  #tellTrouble(error: unknown): void {
    const { clock, log, onTrouble } = this.#options;
    const { resource } = this.resource;
    const nowMs = clock.monotonicMs();
    const message = errorMessage(error);
    this.#trouble = { sinceMs: this.#trouble?.sinceMs ?? nowMs, message };
    const refused = isApiError(error, 'Forbidden') || isApiError(error, 'Unauthorized');
    const lasts = nowMs - this.#trouble.sinceMs >= troubleMs.after;
    if ((!refused && !lasts) || nowMs - this.#toldMs < troubleMs.again) {
      log.debug({ resource, error }, 'a watch broke; resuming it');
      return;
    }
    this.#toldMs = nowMs;
    const { namespace, fieldSelector } = this.#selection;
    log.warn(
      { resource, namespace, fieldSelector, synced: this.#synced, error },
      'a watch keeps failing; its readers are not up to date',
    );
    try {
      onTrouble?.({
        resource: this.resource,
        selection: this.#selection,
        message,
        synced: this.#synced,
      });
    } catch (failure) {
      log.error({ resource, error: failure }, 'a failing watch could not be reported');
    }
  }

  async #watchOnce(signal: AbortSignal, onProgress: () => void): Promise<void> {
    const { client } = this.#options;
    let initial: Map<string, T> | undefined =
      this.#resourceVersion === '' ? new Map<string, T>() : undefined;
    const batches = client.watch<T>(this.resource, {
      ...this.#selection,
      resourceVersion: this.#resourceVersion,
      allowBookmarks: true,
      signal,
    });
    for await (const batch of batches) {
      onProgress();
      for (const event of batch) {
        if (initial === undefined) this.#apply(event);
        else if (event.type === 'BOOKMARK') {
          this.#replace(initial);
          initial = undefined;
          this.#resourceVersion = event.resourceVersion;
          this.#becomeSynced();
        } else if (event.type === 'DELETED') initial.delete(objectKey(event.object.metadata));
        else initial.set(objectKey(event.object.metadata), event.object);
      }
    }
  }

  #apply(event: WatchEvent<T>): void {
    if (event.type === 'BOOKMARK') {
      this.#resourceVersion = event.resourceVersion;
      return;
    }
    const { metadata } = event.object;
    this.#resourceVersion = metadata.resourceVersion ?? this.#resourceVersion;
    this.#set(
      objectKey(metadata),
      event.type === 'DELETED' ? undefined : event.object,
      event.object,
    );
  }

  #replace(state: ReadonlyMap<string, T>): void {
    for (const [key, object] of this.#objects) {
      if (!state.has(key)) this.#set(key, undefined, object);
    }
    for (const [key, object] of state) {
      const known = this.#objects.get(key);
      if (
        known?.metadata.resourceVersion !== object.metadata.resourceVersion ||
        known === undefined
      ) {
        this.#set(key, object, object);
      }
    }
  }

  /** `last` is what a deletion tells its handlers. */
  #set(key: string, object: T | undefined, last: T): void {
    const old = this.#objects.get(key);
    if (old === undefined && object === undefined) return;
    if (object === undefined) this.#objects.delete(key);
    else this.#objects.set(key, object);
    for (const index of this.#indexes.values()) index.set(key, old, object);
    if (object === undefined) this.#tell({ type: 'delete', object: last });
    else if (old === undefined) this.#tell({ type: 'add', object });
    else if (old.metadata.uid !== object.metadata.uid) {
      // Deleted and made again while we were not looking.
      this.#tell({ type: 'delete', object: old });
      this.#tell({ type: 'add', object });
    } else this.#tell({ type: 'update', object, old });
  }

  #tell(change: Change<T>): void {
    for (const handler of this.#handlers) {
      try {
        handler(change);
      } catch (error) {
        this.#options.log.error(
          { resource: this.resource.resource, error },
          'a change handler failed',
        );
      }
    }
  }

  #becomeSynced(): void {
    this.#synced = true;
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}

/** Objects by the values that a function gives for them. */
class Index<T> {
  readonly #values: (object: T) => readonly string[];
  readonly #byValue = new Map<string, Map<string, T>>();

  constructor(values: (object: T) => readonly string[]) {
    this.#values = values;
  }

  get(value: string): T[] {
    const found = this.#byValue.get(value);
    return found === undefined ? [] : [...found.values()];
  }

  set(key: string, old: T | undefined, object: T | undefined): void {
    if (old !== undefined) {
      for (const value of this.#values(old)) {
        const found = this.#byValue.get(value);
        found?.delete(key);
        if (found?.size === 0) this.#byValue.delete(value);
      }
    }
    if (object === undefined) return;
    for (const value of this.#values(object)) {
      let found = this.#byValue.get(value);
      if (found === undefined) {
        found = new Map();
        this.#byValue.set(value, found);
      }
      found.set(key, object);
    }
  }
}
