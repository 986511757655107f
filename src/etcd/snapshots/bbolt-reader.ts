/** Reads bbolt database files, of any page size and shape; see the README. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import {
  BboltCorruptError,
  bboltMagic,
  bboltVersion,
  bucketHeaderBytes,
  bucketLeafFlag,
  elementBytes,
  fnv1a64,
  metaBytes,
  pageFlag,
  pageHeaderBytes,
} from './bbolt-format.js';
import type { BboltPair } from './bbolt-format.js';

interface Meta {
  readonly pageBytes: number;
  readonly root: number;
  /** Pages in use: all ids are below it. */
  readonly pages: number;
  readonly txid: bigint;
}

/** A page in memory with its place in the file. */
interface Page {
  readonly bytes: Buffer;
  readonly offset: number;
  readonly flags: number;
  readonly count: number;
}

interface Leaf extends BboltPair {
  readonly isBucket: boolean;
  readonly offset: number;
}

const pageBytesMin = 512;
const pageBytesMax = 64 * 1024;
/** Far above what fits on any disk; a deeper tree has a cycle. */
const depthMax = 32;
/** The most bytes of one page with its overflow: above etcd's largest request by far. */
const pageRunBytesMax = 1024 * 1024 * 1024;

/** An open database file. Synchronous; nothing is cached. */
export class BboltFile {
  readonly path: string;
  readonly #fd: number;
  readonly #sizeBytes: number;
  readonly #meta: Meta;

  /** @throws BboltCorruptError; what the file system says */
  static open(path: string): BboltFile {
    const fd = openSync(path, 'r');
    try {
      return new BboltFile(path, fd);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  private constructor(path: string, fd: number) {
    this.path = path;
    this.#fd = fd;
    this.#sizeBytes = fstatSync(fd).size;
    this.#meta = this.#findMeta();
  }

  close(): void {
    closeSync(this.#fd);
  }

  /** Bytes of the database proper, without what may follow it in the file. */
  get databaseBytes(): number {
    return this.#meta.pages * this.#meta.pageBytes;
  }

  /** Names of the top-level buckets, sorted by bytes. */
  bucketNames(): string[] {
    const names: string[] = [];
    for (const leaf of this.#walk(this.#meta.root, 0)) {
      if (leaf.isBucket) names.push(leaf.key.toString('latin1'));
    }
    return names;
  }

  /**
   * The pairs of a top-level bucket in order; none when there is no such bucket. Nested buckets are passed over.
   * @throws BboltCorruptError
   */
  *entries(bucket: string): Generator<BboltPair> {
    const wanted = Buffer.from(bucket, 'latin1');
    for (const leaf of this.#walk(this.#meta.root, 0)) {
      if (!leaf.isBucket || !leaf.key.equals(wanted)) continue;
      let before: Buffer | undefined;
      for (const pair of this.#bucketEntries(leaf)) {
        if (before !== undefined && Buffer.compare(before, pair.key) >= 0) {
          throw this.#damage(pair.offset, 'keys are out of order');
        }
        before = pair.key;
        if (!pair.isBucket) yield pair;
      }
      return;
    }
  }

  *#bucketEntries(leaf: Leaf): Generator<Leaf> {
    const { value, offset } = leaf;
    if (value.length < bucketHeaderBytes) throw this.#damage(offset, 'a bucket without header');
    const root = this.#number(value, 0, offset);
    if (root !== 0) {
      yield* this.#walk(root, 0);
      return;
    }
    const bytes = value.subarray(bucketHeaderBytes);
    if (bytes.length < pageHeaderBytes) throw this.#damage(offset, 'an inline bucket is cut short');
    const page = this.#header(bytes, offset);
    if (page.flags !== pageFlag.leaf) throw this.#damage(offset, 'an inline bucket is no leaf');
    yield* this.#leaves(page);
  }

  *#walk(id: number, depth: number): Generator<Leaf> {
    const page = this.#page(id);
    if (depth > depthMax) throw this.#damage(page.offset, 'the tree is too deep');
    if (page.flags === pageFlag.leaf) {
      yield* this.#leaves(page);
      return;
    }
    if (page.flags !== pageFlag.branch) {
      throw this.#damage(page.offset, `page ${id} is neither leaf nor branch`);
    }
    for (let at = 0; at < page.count; at++) {
      const element = pageHeaderBytes + at * elementBytes;
      yield* this.#walk(this.#number(page.bytes, element + 8, page.offset), depth + 1);
    }
  }

  *#leaves({ bytes, offset, count }: Page): Generator<Leaf> {
    for (let at = 0; at < count; at++) {
      const element = pageHeaderBytes + at * elementBytes;
      const keyAt = element + bytes.readUInt32LE(element + 4);
      const valueAt = keyAt + bytes.readUInt32LE(element + 8);
      const end = valueAt + bytes.readUInt32LE(element + 12);
      if (end > bytes.length) {
        throw this.#damage(offset + element, 'an element reaches beyond its page');
      }
      yield {
        key: bytes.subarray(keyAt, valueAt),
        value: bytes.subarray(valueAt, end),
        isBucket: (bytes.readUInt32LE(element) & bucketLeafFlag) !== 0,
        offset: offset + element,
      };
    }
  }

  /** Reads a page with its overflow. */
  #page(id: number): Page {
    const { pageBytes, pages } = this.#meta;
    const offset = id * pageBytes;
    if (id < 2 || id >= pages) throw this.#damage(0, `page ${id} is outside of the database`);
    const head = this.#read(offset, pageHeaderBytes);
    if (this.#number(head, 0, offset) !== id) {
      throw this.#damage(offset, `page ${id} carries another number`);
    }
    const runPages = head.readUInt32LE(12) + 1;
    if (id + runPages > pages || runPages * pageBytes > pageRunBytesMax) {
      throw this.#damage(offset, `page ${id} overflows the database`);
    }
    return this.#header(this.#read(offset, runPages * pageBytes), offset);
  }

  #header(bytes: Buffer, offset: number): Page {
    const count = bytes.readUInt16LE(10);
    if (pageHeaderBytes + count * elementBytes > bytes.length) {
      throw this.#damage(offset, 'a page has more elements than room');
    }
    return { bytes, offset, flags: bytes.readUInt16LE(8), count };
  }

  /**
   * The newer of the two metas that are whole; the second stands where the page size says, which is only known from a
   * whole one.
   */
  #findMeta(): Meta {
    const found: Meta[] = [];
    const first = this.#metaAt(0);
    if (first !== undefined) found.push(first);
    const sizes = first === undefined ? allPageSizes() : [first.pageBytes];
    for (const size of sizes) {
      const second = this.#metaAt(size);
      if (second?.pageBytes === size) found.push(second);
    }
    const meta = found.sort((a, b) => (a.txid > b.txid ? -1 : 1))[0];
    if (meta === undefined) throw this.#damage(0, 'no valid bbolt meta page (invalid database)');
    if (meta.pages * meta.pageBytes > this.#sizeBytes) {
      throw this.#damage(this.#sizeBytes, `the file ends before page ${meta.pages - 1} does`);
    }
    return meta;
  }

  #metaAt(offset: number): Meta | undefined {
    if (offset + pageHeaderBytes + metaBytes > this.#sizeBytes) return undefined;
    const bytes = this.#read(offset + pageHeaderBytes, metaBytes);
    if (bytes.readUInt32LE(0) !== bboltMagic) return undefined;
    const version = bytes.readUInt32LE(4);
    if (version !== bboltVersion) {
      throw this.#damage(offset, `bbolt format version ${version} is not supported`);
    }
    if (bytes.readBigUInt64LE(56) !== fnv1a64(bytes.subarray(0, metaBytes - 8))) return undefined;
    return {
      pageBytes: bytes.readUInt32LE(8),
      root: this.#number(bytes, 16, offset),
      pages: this.#number(bytes, 40, offset),
      txid: bytes.readBigUInt64LE(48),
    };
  }

  #read(offset: number, length: number): Buffer {
    const bytes = Buffer.allocUnsafe(length);
    let at = 0;
    while (at < length) {
      const count = readSync(this.#fd, bytes, at, length - at, offset + at);
      if (count === 0) throw this.#damage(offset + at, 'the file ends here');
      at += count;
    }
    return bytes;
  }

  #number(bytes: Buffer, at: number, offset: number): number {
    const value = bytes.readBigUInt64LE(at);
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) {
      throw this.#damage(offset, `${value} is no page number`);
    }
    return Number(value);
  }

  #damage(offset: number, what: string): BboltCorruptError {
    return new BboltCorruptError(this.path, offset, what);
  }
}

function allPageSizes(): number[] {
  const sizes: number[] = [];
  for (let size = pageBytesMin; size <= pageBytesMax; size *= 2) sizes.push(size);
  return sizes;
}
