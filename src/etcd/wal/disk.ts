/**
 * The few things that durable code needs from a file system, so that a simulated disk can stand in: one that loses
 * unsynced data, tears the last write, flips bits, is full, or is slow.
 */
export interface Disk {
  /** Makes the directory and its parents; no error if it is there. */
  makeDirectory(path: string): void;
  /** Names (not paths) in a directory, sorted. Empty when it does not exist. */
  list(path: string): string[];
  /** Opens for reading and writing. @throws DiskError code ENOENT when missing and not `create`. */
  open(path: string, options: { readonly create: boolean }): DiskFile;
  rename(from: string, to: string): void;
  remove(path: string): void;
  /** Makes creations, renames and removals in the directory durable. */
  syncDirectory(path: string): void;
}

/** An open file. Positions and lengths are bytes. */
export interface DiskFile {
  readonly path: string;
  /** Present length of the file. */
  size(): number;
  /** Reads into `target` from `position`; returns how many bytes were read (short only at the end of the file). */
  read(target: Buffer, position: number): number;
  /**
   * Writes all of `source` at `position`.
   * @throws an error with code ENOSPC when the disk is full; a prefix may be written.
   */
  write(source: Buffer, position: number): void;
  /** Sets the length; new bytes read as zeros. */
  truncate(size: number): void;
  /** Makes the data written before the call durable (fdatasync), off the event loop. */
  syncData(done: (error: Error | null) => void): void;
  /** The same, blocking. */
  syncDataNow(): void;
  close(): void;
}
