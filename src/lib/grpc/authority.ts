/**
 * Old Go clients (etcdctl 3.4's `endpoint status`, `defrag`, `move-leader`) name the whole URL as `:authority`,
 * `http://host:port`. A '/' is not allowed there, and Node's HTTP/2 refuses such a request with PROTOCOL_ERROR before any code
 * of ours sees it; Go servers take it. So the first request of a connection is looked at before Node gets the bytes, and each
 * '/' of its authority becomes a '-': the same length, raw and Huffman-coded alike, so nothing else moves. Later requests of the
 * connection refer to the header table, which then holds the corrected value.
 *
 * A client may wait for the server's SETTINGS before its first request, so an empty one is sent at once; the client's
 * acknowledgement of it is taken out again, since Node's session, which starts later, sends its own and would not expect it.
 */
import type { Socket } from 'node:net';
import type { Clock } from '../clock.js';

const prefaceBytes = 24;
const frameHeadBytes = 9;
const frameHeaders = 1;
const frameSettings = 4;
const frameWindowUpdate = 8;
const framePriority = 2;
const flagAck = 1;
const flagPadded = 8;
const flagPriority = 0x20;
/** HPACK's static table: 1 is `:authority`. */
const authorityIndex = 1;
const slash = 0x2f;
const dash = 0x2d;
/** Huffman codes of six bits. */
const slashCode = 0x18;
const dashCode = 0x16;
/** A connection that shows no request is handed over after so long. */
const idleMs = 200;

const emptySettings = Buffer.from([0, 0, 0, frameSettings, 0, 0, 0, 0, 0]);

/** Reads from `start`, with a prefix of `bits`, HPACK's integer. @returns the value and where it ends */
function readInteger(
  bytes: Buffer,
  start: number,
  bits: number,
): { readonly value: number; readonly end: number } | undefined {
  const mask = (1 << bits) - 1;
  let value = (bytes[start] ?? 0) & mask;
  let at = start + 1;
  if (value < mask) return { value, end: at };
  for (let shift = 0; shift < 28; shift += 7) {
    const byte = bytes[at++];
    if (byte === undefined) return undefined;
    value += (byte & 0x7f) << shift;
    if (byte < 0x80) return { value, end: at };
  }
  return undefined;
}

function bitsAt(bytes: Buffer, bit: number, count: number): number {
  let value = 0;
  for (let at = bit; at < bit + count; at++) {
    value = (value << 1) | (((bytes[at >> 3] ?? 0xff) >> (7 - (at & 7))) & 1);
  }
  return value;
}

function setBits(bytes: Buffer, bit: number, count: number, value: number): void {
  for (let at = 0; at < count; at++) {
    const position = bit + at;
    const mask = 1 << (7 - (position & 7));
    const isSet = ((value >> (count - 1 - at)) & 1) === 1;
    const byte = bytes[position >> 3] ?? 0;
    bytes[position >> 3] = isSet ? byte | mask : byte & ~mask;
  }
}

/** Canonical code: the first bits tell a symbol's length. Longer ones do not occur in host names. */
function codeLength(bytes: Buffer, bit: number): number | undefined {
  if (bitsAt(bytes, bit, 5) < 0x0a) return 5;
  if (bitsAt(bytes, bit, 6) < 0x2e) return 6;
  if (bitsAt(bytes, bit, 7) < 0x7c) return 7;
  return bitsAt(bytes, bit, 8) < 0xfe ? 8 : undefined;
}

function patchHuffman(text: Buffer): void {
  const bitCount = text.length * 8;
  for (let bit = 0; bit < bitCount;) {
    const length = codeLength(text, bit);
    if (length === undefined || bit + length > bitCount) return;
    if (length === 6 && bitsAt(text, bit, 6) === slashCode) setBits(text, bit, 6, dashCode);
    bit += length;
  }
}

function patchText(text: Buffer, isHuffman: boolean): void {
  if (isHuffman) patchHuffman(text);
  else for (let at = 0; at < text.length; at++) if (text[at] === slash) text[at] = dash;
}

/** Corrects the authority within a header block, in place. Whatever it does not understand it leaves as it is. */
export function patchAuthority(block: Buffer): void {
  let at = 0;
  while (at < block.length) {
    const first = block[at] ?? 0;
    const isIndexed = (first & 0x80) !== 0;
    const isResize = !isIndexed && (first & 0xe0) === 0x20;
    const bits = isIndexed ? 7 : (first & 0xc0) === 0x40 ? 6 : isResize ? 5 : 4;
    const index = readInteger(block, at, bits);
    if (index === undefined) return;
    at = index.end;
    if (isIndexed || isResize) continue;
    for (const part of index.value === 0 ? ['name', 'value'] : ['value']) {
      const isHuffman = ((block[at] ?? 0) & 0x80) !== 0;
      const length = readInteger(block, at, 7);
      if (length === undefined || length.end + length.value > block.length) return;
      const text = block.subarray(length.end, length.end + length.value);
      if (part === 'value' && index.value === authorityIndex) patchText(text, isHuffman);
      at = length.end + length.value;
    }
  }
}

function patchHeadersFrame(payload: Buffer, flags: number): void {
  const padding = (flags & flagPadded) === 0 ? 0 : (payload[0] ?? 0);
  const start = ((flags & flagPadded) === 0 ? 0 : 1) + ((flags & flagPriority) === 0 ? 0 : 5);
  if (start <= payload.length - padding) {
    patchAuthority(payload.subarray(start, payload.length - padding));
  }
}

/** The opening of a connection: what has come, cut into frames. */
class Opening {
  #rest: Buffer;
  readonly #kept: Buffer[];
  #acked = false;
  /** Something that Node's session has to see has come. */
  #decided = false;

  constructor(seen: Buffer) {
    this.#kept = [seen.subarray(0, prefaceBytes)];
    this.#rest = seen.subarray(prefaceBytes);
    this.#takeFrames();
  }

  push(chunk: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    this.#takeFrames();
  }

  get complete(): boolean {
    return this.#acked && this.#decided;
  }

  get acked(): boolean {
    return this.#acked;
  }

  get bytes(): Buffer {
    return Buffer.concat([...this.#kept, this.#rest]);
  }

  #takeFrames(): void {
    while (!this.complete && this.#rest.length >= frameHeadBytes) {
      const end = frameHeadBytes + this.#rest.readUIntBE(0, 3);
      if (this.#rest.length < end) return;
      // A copy: the bytes are about to be changed.
      const frame = Buffer.from(this.#rest.subarray(0, end));
      this.#rest = this.#rest.subarray(end);
      this.#takeFrame(frame);
    }
  }

  #takeFrame(frame: Buffer): void {
    const type = frame[3] ?? 0;
    const flags = frame[4] ?? 0;
    if (type === frameSettings && (flags & flagAck) !== 0 && !this.#acked) {
      this.#acked = true;
      return;
    }
    if (type === frameHeaders && !this.#decided) {
      patchHeadersFrame(frame.subarray(frameHeadBytes), flags);
    }
    this.#decided ||= ![frameSettings, frameWindowUpdate, framePriority].includes(type);
    this.#kept.push(frame);
  }
}

/**
 * Corrects the first request of an HTTP/2 connection, then hands it over with all bytes back in its buffer.
 * @param seen what was read already; at least the preface
 * @param done called once, unless the connection ends before
 */
export function correctFirstRequest(
  socket: Socket,
  seen: Buffer,
  options: { readonly clock: Clock; readonly timeoutMs: number },
  done: () => void,
): void {
  const opening = new Opening(seen);
  let waitedMs = 0;
  let cancel: () => void = () => undefined;
  const finish = (): void => {
    cancel();
    socket.removeListener('readable', onReadable);
    socket.removeListener('close', onClose);
    socket.unshift(opening.bytes);
    done();
  };
  const onClose = (): void => cancel();
  const onReadable = (): void => {
    for (let chunk = socket.read() as Buffer | null; chunk !== null;) {
      opening.push(chunk);
      if (opening.complete) {
        finish();
        return;
      }
      chunk = socket.read() as Buffer | null;
    }
  };
  const onIdle = (): void => {
    waitedMs += idleMs;
    if (opening.acked) finish();
    else if (waitedMs >= options.timeoutMs) socket.destroy();
    else cancel = options.clock.schedule(idleMs, onIdle);
  };
  socket.write(emptySettings);
  cancel = options.clock.schedule(idleMs, onIdle);
  socket.on('readable', onReadable);
  socket.on('close', onClose);
  onReadable();
}
