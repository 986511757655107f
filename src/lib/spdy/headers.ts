import { constants, createDeflate, createInflate } from 'node:zlib';
import type { Deflate, Inflate } from 'node:zlib';
import { dictionary } from './dictionary.js';

/** Names (lower case) and their values. */
export type SpdyHeaders = ReadonlyMap<string, readonly string[]>;

/** A header block is at most so long once inflated. */
const blockBytesMax = 64 * 1024;

/** Inflates one direction's header blocks: they share one compression context and must come in order. */
export class HeaderReader {
  readonly #inflate: Inflate = createInflate({
    dictionary,
    finishFlush: constants.Z_SYNC_FLUSH,
  });
  #chunks: Buffer[] = [];
  #bytes = 0;
  #failure: Error | undefined;

  constructor() {
    this.#inflate.on('data', (chunk: Buffer) => {
      this.#bytes += chunk.length;
      // Inflating stops here, whatever the block would still become.
      if (this.#bytes > blockBytesMax)
        this.#inflate.destroy(new Error('a SPDY header block is long'));
      else this.#chunks.push(chunk);
    });
    this.#inflate.on('error', (error) => {
      this.#failure ??= error;
    });
  }

  /** @throws Error for a block that cannot be read */
  async read(block: Buffer): Promise<SpdyHeaders> {
    this.#chunks = [];
    this.#bytes = 0;
    if (this.#failure !== undefined) throw this.#failure;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        this.#inflate.removeListener('close', done);
        resolve();
      };
      this.#inflate.once('close', done);
      this.#inflate.write(block, done);
    });
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#inflate.destroyed) throw new Error('the SPDY connection is closed');
    return parseBlock(Buffer.concat(this.#chunks));
  }

  close(): void {
    this.#inflate.destroy();
  }
}

function parseBlock(block: Buffer): SpdyHeaders {
  if (block.length < 4 || block.length > blockBytesMax) throw new Error('a bad SPDY header block');
  let at = 4;
  const text = (): string => {
    if (at + 4 > block.length) throw new Error('a SPDY header block is cut short');
    const length = block.readUInt32BE(at);
    const end = at + 4 + length;
    if (end > block.length) throw new Error('a SPDY header block is cut short');
    const value = block.toString('utf8', at + 4, end);
    at = end;
    return value;
  };
  const headers = new Map<string, string[]>();
  for (let left = block.readUInt32BE(0); left > 0; left--) {
    const name = text().toLowerCase();
    headers.set(name, text().split('\0'));
  }
  return headers;
}

/** Deflates header blocks, in order. */
export class HeaderWriter {
  readonly #deflate: Deflate = createDeflate({ dictionary, flush: constants.Z_SYNC_FLUSH });
  #chunks: Buffer[] = [];

  constructor() {
    this.#deflate.on('data', (chunk: Buffer) => this.#chunks.push(chunk));
  }

  async write(headers: ReadonlyMap<string, string>): Promise<Buffer> {
    const parts: Buffer[] = [uint32(headers.size)];
    for (const [name, value] of headers) {
      for (const word of [name, value]) {
        const bytes = Buffer.from(word, 'utf8');
        parts.push(uint32(bytes.length), bytes);
      }
    }
    this.#chunks = [];
    await new Promise<void>((resolve) => {
      this.#deflate.write(Buffer.concat(parts), () => {
        this.#deflate.flush(constants.Z_SYNC_FLUSH, () => resolve());
      });
    });
    return Buffer.concat(this.#chunks);
  }

  close(): void {
    this.#deflate.close();
  }
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value, 0);
  return bytes;
}
