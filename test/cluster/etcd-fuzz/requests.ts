/** Random requests of etcd's API, drawn from the shapes of its messages; the same seed draws the same ones. */
import {
  enumNumbersOf,
  fieldsOf,
  requestTypeOf,
} from '../../../src/etcd/gateway/message-shapes.js';
import type { FieldShape } from '../../../src/etcd/gateway/message-shapes.js';
import type { Prng } from '../../../src/lib/prng.js';

/** A value of a request: bytes and 64-bit numbers in the types that they have in memory. */
export type Value = boolean | bigint | number | string | Buffer | Message | readonly Value[];

/** A message by the names that its proto gives the fields. */
export interface Message {
  readonly [field: string]: Value;
}

const keys = ['a', 'a/1', 'a/2', 'b', 'b/1', 'c', 'd', '\u00ff', ''];
const ends = ['', '\0', 'a', 'a0', 'b', 'b0', 'c', 'zz', '\u00ff\u00ff'];
const names = ['u1', 'u2', 'root', 'r1', 'r2', 'none', ''];
/** The leases that requests grant and name; the last is never granted. */
export const leaseIds = [11n, 12n, 13n, -7n, 2n ** 62n + 1n, 999n];
/** Of leases, in seconds; the last is too long. */
export const longTerms = [600n, 5000n, 100_000n, 9_000_000_000n, 9_000_000_001n];
const oddNumbers = [-1n, 0n, 1n, 2n ** 53n + 1n, 2n ** 63n - 1n, -(2n ** 63n)];
/** Of a txn within txns. */
const depthMax = 4;

/** Draws requests; `revision` follows the store's, so that those which name one are worth something. */
export class RequestSource {
  readonly prng: Prng;
  revision = 1n;
  /** Where the store was compacted. */
  readonly compacted = new Set<string>();
  /** The revision of the key of the last campaign. */
  campaign = 1n;

  readonly #hasOdd: boolean;

  /** @param options.odd numbers that nobody sends as well: negative ones, and ones above 2^53 */
  constructor(prng: Prng, options: { readonly odd: boolean }) {
    this.#hasOdd = options.odd;
    this.prng = prng;
  }

  /** @param given fields that are not drawn */
  request(method: string, given: Message = {}): Message {
    return this.#message(requestTypeOf[method] ?? '', 0, given);
  }

  #message(type: string, depth: number, given: Message = {}): Message {
    const { prng } = this;
    const drawn: Record<string, Value> = {};
    const oneofs = new Map<string, FieldShape[]>();
    for (const field of fieldsOf.get(type) ?? []) {
      if (field.oneof !== undefined) {
        oneofs.set(field.oneof, [...(oneofs.get(field.oneof) ?? []), field]);
      } else if (this.#isWanted(type, field)) {
        drawn[field.name] = this.#field(type, field, depth);
      }
    }
    for (const fields of oneofs.values()) {
      const open = fields.filter(({ name }) => name !== 'request_txn' || depth < depthMax);
      if (prng.below(20) === 0) continue;
      const chosen = this.#matching(drawn, open) ?? prng.pick(open);
      drawn[chosen.name] = this.#field(type, chosen, depth);
    }
    return { ...drawn, ...given };
  }

  /** A comparison mostly names the value that its target asks for. */
  #matching(drawn: Message, fields: readonly FieldShape[]): FieldShape | undefined {
    const target = drawn['target'];
    if (typeof target !== 'string' || this.prng.below(8) === 0) return undefined;
    const name = { CREATE: 'create_revision', MOD: 'mod_revision' }[target] ?? target.toLowerCase();
    return fields.find((field) => field.name === name);
  }

  #isWanted(type: string, field: FieldShape): boolean {
    const always = ['key', 'name', 'user', 'role', 'ID', 'value', 'compare', 'success', 'failure'];
    if (always.includes(field.name)) return this.prng.below(16) > 0;
    // Options make most requests refused, or empty.
    const rare = field.kind === 'bool' || type === 'etcdserverpb.RangeRequest';
    return this.prng.below(rare && field.name !== 'range_end' ? 6 : 2) === 0;
  }

  #field(type: string, field: FieldShape, depth: number): Value {
    if (field.isRepeated !== true) return this.#value(type, field, depth);
    const count = this.prng.below(depth === 0 ? 4 : 3);
    return Array.from({ length: count }, () => this.#value(type, field, depth));
  }

  #value(type: string, field: FieldShape, depth: number): Value {
    const { prng } = this;
    switch (field.kind) {
      case 'message':
        return this.#message(field.type ?? '', depth + 1);
      case 'enum':
        return prng.pick([...(enumNumbersOf.get(field.type ?? '')?.keys() ?? [''])]);
      case 'bool':
        return true;
      case 'bytes':
        return this.#bytes(field.name);
      case 'string':
        return this.#text(field.name);
      default:
        return this.#number(type, field);
    }
  }

  #bytes(name: string): Buffer {
    const { prng } = this;
    if (name === 'range_end') return Buffer.from(prng.pick(ends), 'latin1');
    if (name !== 'value') return Buffer.from(prng.pick(keys), 'latin1');
    if (prng.below(40) === 0) return Buffer.alloc(prng.below(3000), prng.below(256));
    return Buffer.from(prng.pick(['', 'v', 'w', '\u00ff\0', 'value']), 'latin1');
  }

  #text(name: string): string {
    const { prng } = this;
    if (name === 'version') return prng.pick(['3.4.0', '3.5.0', '3.4', '3.3.0', 'x', '']);
    if (name === 'peerURLs') return prng.pick(['http://127.0.0.1:1', 'x', 'http://a', 'ftp://a:1']);
    if (/password/i.test(name)) return prng.pick(['', 'pw', 'longer '.repeat(11)]);
    return prng.pick(names);
  }

  #number(type: string, { name, kind }: FieldShape): bigint | number {
    const { prng } = this;
    if (kind === 'int32' || kind === 'uint32') return prng.below(4);
    if (this.#hasOdd && prng.below(24) === 0 && name !== 'TTL') return prng.pick(oddNumbers);
    if (name === 'TTL') return prng.pick(longTerms);
    if (name === 'lease' || name === 'ID') return prng.below(2) === 0 ? 0n : prng.pick(leaseIds);
    if (name === 'limit' || name === 'version' || name === 'watch_id') return BigInt(prng.below(4));
    if (/revision/.test(name) && type !== 'etcdserverpb.Compare' && prng.below(3) === 0) return 0n;
    const back = this.revision - BigInt(prng.below(12));
    return back < 1n ? 1n : back + BigInt(prng.below(20) === 0 ? 14 : 0);
  }
}
