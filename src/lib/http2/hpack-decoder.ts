/** HPACK (RFC 7541), the reading side. */
import { defaultTableBytes, errorCode, limits } from './constants.js';
import { compressionError, Http2Error } from './errors.js';
import { staticTable } from './hpack-static.js';
import { huffmanDecode } from './huffman.js';

/** Header fields by lower-case name; of several with one name, all values joined by a comma. Must not be changed. */
export type Headers = Readonly<Record<string, string>>;

interface Field {
  readonly name: string;
  readonly value: string;
  /** As HPACK counts. */
  readonly size: number;
  /** False for what HTTP/2 does not allow in any message (RFC 9113, section 8.2.1). */
  readonly isValid: boolean;
}

/** A field's overhead, section 4.1. */
const fieldOverheadBytes = 32;
/** Blocks that are the same, byte by byte, are decoded once while the table stands still. */
const cachedBlockBytesMax = 512;
const cachedBlocksMax = 64;
/** Short blocks may name long fields of the table again and again: such lists are not kept. */
const cachedListBytesMax = 4096;

/** Lower-case and visible; only pseudo header fields have a colon, and they are told apart by the first. */
const validName = /^:?[\x21-\x39\x3b-\x40\x5b-\x7e]+$/;
const validValue = /^[^\0\r\n]*$/;
const outerBlanks = /^[ \t]|[ \t]$/;

/** Fields of HTTP/1 that describe a connection; HTTP/2 forbids them (RFC 9113, section 8.2.2). */
const connectionFields: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
]);

const staticFields: readonly Field[] = staticTable.map(([name, value]) =>
  newField(name, value, false),
);

/** Decodes the header blocks of one direction of a connection, in the order in which they come. */
export class HpackDecoder {
  /** Newest last; entries before `#first` are evicted. */
  #table: Field[] = [];
  #first = 0;
  #tableBytes = 0;
  #tableLimit = defaultTableBytes;
  #at = 0;
  #block: Buffer = Buffer.alloc(0);
  #listBytes = 0;
  readonly #allowsOuterBlanks: boolean;
  readonly #cache = new Map<string, Headers>();

  /** @param options.allowsOuterBlanks values may begin and end with blanks, which RFC 9113 (section 8.2.1) forbids */
  constructor(options: { readonly allowsOuterBlanks: boolean } = { allowsOuterBlanks: false }) {
    this.#allowsOuterBlanks = options.allowsOuterBlanks;
  }

  /**
   * Decodes one block.
   * @returns undefined when the fields make a malformed message: the stream is lost
   * @throws Http2Error COMPRESSION_ERROR, or ENHANCE_YOUR_CALM for a list that is too long: the connection is lost
   */
  decode(block: Buffer): Headers | undefined {
    const isSmall = block.length <= cachedBlockBytesMax;
    const cacheKey = isSmall ? block.toString('latin1') : '';
    if (isSmall) {
      const known = this.#cache.get(cacheKey);
      if (known !== undefined) return known;
    }
    const [headers, tableChanged] = this.#read(block);
    if (tableChanged) this.#cache.clear();
    else if (isSmall && headers !== undefined && this.#listBytes <= cachedListBytesMax) {
      if (this.#cache.size >= cachedBlocksMax) this.#cache.clear();
      this.#cache.set(cacheKey, headers);
    }
    return headers;
  }

  #read(block: Buffer): [headers: Headers | undefined, tableChanged: boolean] {
    this.#block = block;
    this.#at = 0;
    const headers = Object.create(null) as Record<string, string>;
    let listBytes = 0;
    let changed = false;
    let seen = false;
    let seenRegular = false;
    let isValid = true;
    while (this.#at < block.length) {
      const byte = block[this.#at] as number;
      if ((byte & 0xe0) === 0x20) {
        if (seen) throw compressionError('a table size update after the first field');
        this.#resize(this.#integer(5));
        changed = true;
        continue;
      }
      seen = true;
      let field: Field;
      if (byte >= 0x80) field = this.#indexed(this.#integer(7));
      else if (byte >= 0x40) {
        field = this.#literal(6);
        this.#insert(field);
        changed = true;
      } else field = this.#literal(4);
      listBytes += field.size;
      if (listBytes > limits.headerListBytes) {
        throw new Http2Error(errorCode.enhanceYourCalm, 'the header list is too long');
      }
      const before = headers[field.name];
      headers[field.name] = before === undefined ? field.value : `${before},${field.value}`;
      // Pseudo header fields come first, and once (RFC 9113, section 8.3).
      if (!field.name.startsWith(':')) seenRegular = true;
      else if (seenRegular || before !== undefined) isValid = false;
      if (!field.isValid) isValid = false;
    }
    this.#listBytes = listBytes;
    return [isValid ? headers : undefined, changed];
  }

  #indexed(index: number): Field {
    const field =
      index <= staticFields.length
        ? staticFields[index - 1]
        : this.#dynamic(index - staticFields.length);
    if (field === undefined) throw compressionError(`no header field has the index ${index}`);
    return field;
  }

  /** @param index 1 is the newest */
  #dynamic(index: number): Field | undefined {
    const at = this.#table.length - index;
    return at < this.#first ? undefined : this.#table[at];
  }

  #literal(prefixBits: number): Field {
    const index = this.#integer(prefixBits);
    const name = index === 0 ? this.#string() : this.#indexed(index).name;
    return newField(name, this.#string(), this.#allowsOuterBlanks);
  }

  /** Section 5.1. */
  #integer(prefixBits: number): number {
    const block = this.#block;
    const mask = (1 << prefixBits) - 1;
    let value = (block[this.#at++] as number) & mask;
    if (value < mask) return value;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = block[this.#at++];
      if (byte === undefined) break;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw compressionError('an integer does not end');
  }

  /** Section 5.2. */
  #string(): string {
    const block = this.#block;
    const first = block[this.#at];
    if (first === undefined) throw compressionError('a header block is cut short');
    const length = this.#integer(7);
    const start = this.#at;
    const end = start + length;
    if (end > block.length) throw compressionError('a header block is cut short');
    this.#at = end;
    return (first & 0x80) === 0
      ? block.toString('latin1', start, end)
      : huffmanDecode(block, start, end);
  }

  #resize(limit: number): void {
    if (limit > defaultTableBytes) throw compressionError('the table would be larger than allowed');
    this.#tableLimit = limit;
    this.#evict(limit);
  }

  #insert(field: Field): void {
    // A field that is larger than the table empties it.
    this.#evict(this.#tableLimit - field.size);
    if (field.size > this.#tableLimit) return;
    this.#table.push(field);
    this.#tableBytes += field.size;
  }

  #evict(toBytes: number): void {
    while (this.#tableBytes > toBytes && this.#first < this.#table.length) {
      this.#tableBytes -= (this.#table[this.#first++] as Field).size;
    }
    if (this.#first >= 256) {
      this.#table = this.#table.slice(this.#first);
      this.#first = 0;
    }
  }
}

function newField(name: string, value: string, allowsOuterBlanks: boolean): Field {
  return {
    name,
    value,
    size: name.length + value.length + fieldOverheadBytes,
    isValid:
      validName.test(name) &&
      validValue.test(value) &&
      (allowsOuterBlanks || !outerBlanks.test(value)) &&
      !connectionFields.has(name) &&
      (name !== 'te' || value.toLowerCase() === 'trailers'),
  };
}
