import { assert } from '../../lib/assert.js';
import { subCountMax } from '../backend/schema.js';
import { TooManyChangesError } from './errors.js';
import type { StoreEvent } from './event.js';
import type { KeyEntry } from './key-entry.js';
import type { KeyValue, RangeOptions, RangeResult, WriteTxn } from './types.js';

/** The narrow side of the store that a write transaction sees. */
export interface StoreWriter {
  range(viewRev: number, key: string, end: string, options: RangeOptions): RangeResult;
  get(key: string): KeyValue | undefined;
  put(main: number, sub: number, key: string, value: Uint8Array, lease: bigint): StoreEvent;
  find(key: string, end: string): KeyEntry[];
  remove(main: number, sub: number, entry: KeyEntry): StoreEvent;
  end(main: number, events: readonly StoreEvent[], operations: number): number;
}

/** All changes of one revision; see `WriteTxn`. */
export class RevisionWriteTxn implements WriteTxn {
  readonly #store: StoreWriter;
  readonly #main: number;
  readonly #events: StoreEvent[] = [];
  #operations = 0;
  #ended = false;

  constructor(store: StoreWriter, rev: number) {
    this.#store = store;
    this.#main = rev + 1;
  }

  get rev(): number {
    return this.#events.length > 0 ? this.#main : this.#main - 1;
  }

  get changed(): boolean {
    return this.#events.length > 0;
  }

  get(key: string): KeyValue | undefined {
    return this.#store.get(key);
  }

  range(key: string, end: string, options: RangeOptions = {}): RangeResult {
    this.#operations += 1;
    return this.#store.range(this.rev, key, end, options);
  }

  put(key: string, value: Uint8Array, lease: bigint): number {
    assert(!this.#ended, 'the transaction is open');
    this.#operations += 1;
    if (this.#events.length >= subCountMax) throw new TooManyChangesError();
    this.#events.push(this.#store.put(this.#main, this.#events.length, key, value, lease));
    return this.#main;
  }

  deleteRange(key: string, end: string): number {
    assert(!this.#ended, 'the transaction is open');
    this.#operations += 1;
    const found = this.#store.find(key, end);
    if (this.#events.length + found.length > subCountMax) throw new TooManyChangesError();
    for (const entry of found) {
      this.#events.push(this.#store.remove(this.#main, this.#events.length, entry));
    }
    return found.length;
  }

  end(): number {
    assert(!this.#ended, 'the transaction is open');
    this.#ended = true;
    return this.#store.end(this.#main, this.#events, this.#operations);
  }
}
