import { mustExist } from '../../lib/assert.js';
import { varintSize, writeVarint } from '../../lib/varint.js';
import type { KeyValue, WatchEvent } from './types.js';

/** Finds the pair that a change replaced; undefined when there is none or it is compacted. */
export type FindPrevious = (main: number, sub: number, changeMain: number) => KeyValue | undefined;

/** A change. Encodings and the previous pair are made when first asked for, then shared by all watchers. */
export class StoreEvent implements WatchEvent {
  readonly type: 'put' | 'delete';
  readonly kv: KeyValue;
  /** Latin1. */
  readonly key: string;
  /** The revision that was replaced; main 0 for none. */
  readonly #previousMain: number;
  readonly #previousSub: number;
  readonly #findPrevious: FindPrevious;
  #prevKv: KeyValue | undefined;
  #prevKnown = false;
  #encoded: Buffer | undefined;
  #encodedWithPrev: Buffer | undefined;

  constructor(
    type: 'put' | 'delete',
    key: string,
    kv: KeyValue,
    previous: { main: number; sub: number; kv: KeyValue | undefined; find: FindPrevious },
  ) {
    this.type = type;
    this.key = key;
    this.kv = kv;
    this.#previousMain = previous.main;
    this.#previousSub = previous.sub;
    this.#findPrevious = previous.find;
    // As etcd: a put that creates has none, though the same transaction may have deleted one.
    const creates = type === 'put' && kv.createRevision === kv.modRevision;
    this.#prevKv = creates ? undefined : previous.kv;
    this.#prevKnown = this.#prevKv !== undefined || previous.main === 0 || creates;
  }

  get prevKv(): KeyValue | undefined {
    if (!this.#prevKnown) {
      this.#prevKnown = true;
      const { modRevision } = this.kv;
      this.#prevKv = this.#findPrevious(this.#previousMain, this.#previousSub, modRevision);
    }
    return this.#prevKv;
  }

  get encoded(): Buffer {
    this.#encoded ??= encodeEvent(this.type, this.kv, undefined);
    return this.#encoded;
  }

  get encodedWithPrev(): Buffer {
    const { prevKv } = this;
    if (prevKv === undefined) return this.encoded;
    this.#encodedWithPrev ??= encodeEvent(this.type, this.kv, prevKv);
    return this.#encodedWithPrev;
  }
}

/** mvccpb.Event: type = 1 (PUT is 0 and left out), kv = 2, prev_kv = 3. */
function encodeEvent(type: 'put' | 'delete', kv: KeyValue, prev: KeyValue | undefined): Buffer {
  const parts = prev === undefined ? [kv.encoded] : [kv.encoded, prev.encoded];
  let size = type === 'delete' ? 2 : 0;
  for (const part of parts) size += 1 + varintSize(part.length) + part.length;
  const out = Buffer.allocUnsafe(size);
  let at = 0;
  if (type === 'delete') {
    out[0] = 0x08;
    out[1] = 1;
    at = 2;
  }
  for (let index = 0; index < parts.length; index++) {
    const part = mustExist(parts[index], 'part');
    out[at] = index === 0 ? 0x12 : 0x1a;
    at = writeVarint(out, part.length, at + 1);
    at += part.copy(out, at);
  }
  return out;
}
