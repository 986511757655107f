import { encodeKeyValue } from '../key-value.js';
import type { KeyValue, RangeOptions, RangeResult } from '../types.js';

/** The store in its plainest form: a full copy of all pairs per revision. For tests only. */
export class NaiveStore {
  compactRev = -1;
  readonly #states: Map<string, KeyValue>[] = [new Map(), new Map()];

  get rev(): number {
    return this.#states.length - 1;
  }

  write(): {
    put(key: string, value: Buffer): void;
    remove(key: string): number;
    end(): number;
  } {
    const state = new Map(this.#states[this.rev]);
    const main = this.rev + 1;
    let changed = false;
    return {
      put: (key, value) => {
        changed = true;
        const before = state.get(key);
        const createRevision = before?.createRevision ?? main;
        const version = (before?.version ?? 0) + 1;
        const meta = { createRevision, modRevision: main, version, lease: 0n };
        state.set(key, encodeKeyValue(key, value, meta));
      },
      remove: (key) => {
        const had = state.delete(key);
        changed ||= had;
        return had ? 1 : 0;
      },
      end: () => {
        if (changed) this.#states.push(state);
        return this.rev;
      },
    };
  }

  range(
    key: string,
    end: string,
    options: Required<Pick<RangeOptions, 'limit'>> & RangeOptions,
  ): RangeResult {
    const at = options.rev === undefined || options.rev === 0 ? this.rev : options.rev;
    let kvs = [...(this.#states[at] ?? [])]
      .filter(([name]) => {
        if (end === '') return name === key;
        return name >= key && (end === '\0' || name < end);
      })
      .sort((a, b) => (a[0] < b[0] ? -1 : 1))
      .map((pair) => pair[1]);
    const count = kvs.length;
    const { limit } = options;
    const rev = this.rev;
    if (options.countOnly === true) return { kvs: [], count, more: false, rev };
    const minMod = options.minModRevision ?? 0;
    const maxCreate = options.maxCreateRevision ?? 0;
    const order = options.sortOrder ?? 'none';
    const target = options.sortTarget ?? 'key';
    // Without order and filters, etcd fetches only one more than the limit before it sorts.
    if (order === 'none' && minMod === 0 && maxCreate === 0 && limit > 0)
      kvs = kvs.slice(0, limit + 1);
    kvs = kvs.filter((kv) => kv.modRevision >= minMod);
    if (maxCreate > 0) kvs = kvs.filter((kv) => kv.createRevision <= maxCreate);
    const sign = order === 'descend' ? -1 : 1;
    const pick = (kv: KeyValue): number =>
      ({ version: kv.version, create: kv.createRevision, mod: kv.modRevision, key: 0, value: 0 })[
        target
      ];
    kvs = [...kvs].sort((a, b) => {
      if (target === 'key') return sign * Buffer.compare(a.key, b.key);
      if (target === 'value') return sign * Buffer.compare(a.value, b.value);
      return sign * (pick(a) - pick(b));
    });
    if (options.keysOnly === true)
      kvs = kvs.map((kv) => encodeKeyValue(kv.key.toString('latin1'), Buffer.alloc(0), kv));
    const more = limit > 0 && kvs.length > limit;
    return { kvs: more ? kvs.slice(0, limit) : kvs, count, more, rev };
  }
}
