/**
 * The request headers of a gRPC call as HPACK (RFC 7541), for one connection: the first call of a kind spells its
 * fields out and has the server remember them, later ones name them by number, as Go's client does. Without Huffman
 * coding.
 */

/** Static table entries (RFC 7541, appendix A) whose name and value are both what we need. */
const methodPost = 3;
const schemeHttp = 6;
/** Static table entries of which only the name is used. */
const nameAuthority = 1;
const namePath = 4;
const nameContentType = 31;
const nameUserAgent = 58;
/** The static table's length: dynamic entries are numbered after it, the newest first. */
const staticEntries = 61;
/** The size of a dynamic entry beside its text (RFC 7541 §4.1), and of the table that every peer starts with. */
const entryOverheadBytes = 32;
const tableBytes = 4096;

export class HpackEncoder {
  readonly #authority: string;
  /** Remembered fields, oldest first, as `name: value`. */
  readonly #remembered: string[] = [];
  readonly #blocks = new Map<string, { readonly block: Buffer; readonly remembered: number }>();
  #bytes = 0;

  constructor(authority: string) {
    this.#authority = authority;
  }

  /** The header block of a call of `path`; it must be sent, before any later one. */
  encode(path: string): Buffer {
    const known = this.#blocks.get(path);
    const before = this.#remembered.length;
    if (known?.remembered === before) return known.block;
    const block = Buffer.concat([
      Buffer.from([0x80 | methodPost, 0x80 | schemeHttp]),
      this.#field(nameAuthority, ':authority', this.#authority),
      this.#field(namePath, ':path', path),
      this.#field(nameContentType, 'content-type', 'application/grpc'),
      this.#field(nameUserAgent, 'user-agent', 'trireme-bench'),
      this.#field(0, 'te', 'trailers'),
    ]);
    // A block that spelled something out is for this once; and numbers shift with each field remembered later.
    if (this.#remembered.length === before) {
      this.#blocks.set(path, { block, remembered: before });
    }
    return block;
  }

  #field(nameIndex: number, name: string, value: string): Buffer {
    const text = `${name}: ${value}`;
    const at = this.#remembered.indexOf(text);
    if (at >= 0) {
      const index = staticEntries + this.#remembered.length - at;
      if (index >= 127) throw new Error('too many kinds of calls on one connection');
      return Buffer.from([0x80 | index]);
    }
    this.#bytes += entryOverheadBytes + name.length + value.length;
    if (this.#bytes > tableBytes) throw new Error('too many kinds of calls on one connection');
    this.#remembered.push(text);
    const literal = (part: string): Buffer => {
      if (part.length >= 127) throw new Error(`too long a header: ${part}`);
      return Buffer.concat([Buffer.from([part.length]), Buffer.from(part, 'latin1')]);
    };
    return Buffer.concat([
      Buffer.from([0x40 | nameIndex]),
      ...(nameIndex === 0 ? [literal(name)] : []),
      literal(value),
    ]);
  }
}
