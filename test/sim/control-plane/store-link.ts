/** An API server's way to the store: delays, answers that get lost, a watch that is slow or lost. */
import type { MemoryStore } from '../../../src/master/apiserver/storage/testkit/memory-store.js';
import type {
  Guard,
  RangeOptions,
  RangeResult,
  Store,
  StoredKv,
  StoreOp,
  StoreWatch,
  TxnResult,
  WatchHandlers,
} from '../../../src/master/apiserver/storage/store.js';
import { StoreError } from '../../../src/master/apiserver/storage/store.js';
import type { Life, SimProcess } from './process.js';

/** See above. One for each life of an API server. */
export class StoreLink implements Store {
  readonly #store: MemoryStore;
  readonly #process: SimProcess;
  readonly #life: Life;
  readonly #watches = new Set<StoreWatch>();
  #lose: ((error: Error) => void) | undefined;
  /** No event of the watch arrives before that time. */
  stalledUntilUs = 0;

  constructor(store: MemoryStore, process: SimProcess, life: Life) {
    this.#store = store;
    this.#process = process;
    this.#life = life;
  }

  get(key: string): Promise<{ readonly kv: StoredKv | undefined; readonly revision: number }> {
    return this.#call('get', () => this.#store.get(key));
  }

  range(options: RangeOptions): Promise<RangeResult> {
    return this.#call('range', () => this.#store.range(options));
  }

  txn(guards: readonly Guard[], ops: readonly StoreOp[]): Promise<TxnResult> {
    return this.#call('txn', () => this.#store.txn(guards, ops));
  }

  revision(): Promise<number> {
    return this.#call('revision', () => this.#store.revision());
  }

  #call<T>(what: string, act: () => Promise<T>): Promise<T> {
    const { world } = this.#process;
    const { queue, network } = world;
    return new Promise((resolve, reject) => {
      const lost = (): void => {
        const error = new StoreError('unavailable', 'the store does not answer', {
          definite: false,
        });
        queue.add(network.delay() * 4, () => reject(error), this.#life);
      };
      if (world.fault('storeRequestLost', what)) {
        lost();
        return;
      }
      queue.add(network.storeDelay(), () => {
        void act().then((result) => {
          if (world.fault('storeAnswerLost', what)) lost();
          else queue.add(network.storeDelay(), () => resolve(result), this.#life);
        }, reject);
      });
    });
  }

  watch(prefix: string, fromRevision: number, handlers: WatchHandlers): StoreWatch {
    const { queue, network } = this.#process.world;
    let lastUs = 0;
    let over = false;
    const later = (act: () => void): void => {
      const at = Math.max(queue.now + network.storeDelay(), lastUs, this.stalledUntilUs);
      lastUs = at;
      queue.add(
        at - queue.now,
        () => {
          if (!over) act();
        },
        this.#life,
      );
    };
    const watch = this.#store.watch(prefix, fromRevision, {
      onEvents: (events, revision) => later(() => handlers.onEvents(events, revision)),
      onLost: (error) => later(() => handlers.onLost(error)),
    });
    this.#watches.add(watch);
    this.#lose = (error) => {
      if (over) return;
      over = true;
      watch.close();
      handlers.onLost(error);
    };
    return {
      requestProgress: () => watch.requestProgress(),
      close: () => {
        over = true;
        watch.close();
        this.#watches.delete(watch);
      },
    };
  }

  /** The watch cannot go on: its revision has been compacted away meanwhile. */
  loseWatch(): void {
    this.#lose?.(new StoreError('compacted', 'mvcc: required revision has been compacted'));
  }

  close(): void {
    for (const watch of this.#watches) watch.close();
    this.#watches.clear();
  }
}
