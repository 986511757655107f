import type Database from 'better-sqlite3';
import { revisionId, subCountMax } from './schema.js';
import type { RevisionVisitor } from './types.js';
import type { WriteBuffer } from './write-buffer.js';

/** Rows of one multi-row insert: 25 % cheaper than one statement a row. */
const rowsPerInsert = 16;

type Row = [main: number, sub: number, tombstone: number, value: Buffer];

/** The revisions, in SQLite and in the buffer in front of it. */
export class RevisionTable {
  readonly #buffer: WriteBuffer;
  readonly #insertOne: Database.Statement;
  readonly #insertMany: Database.Statement;
  readonly #select: Database.Statement;
  readonly #scan: Database.Statement;
  readonly #delete: Database.Statement;
  readonly #arguments: (number | bigint | Buffer)[] = Array.from(
    { length: 3 * rowsPerInsert },
    () => 0,
  );

  constructor(db: Database.Database, buffer: WriteBuffer) {
    this.#buffer = buffer;
    const insert = 'INSERT INTO revision (id, tombstone, value) VALUES ';
    this.#insertOne = db.prepare(`${insert}(?, ?, ?)`);
    const places = Array.from({ length: rowsPerInsert }, () => '(?, ?, ?)').join(', ');
    this.#insertMany = db.prepare(insert + places);
    this.#select = db.prepare('SELECT value FROM revision WHERE id = ?').pluck();
    this.#scan = db
      .prepare(
        `SELECT id / ${subCountMax}, id % ${subCountMax}, tombstone, value FROM revision
         WHERE id >= ? AND id < ? ORDER BY id`,
      )
      .raw();
    this.#delete = db.prepare('DELETE FROM revision WHERE id = ?');
  }

  get(main: number, sub: number): Buffer | undefined {
    if (this.#buffer.length > 0 && main >= (this.#buffer.mains[0] ?? 0)) {
      return this.#buffer.get(main, sub);
    }
    return this.#select.get(revisionId(main, sub)) as Buffer | undefined;
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
      for (const [main, sub, tombstone, value] of found as Iterable<Row>) {
        if (full(main)) return last;
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

  /** Inserts the buffered rows; inside a transaction. Leaves the buffer as it is. */
  flush(): void {
    const { mains, subs, tombstones, values, length } = this.#buffer;
    const args = this.#arguments;
    let at = 0;
    for (; at + rowsPerInsert <= length; at += rowsPerInsert) {
      for (let row = 0; row < rowsPerInsert; row++) {
        const from = at + row;
        args[3 * row] = revisionId(mains[from] ?? 0, subs[from] ?? 0);
        args[3 * row + 1] = tombstones[from] === true ? 1 : 0;
        args[3 * row + 2] = values[from] as Buffer;
      }
      this.#insertMany.run(args);
    }
    for (; at < length; at++) {
      const id = revisionId(mains[at] ?? 0, subs[at] ?? 0);
      this.#insertOne.run(id, tombstones[at] === true ? 1 : 0, values[at]);
    }
    args.fill(0);
  }

  /** Inside a transaction, after `flush`. */
  deleteAll(revisions: readonly (readonly [main: number, sub: number])[]): void {
    for (const [main, sub] of revisions) this.#delete.run(revisionId(main, sub));
  }
}
