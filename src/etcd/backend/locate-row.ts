/** Finds the page of a row in a database file by walking its tree, so that damage can be reported with its place. */
import { closeSync, openSync, readSync } from 'node:fs';

/** The place where a row's cell begins. */
export interface RowPlace {
  /** From 1, as SQLite counts. */
  readonly page: number;
  /** In the file. */
  readonly offset: number;
}

const interiorTable = 5;
const leafTable = 13;
const depthMax = 20;

/**
 * Looks only into the file itself, not into SQLite's log beside it.
 * @param id the row's integer key
 * @returns undefined where the tree does not lead to it
 */
export function locateRow(
  path: string,
  tree: { readonly rootPage: number; readonly pageBytes: number },
  id: bigint,
): RowPlace | undefined {
  const fd = openSync(path, 'r');
  try {
    let page = tree.rootPage;
    const bytes = Buffer.alloc(tree.pageBytes);
    for (let depth = 0; depth < depthMax; depth++) {
      const start = (page - 1) * tree.pageBytes;
      if (page < 1 || readSync(fd, bytes, 0, bytes.length, start) < bytes.length) return undefined;
      // The first page begins with the file's header.
      const head = page === 1 ? 100 : 0;
      if (bytes[head] === leafTable) {
        const at = cellOf(bytes, head, id);
        return at === undefined ? undefined : { page, offset: start + at };
      }
      if (bytes[head] !== interiorTable) return undefined;
      page = childOf(bytes, head, id);
    }
    return undefined;
  } finally {
    closeSync(fd);
  }
}

function cellOf(bytes: Buffer, head: number, id: bigint): number | undefined {
  const count = bytes.readUInt16BE(head + 3);
  for (let cell = 0; cell < count; cell++) {
    const at = pointer(bytes, head + 8, cell);
    if (varint(bytes, varint(bytes, at).next).value === id) return at;
  }
  return undefined;
}

function childOf(bytes: Buffer, head: number, id: bigint): number {
  const count = bytes.readUInt16BE(head + 3);
  for (let cell = 0; cell < count; cell++) {
    const at = pointer(bytes, head + 12, cell);
    if (at + 4 <= bytes.length && id <= varint(bytes, at + 4).value) return bytes.readUInt32BE(at);
  }
  return bytes.readUInt32BE(head + 8);
}

function pointer(bytes: Buffer, from: number, cell: number): number {
  const at = from + 2 * cell;
  return at + 2 <= bytes.length ? bytes.readUInt16BE(at) : bytes.length;
}

/** SQLite's variable-length integer: seven bits a byte, the ninth byte whole. */
function varint(bytes: Buffer, from: number): { readonly value: bigint; readonly next: number } {
  let value = 0n;
  for (let at = 0; at < 9; at++) {
    const byte = bytes[from + at] ?? 0;
    if (at === 8) return { value: (value << 8n) | BigInt(byte), next: from + 9 };
    value = (value << 7n) | BigInt(byte & 0x7f);
    if (byte < 0x80) return { value, next: from + at + 1 };
  }
  return { value, next: from + 9 };
}
