/**
 * The messages that carry many objects, encoded in parts: the bytes of the objects stand between as they are. The
 * generated encoders copy them into buffers that double, which is ten times a long list in garbage.
 */
import type { ListChunk, WatchEvent } from '../../../gen/apiserver.js';
import { varintSize, writeVarint } from '../../../lib/varint.js';

/** A message ends when the objects in it are so long together. */
export const messageBytes = 256 * 1024;

const wireVarint = 0;
const wireBytes = 2;
const tag = (field: number, wireType: number): number => (field << 3) | wireType;

const listChunkTags = {
  objects: tag(1, wireBytes),
  resourceVersion: tag(2, wireBytes),
  continue: tag(3, wireBytes),
} as const;

const watchEventTags = {
  type: tag(1, wireVarint),
  object: tag(2, wireBytes),
  resourceVersion: tag(3, wireBytes),
} as const;

const watchBatchEvents = tag(1, wireBytes);

/** A tag of one byte, and a length below 2 GiB. */
const headBytesMax = 6;

/** A `trireme.api.v1.ListChunk`. */
export function encodeListChunk(chunk: ListChunk): Uint8Array[] {
  const { objects, resourceVersion, continue: next } = chunk;
  const textBytes =
    fieldSize(Buffer.byteLength(resourceVersion)) + fieldSize(Buffer.byteLength(next));
  const heads = Buffer.allocUnsafe(objects.length * headBytesMax + textBytes);
  const parts: Uint8Array[] = [];
  let at = 0;
  for (const object of objects) {
    const start = at;
    at = writeHead(heads, listChunkTags.objects, object.length, at);
    parts.push(heads.subarray(start, at), object);
  }
  const start = at;
  at = writeText(heads, listChunkTags.resourceVersion, resourceVersion, at);
  at = writeText(heads, listChunkTags.continue, next, at);
  parts.push(heads.subarray(start, at));
  return parts;
}

/** A `trireme.api.v1.WatchBatch` of these events. In each the object is last: fields may come in any order. */
export function encodeWatchBatch(events: readonly WatchEvent[]): Uint8Array[] {
  const sizes = events.map(eventSize);
  const size = (at: number): number => sizes[at] ?? 0;
  const headBytes = events.map(({ object }, at) => size(at) - object.length + headBytesMax);
  const heads = Buffer.allocUnsafe(headBytes.reduce((sum, each) => sum + each, 0));
  const parts: Uint8Array[] = [];
  let at = 0;
  for (const [index, event] of events.entries()) {
    const start = at;
    at = writeHead(heads, watchBatchEvents, size(index), at);
    if (event.type !== 0) at = writeHead(heads, watchEventTags.type, event.type, at);
    at = writeText(heads, watchEventTags.resourceVersion, event.resourceVersion, at);
    at = writeHead(heads, watchEventTags.object, event.object.length, at);
    parts.push(heads.subarray(start, at), event.object);
  }
  return parts;
}

function eventSize({ type, object, resourceVersion }: WatchEvent): number {
  const typeSize = type === 0 ? 0 : 1 + varintSize(type);
  const versionSize = resourceVersion === '' ? 0 : fieldSize(Buffer.byteLength(resourceVersion));
  return typeSize + versionSize + fieldSize(object.length);
}

/** The size of a length-delimited field in bytes, its tag of one byte included. */
function fieldSize(length: number): number {
  return 1 + varintSize(length) + length;
}

/** A tag and a number, which may be the length of what follows. @returns where it ends */
function writeHead(out: Buffer, fieldTag: number, value: number, at: number): number {
  out[at] = fieldTag;
  return writeVarint(out, value, at + 1);
}

/** An empty text is left out, as proto3 has it. */
function writeText(out: Buffer, fieldTag: number, text: string, start: number): number {
  if (text === '') return start;
  const at = writeHead(out, fieldTag, Buffer.byteLength(text), start);
  return at + out.write(text, at);
}
