/** A small key-value table beside the revisions. Keys are latin1 strings (one char a byte), values opaque bytes. */
export type Bucket =
  | 'meta'
  | 'cluster'
  | 'members'
  | 'membersRemoved'
  | 'alarm'
  | 'lease'
  | 'auth'
  | 'authUsers'
  | 'authRoles';

/** The raft position whose effects the backend holds. */
export interface ConsistentIndex {
  readonly index: number;
  readonly term: number;
}

/** Is called for each revision of a scan. `value` is immutable and may be kept. */
export type RevisionVisitor = (
  main: number,
  sub: number,
  tombstone: boolean,
  value: Buffer,
) => void;

/** A snapshot file made by `Backend.snapshotTo`. */
export interface BackendSnapshot {
  readonly path: string;
  readonly sizeBytes: number;
  /** The raft position that the file's content is at: at least the one asked for, maybe later. */
  readonly consistentIndex: ConsistentIndex;
  /** The conf state saved at that position. */
  readonly confState: Buffer | undefined;
}

/**
 * The ordered revision store and the small tables, on SQLite. The apply loop is the only writer. Writes go to memory
 * and are seen by reads at once; they reach SQLite in batches, at apply boundaries only, each batch together with the
 * consistent index that its effects belong to. After a crash, entries behind the last commit are applied again from
 * the raft WAL.
 */
export interface Backend {
  readonly path: string;

  /** @param value kept by reference; the caller must not change it afterwards. */
  putRevision(main: number, sub: number, tombstone: boolean, value: Buffer): void;
  /** The encoded KeyValue of one revision, or undefined. */
  getRevision(main: number, sub: number): Buffer | undefined;
  /**
   * Visits all revisions in order and checks that none is missing; commits those that are buffered. A value is a piece
   * of a larger buffer: who keeps it, copies it.
   * @throws BackendCorruptError
   */
  scanAllRevisions(visit: RevisionVisitor): void;
  /** Visits revisions in order, from main >= `fromMain`, to main <= `toMain`. */
  scanRevisions(fromMain: number, toMain: number, visit: RevisionVisitor): void;
  /**
   * Like `scanRevisions`, but stops at the first whole main revision after `maxRows` rows or `maxBytes`; returns the
   * last main visited (`toMain` at the end).
   */
  scanRevisionsBounded(
    fromMain: number,
    toMain: number,
    bounds: { readonly maxRows: number; readonly maxBytes: number },
    visit: RevisionVisitor,
  ): number;
  /** Removes revisions (compaction), committing what is buffered with it. Not inside the apply of an entry. */
  deleteRevisions(revisions: readonly (readonly [main: number, sub: number])[]): void;

  put(bucket: Bucket, key: string, value: Buffer): void;
  get(bucket: Bucket, key: string): Buffer | undefined;
  delete(bucket: Bucket, key: string): void;
  /** All pairs of a bucket, ordered by key. */
  entries(bucket: Bucket): [key: string, value: Buffer][];

  /**
   * Ends the effects of one raft entry: all writes since the last call belong to entries up to `index`. Commits if a
   * bound (rows, bytes, age) is reached. Must be called in the same event-loop turn as the writes of the entry.
   */
  endApply(index: number, term: number): void;
  /** The position as reads see it (the last `endApply`). */
  readonly consistentIndex: ConsistentIndex;
  /** The position that the SQLite file has committed; survives a crash of the process. */
  readonly committedIndex: number;
  /** The position that survives a crash of the machine; the raft WAL may be released up to here. */
  readonly durableIndex: number;
  /**
   * True while batches cannot be committed because the disk is full: raise NOSPACE. It goes on by itself when there is
   * space.
   */
  readonly noSpace: boolean;
  /** Raft's conf state, stored with the consistent index. */
  readonly confState: Buffer | undefined;
  setConfState(confState: Buffer): void;

  /** Commits the buffer now. */
  commit(): void;
  /**
   * Commits and makes the state durable (checkpoint, off the event loop); afterwards `durableIndex` >= the index at the
   * call.
   */
  makeDurable(): Promise<void>;

  /** The number of stored revisions, buffered ones included; known once all were scanned. */
  revisionCount(): number;
  /** Size of the database file with its buffer, as counted against the quota. */
  sizeBytes(): number;
  /** The same without free pages. */
  sizeInUseBytes(): number;
  /** Gives free pages back to the file system, in slices. */
  defragment(): Promise<void>;
  /**
   * A CRC32C over all content of all tables, for `Maintenance.Hash`. In slices; the state hashed is that at some point
   * during the call.
   */
  hash(): Promise<number>;
  /**
   * Writes a consistent copy to `path` (must not exist) without stopping writes.
   * The content is at some raft position >= `consistentIndex` at the call; the result says which.
   */
  snapshotTo(path: string): Promise<BackendSnapshot>;
  /**
   * Reports that a stored revision is not what was written, and makes the error that says so, with the place in the
   * file.
   */
  damage(main: number, sub: number, detail: string): Error;
  /** Called when damage is found, before the error is thrown: the member must stop, whoever catches that error. */
  onDamage: ((error: Error) => void) | undefined;
  /** Checks the file, row by row. @throws BackendCorruptError naming the file. */
  checkIntegrity(): void;
  /** Commits and closes. */
  close(): Promise<void>;
  /** Closes without committing, as a crash would. For tests and the simulation. */
  abandon(): void;
}
