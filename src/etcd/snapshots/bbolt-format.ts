/**
 * The numbers of bbolt's file format, version 2. All integers are little-endian.
 *
 *     page     id 8 | flags 2 | count 2 | overflow 4 | elements … | keys and values …
 *     leaf     flags 4 | position 4 | key size 4 | value size 4      position counts from the element
 *     branch   position 4 | key size 4 | page 8
 *     meta     magic 4 | version 4 | page size 4 | flags 4 | root 8 | sequence 8 | freelist 8 | pages 8 | txid 8 | FNV-1a 8
 *     bucket   root page 8 | sequence 8 [| an inline leaf page, when the root page is 0]
 *
 * @see bbolt page.go, db.go, bucket.go
 */

/** The page size of databases that we write; bbolt's own default on most machines. */
export const pageBytes = 4096;

/** Sizes and flags of bbolt's pages (bbolt `page.go`, `bucket.go`). */
export const pageHeaderBytes = 16;
/** Leaf and branch elements alike. */
export const elementBytes = 16;

/** Bytes of a meta, and of a bucket's header. */
export const metaBytes = 64;
export const bucketHeaderBytes = 16;

/** The kinds of pages. */
export const pageFlag = { branch: 0x01, leaf: 0x02, meta: 0x04, freelist: 0x10 } as const;
/** On a leaf element: the value is a bucket. */
export const bucketLeafFlag = 0x01;

/** The magic number and version of bbolt files. */
export const bboltMagic = 0xed0cdaed;
export const bboltVersion = 2;

const fnvOffset = 0xcbf29ce484222325n;
const fnvPrime = 0x100000001b3n;

/** FNV-1a, 64 bits: the checksum over a meta without its last field. */
export function fnv1a64(bytes: Uint8Array): bigint {
  let hash = fnvOffset;
  for (const byte of bytes) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * fnvPrime);
  return hash;
}

/** One pair of a bucket. */
export interface BboltPair {
  readonly key: Buffer;
  readonly value: Buffer;
}

/** The file is no bbolt database, or is damaged. */
export class BboltCorruptError extends Error {
  override readonly name = 'BboltCorruptError';
  readonly code = 'BBOLT_CORRUPT';
  readonly retryable = false;
  readonly path: string;
  /** The offset in the file, in bytes. */
  readonly offset: number;

  constructor(path: string, offset: number, what: string) {
    super(`${path}: at byte ${offset}: ${what}`);
    this.path = path;
    this.offset = offset;
  }
}
