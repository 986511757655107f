/** Writes a bbolt database in one go from sorted pairs; see the README. */
import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { assert, mustExist } from '../../lib/assert.js';
import {
  bboltMagic,
  bboltVersion,
  bucketHeaderBytes,
  bucketLeafFlag,
  elementBytes,
  fnv1a64,
  metaBytes,
  pageBytes,
  pageFlag,
  pageHeaderBytes,
} from './bbolt-format.js';
import type { BboltPair } from './bbolt-format.js';

const metaPages = 2;
const freelistPage = 2;
const firstDataPage = 3;
/**
 * Output collects up to this before it goes to the file; also how much is encoded between two turns of the event loop.
 */
const chunkBytes = 256 * 1024;

/** An element of a page under construction: a pair of a leaf, or a child of a branch. */
interface Element extends BboltPair {
  readonly flags: number;
  /** Zero on leaves. */
  readonly child: number;
}

const noValue = Buffer.alloc(0);

/** Makes one database file. Call `bucket` for each bucket, then `finish` once; `abort` instead after an error. */
export class BboltWriter {
  readonly #file: FileHandle;
  readonly #buckets: BboltPair[] = [];
  #pages: Buffer[] = [];
  #pendingBytes = 0;
  #offset = firstDataPage * pageBytes;
  #nextPage = firstDataPage;

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  /** @param path must not exist @throws what the file system says */
  static async create(path: string): Promise<BboltWriter> {
    return new BboltWriter(await open(path, 'wx', 0o600));
  }

  /**
   * Adds a top-level bucket.
   * @param pairs strictly ascending by key; keys are not empty
   */
  async bucket(name: string, pairs: Iterable<BboltPair>): Promise<void> {
    const root = await this.#tree(withFlags(pairs, 0));
    const value = Buffer.alloc(bucketHeaderBytes);
    value.writeBigUInt64LE(BigInt(root), 0);
    this.#buckets.push({ key: Buffer.from(name), value });
  }

  /** Writes the root and the metas and closes the file. @returns its size, a multiple of the page size */
  async finish(): Promise<number> {
    this.#buckets.sort((a, b) => Buffer.compare(a.key, b.key));
    const root = await this.#tree(withFlags(this.#buckets, bucketLeafFlag));
    await this.#drain();
    const head = Buffer.alloc(firstDataPage * pageBytes);
    for (let at = 0; at < metaPages; at++) this.#writeMeta(head, at, root);
    writePageHeader(head.subarray(freelistPage * pageBytes), {
      id: freelistPage,
      flags: pageFlag.freelist,
      count: 0,
      overflow: 0,
    });
    await this.#file.write(head, 0, head.length, 0);
    await this.#file.close();
    return this.#offset;
  }

  async abort(): Promise<void> {
    await this.#file.close();
  }

  #writeMeta(head: Buffer, at: number, root: number): void {
    const page = head.subarray(at * pageBytes);
    writePageHeader(page, { id: at, flags: pageFlag.meta, count: 0, overflow: 0 });
    const meta = page.subarray(pageHeaderBytes, pageHeaderBytes + metaBytes);
    meta.writeUInt32LE(bboltMagic, 0);
    meta.writeUInt32LE(bboltVersion, 4);
    meta.writeUInt32LE(pageBytes, 8);
    meta.writeBigUInt64LE(BigInt(root), 16);
    meta.writeBigUInt64LE(BigInt(freelistPage), 32);
    meta.writeBigUInt64LE(BigInt(this.#nextPage), 40);
    // bbolt writes transaction n into meta page n mod 2, and the higher one counts.
    meta.writeBigUInt64LE(BigInt(at), 48);
    meta.writeBigUInt64LE(fnv1a64(meta.subarray(0, metaBytes - 8)), 56);
  }

  /** Writes the pages of one tree. @returns its root page */
  async #tree(elements: Iterable<Element>): Promise<number> {
    const levels: Level[] = [new Level(pageFlag.leaf)];
    let before: Buffer | undefined;
    for (const element of elements) {
      assert(before === undefined || Buffer.compare(before, element.key) < 0, 'keys ascend');
      before = element.key;
      this.#add(levels, 0, element);
      if (this.#pendingBytes >= chunkBytes) await this.#drain();
    }
    for (let depth = 0; ; depth++) {
      const level = mustExist(levels[depth], 'level of the tree');
      if (depth === levels.length - 1 && depth > 0 && level.elements.length === 1) {
        return mustExist(level.elements[0], 'the only child').child;
      }
      const isTop = depth === levels.length - 1;
      const id = this.#writePage(level);
      if (isTop) return id;
      this.#add(levels, depth + 1, { ...level.first, value: noValue, flags: 0, child: id });
      level.clear();
    }
  }

  #add(levels: Level[], depth: number, element: Element): void {
    const level = (levels[depth] ??= new Level(pageFlag.branch));
    if (!level.fits(element)) {
      const id = this.#writePage(level);
      this.#add(levels, depth + 1, { ...level.first, value: noValue, flags: 0, child: id });
      level.clear();
    }
    level.push(element);
  }

  #writePage(level: Level): number {
    const pageCount = Math.ceil(level.bytes / pageBytes);
    const page = Buffer.alloc(pageCount * pageBytes);
    const id = this.#nextPage;
    const { flags, elements } = level;
    writePageHeader(page, { id, flags, count: elements.length, overflow: pageCount - 1 });
    let data = pageHeaderBytes + elements.length * elementBytes;
    elements.forEach(({ key, value, flags: elementFlags, child }, index) => {
      const at = pageHeaderBytes + index * elementBytes;
      if (flags === pageFlag.leaf) {
        page.writeUInt32LE(elementFlags, at);
        page.writeUInt32LE(data - at, at + 4);
        page.writeUInt32LE(key.length, at + 8);
        page.writeUInt32LE(value.length, at + 12);
      } else {
        page.writeUInt32LE(data - at, at);
        page.writeUInt32LE(key.length, at + 4);
        page.writeBigUInt64LE(BigInt(child), at + 8);
      }
      page.set(key, data);
      page.set(value, data + key.length);
      data += key.length + value.length;
    });
    assert(data === level.bytes, 'a page holds what was counted for it');
    this.#pages.push(page);
    this.#pendingBytes += page.length;
    this.#nextPage += pageCount;
    return id;
  }

  async #drain(): Promise<void> {
    const bytes = Buffer.concat(this.#pages);
    this.#pages = [];
    this.#pendingBytes = 0;
    for (let at = 0; at < bytes.length;) {
      const { bytesWritten } = await this.#file.write(bytes, at, bytes.length - at, this.#offset);
      at += bytesWritten;
      this.#offset += bytesWritten;
    }
  }
}

/** The page of one level that is being filled. */
class Level {
  readonly flags: number;
  elements: Element[] = [];
  bytes = pageHeaderBytes;

  constructor(flags: number) {
    this.flags = flags;
  }

  get first(): Element {
    return mustExist(this.elements[0], 'first element of a page');
  }

  /**
   * A page takes its first element whatever its size: it overflows into pages of its own. A branch takes at least two.
   */
  fits(element: Element): boolean {
    const least = this.flags === pageFlag.branch ? 2 : 1;
    return this.elements.length < least || this.bytes + sizeOf(element) <= pageBytes;
  }

  push(element: Element): void {
    this.elements.push(element);
    this.bytes += sizeOf(element);
  }

  clear(): void {
    this.elements = [];
    this.bytes = pageHeaderBytes;
  }
}

function sizeOf({ key, value }: Element): number {
  return elementBytes + key.length + value.length;
}

function* withFlags(pairs: Iterable<BboltPair>, flags: number): Iterable<Element> {
  for (const { key, value } of pairs) yield { key, value, flags, child: 0 };
}

function writePageHeader(
  page: Buffer,
  header: {
    readonly id: number;
    readonly flags: number;
    readonly count: number;
    readonly overflow: number;
  },
): void {
  page.writeBigUInt64LE(BigInt(header.id), 0);
  page.writeUInt16LE(header.flags, 8);
  page.writeUInt16LE(header.count, 10);
  page.writeUInt32LE(header.overflow, 12);
}
