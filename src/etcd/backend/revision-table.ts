import type Database from 'better-sqlite3';
import { RowReader } from './row-reader.js';
import type { Row } from './row-reader.js';
import { changeTotals, noRevisions, revisionCheck } from './row-check.js';
import type { RevisionTotals } from './row-check.js';
import { revisionId, subCountMax } from './schema.js';
import type { RevisionVisitor } from './types.js';
import type { WriteBuffer } from './write-buffer.js';

/** Rows of one multi-row insert: 25 % cheaper than one statement a row. */
const rowsPerInsert = 16;

/** Columns of a row. */
const width = 4;

/** Is told of a row that is not what was written; throws. */
export type RowDamage = (main: number, sub: number, detail: string) => never;

/** The revisions, in SQLite and in the buffer in front of it. */
export class RevisionTable {
  readonly #buffer: WriteBuffer;
  readonly #insertOne: Database.Statement;
  readonly #insertMany: Database.Statement;
  readonly #select: Database.Statement;
  readonly #scan: Database.Statement;
  readonly #reader: RowReader;
  readonly #delete: Database.Statement;
  readonly #damage: RowDamage;
  readonly #arguments: (number | bigint | Buffer)[] = Array.from(
    { length: width * rowsPerInsert },
    () => 0,
  );
  /** Of the committed rows; undefined until they have been counted. */
  totals: RevisionTotals | undefined;

  constructor(db: Database.Database, buffer: WriteBuffer, damage: RowDamage) {
    this.#buffer = buffer;
    this.#damage = damage;
    const insert = 'INSERT INTO revision (id, tombstone, value, crc) VALUES ';
    this.#insertOne = db.prepare(`${insert}(?, ?, ?, ?)`);
    const places = Array.from({ length: rowsPerInsert }, () => '(?, ?, ?, ?)').join(', ');
    this.#insertMany = db.prepare(insert + places);
    this.#reader = new RowReader(db);
    this.#select = db.prepare('SELECT tombstone, value, crc FROM revision WHERE id = ?').raw();
    this.#scan = db
      .prepare(
        `SELECT id / ${subCountMax}, id % ${subCountMax}, tombstone, value, crc FROM revision
         WHERE id >= ? AND id < ? ORDER BY id`,
      )
      .raw();
    this.#delete = db.prepare('DELETE FROM revision WHERE id = ? RETURNING crc').pluck();
  }

  get(main: number, sub: number): Buffer | undefined {
    if (this.#buffer.length > 0 && main >= (this.#buffer.mains[0] ?? 0)) {
      return this.#buffer.get(main, sub);
    }
    const row = this.#select.get(revisionId(main, sub)) as
      [tombstone: number, value: Buffer, crc: number | null] | undefined;
    if (row === undefined) return undefined;
    const [tombstone, value, crc] = row;
    this.#check(main, sub, tombstone, value, crc);
    return value;
  }

  /** Reads all rows, checks each, and whether they are all there. The buffer is empty. Who keeps a value copies it. */
  scanAll(visit: RevisionVisitor): void {
    let totals = noRevisions;
    let [lastMain, lastSub] = [-1, 0];
    for (const [main, sub, tombstone, value, crc] of this.#reader.all()) {
      const follows = main > lastMain || (main === lastMain && sub > lastSub);
      if (!follows) this.#damage(main, sub, 'the rows are out of order');
      [lastMain, lastSub] = [main, sub];
      this.#check(main, sub, tombstone, value, crc);
      totals = changeTotals(totals, 1, crc ?? 0);
      visit(main, sub, tombstone === 1, value);
    }
    const wanted = this.totals;
    if (wanted !== undefined && (wanted.count !== totals.count || wanted.xor !== totals.xor)) {
      const detail = `${totals.count} rows of ${wanted.count}, together ${totals.xor} and not ${wanted.xor}`;
      this.#damage(0, 0, `rows are missing or too many: ${detail}`);
    }
    this.totals = totals;
  }

  /** Rows of a version without checksums have none. */
  #check(main: number, sub: number, tombstone: number, value: Buffer, crc: number | null): void {
    if (crc === null && (tombstone === 0 || tombstone === 1) && Buffer.isBuffer(value)) return;
    if (!Buffer.isBuffer(value)) this.#damage(main, sub, 'its value is no bytes');
    if (crc !== revisionCheck(main, sub, tombstone === 1, value)) {
      this.#damage(main, sub, 'its checksum is wrong');
    }
  }

  /** See `Backend.scanRevisionsBounded`. */
  scan(
    fromMain: number,
    toMain: number,
    bounds: { readonly maxRows: number; readonly maxBytes: number },
    visit: RevisionVisitor,
  ): number {
    if (fromMain > toMain) return toMain;
    let rows = 0;
    let bytes = 0;
    let last = fromMain - 1;
    const full = (main: number): boolean =>
      main !== last && (rows >= bounds.maxRows || bytes >= bounds.maxBytes);
    const buffer = this.#buffer;
    const firstBuffered = buffer.mains[0] ?? Infinity;
    if (fromMain < firstBuffered) {
      const until = Math.min(toMain + 1, firstBuffered);
      const found = this.#scan.iterate(revisionId(fromMain, 0), revisionId(until, 0));
      for (const [main, sub, tombstone, value, crc] of found as Iterable<Row>) {
        if (full(main)) return last;
        this.#check(main, sub, tombstone, value, crc);
        visit(main, sub, tombstone === 1, value);
        rows += 1;
        bytes += value.length;
        last = main;
      }
    }
    for (let at = buffer.lowerBound(fromMain); at < buffer.length; at++) {
      const main = buffer.mains[at] ?? 0;
      const value = buffer.values[at];
      if (main > toMain || value === undefined) break;
      if (full(main)) return last;
      visit(main, buffer.subs[at] ?? 0, buffer.tombstones[at] ?? false, value);
      rows += 1;
      bytes += value.length;
      last = main;
    }
    return toMain;
  }

  /**
   * Inserts the buffered rows; inside a transaction. Leaves the buffer as it is.
   * @returns the totals afterwards; the caller sets them once the transaction stands
   */
  flush(): RevisionTotals | undefined {
    const { mains, subs, tombstones, values, length } = this.#buffer;
    const args = this.#arguments;
    let xor = this.totals?.xor ?? 0;
    let at = 0;
    for (; at + rowsPerInsert <= length; at += rowsPerInsert) {
      for (let row = 0; row < rowsPerInsert; row++) {
        const from = at + row;
        const main = mains[from] ?? 0;
        const sub = subs[from] ?? 0;
        const tombstone = tombstones[from] === true;
        const value = values[from] as Buffer;
        const crc = revisionCheck(main, sub, tombstone, value);
        const place = width * row;
        args[place] = revisionId(main, sub);
        args[place + 1] = tombstone ? 1 : 0;
        args[place + 2] = value;
        args[place + 3] = crc;
        xor ^= crc;
      }
      this.#insertMany.run(args);
    }
    for (; at < length; at++) {
      const main = mains[at] ?? 0;
      const sub = subs[at] ?? 0;
      const tombstone = tombstones[at] === true;
      const value = values[at] as Buffer;
      const crc = revisionCheck(main, sub, tombstone, value);
      this.#insertOne.run(revisionId(main, sub), tombstone ? 1 : 0, value, crc);
      xor ^= crc;
    }
    args.fill(0);
    return this.totals && { count: this.totals.count + length, xor: xor >>> 0 };
  }

  /** Inside a transaction, after `flush`, whose totals it goes on from. */
  deleteAll(
    revisions: readonly (readonly [main: number, sub: number])[],
    totals: RevisionTotals | undefined,
  ): RevisionTotals | undefined {
    let left = totals;
    for (const [main, sub] of revisions) {
      const crc = this.#delete.get(revisionId(main, sub)) as number | null | undefined;
      if (crc !== undefined && left !== undefined) left = changeTotals(left, -1, crc ?? 0);
    }
    return left;
  }
}
