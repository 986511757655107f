import { errorCode, flag, frameType, limits } from './constants.js';
import { frameSizeError, Http2Error, protocolError } from './errors.js';
import type { FrameHead } from './frame-parser.js';

/** A header block that has come whole, with the id and flags of the HEADERS frame that began it. */
export interface HeaderBlock {
  readonly id: number;
  readonly flags: number;
  readonly fields: Buffer;
}

/** Puts header blocks together from HEADERS and CONTINUATION frames (RFC 9113, section 4.3). */
export class HeaderBlocks {
  #open: { id: number; flags: number; parts: Buffer[]; bytes: number } | undefined;

  /** Between a HEADERS frame and the end of its block nothing else may come. @throws Http2Error when it does */
  checkOrder(head: FrameHead): void {
    const open = this.#open;
    if (head.type === frameType.continuation ? open?.id !== head.streamId : open !== undefined) {
      throw protocolError('a header block is interrupted');
    }
  }

  /** @returns the block, when the frame ends it */
  headers(head: FrameHead, bytes: Buffer, start: number, end: number): HeaderBlock | undefined {
    const { streamId: id, flags } = head;
    if (id === 0) throw protocolError('HEADERS on stream 0');
    const isPadded = (flags & flag.padded) !== 0;
    const from = start + (isPadded ? 1 : 0) + ((flags & flag.priority) !== 0 ? 5 : 0);
    if (from > end) throw frameSizeError('HEADERS');
    const to = isPadded ? paddedEnd(bytes, start, from, end) : end;
    const fields = bytes.subarray(from, to);
    if ((flags & flag.endHeaders) !== 0) return { id, flags, fields };
    this.#open = { id, flags, parts: [fields], bytes: fields.length };
    return undefined;
  }

  /** @returns the block, when the frame ends it */
  continuation(
    { flags }: FrameHead,
    bytes: Buffer,
    start: number,
    end: number,
  ): HeaderBlock | undefined {
    const open = this.#open;
    if (open === undefined) throw protocolError('CONTINUATION without HEADERS');
    open.parts.push(bytes.subarray(start, end));
    open.bytes += end - start;
    if (open.bytes > limits.headerBlockBytes || open.parts.length > limits.continuations) {
      throw new Http2Error(errorCode.enhanceYourCalm, 'the header block is too long');
    }
    if ((flags & flag.endHeaders) === 0) return undefined;
    this.#open = undefined;
    return { id: open.id, flags: open.flags, fields: Buffer.concat(open.parts, open.bytes) };
  }
}

/**
 * Finds the end of the payload of a padded frame.
 * @param start where the length of the padding stands @param from where the payload begins
 */
export function paddedEnd(bytes: Buffer, start: number, from: number, end: number): number {
  const padding = bytes[start];
  if (start === end || padding === undefined) throw frameSizeError('a padded frame');
  if (from + padding > end) throw protocolError('too much padding');
  return end - padding;
}
