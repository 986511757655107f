import { crc32 } from 'node:zlib';
import { parseJson } from '../lib/json.js';

/** Objects that are remembered, and the bytes of the longest of them: 4 MiB at most. */
const rememberedMax = 512;
const rememberedBytesMax = 8 * 1024;

interface Read {
  readonly bytes: Uint8Array;
  readonly object: unknown;
}

/**
 * Reads the objects that watches bring, without their managed fields: nobody who watches needs them, they are half of
 * a pod, and an update without them leaves those of the server alone.
 *
 * Watches of one program may share a reader: what several of them bring at about the same time is read once, and is one
 * object to all. So never change one that came from here.
 */
export class ObjectReader {
  /** The latest, oldest first, by the checksums of their bytes. */
  readonly #latest = new Map<number, Read>();

  /** The caller names the type: that of the resource which is watched. @throws SyntaxError */
  read<T>(bytes: Uint8Array): T {
    if (bytes.length > rememberedBytesMax) return parseWatched(bytes) as T;
    const sum = crc32(bytes);
    const known = this.#latest.get(sum);
    if (known !== undefined && Buffer.compare(known.bytes, bytes) === 0) return known.object as T;
    const object = parseWatched(bytes);
    this.#latest.delete(sum);
    // A copy: what comes is a part of a whole batch, which would stay with it.
    this.#latest.set(sum, { bytes: Buffer.from(bytes), object });
    const [oldest] = this.#latest.keys();
    if (this.#latest.size > rememberedMax && oldest !== undefined) this.#latest.delete(oldest);
    return object as T;
  }
}

/** Parses an object's JSON without its managed fields. @throws SyntaxError */
export function parseWatched(bytes: Uint8Array): unknown {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8');
  return parseJson(withoutManagers(text));
}

/** How every object of the API server begins. */
const opening = /^\{"kind":"[^"\\]*","apiVersion":"[^"\\]*","metadata":\{/;
const managers = '"managedFields"';

/** Cuts the managed fields out of valid JSON text of an object, before anything is made of them. */
export function withoutManagers(text: string): string {
  const begin = text.includes(managers) ? (opening.exec(text)?.[0].length ?? 0) : 0;
  if (begin === 0) return text;
  let depth = 1;
  let start = -1;
  for (let at = begin; depth > 0 && at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case 0x22: // "
        if (depth === 1 && start < 0 && text.startsWith(`${managers}:`, at)) start = at;
        at = endOfText(text, at);
        break;
      case 0x7b: // {
      case 0x5b: // [
        depth++;
        break;
      case 0x7d: // }
      case 0x5d: // ]
        depth--;
        // The end of their list, the first value behind their name.
        if (depth === 1 && start >= 0) return cut(text, start, at + 1);
        break;
    }
  }
  return text;
}

/** The quote that ends the text which begins at `start`. */
function endOfText(text: string, start: number): number {
  let at = text.indexOf('"', start + 1);
  while (isEscaped(text, at)) at = text.indexOf('"', at + 1);
  return at;
}

function isEscaped(text: string, at: number): boolean {
  let before = at - 1;
  while (text.charCodeAt(before) === 0x5c) before--;
  return (at - before) % 2 === 0;
}

/** Cuts a field out, and one of the commas beside it. */
function cut(text: string, start: number, end: number): string {
  if (text.charCodeAt(start - 1) === 0x2c) return text.slice(0, start - 1) + text.slice(end);
  return text.slice(0, start) + text.slice(text.charCodeAt(end) === 0x2c ? end + 1 : end);
}
