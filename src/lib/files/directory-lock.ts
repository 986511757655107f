import Database from 'better-sqlite3';
import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  mkdirSync,
  readFileSync,
  statSync,
} from 'node:fs';
import { join } from 'node:path';

/** The file that is locked. It stays, empty: who removed it would let a second owner in beside the first. */
export const lockFileName = 'trireme.lock';

/** Keeps the locks of callers that forget theirs: garbage collection closes a database that nothing refers to. */
const held = new Set<Database.Database>();

/** Another process, or another part of this one, works on the directory. */
export class DirectoryInUseError extends Error {
  override readonly name = 'DirectoryInUseError';
  readonly code = 'DIRECTORY_IN_USE';
  readonly retryable = false;
  readonly directory: string;
  /** Undefined where the system does not tell, as across PID namespaces. */
  readonly pid: number | undefined;

  constructor(directory: string, pid: number | undefined) {
    const who = pid === undefined ? 'another process' : `the process ${pid}`;
    super(`the directory ${directory} is in use by ${who}: it has one owner at a time`);
    this.directory = directory;
    this.pid = pid;
  }
}

/** A directory that is held. */
export interface DirectoryLock {
  /** Lets another owner in. The end of the process does so too, however it ends. */
  release(): void;
}

/**
 * Becomes the directory's only owner. Node has no flock; SQLite's lock on an own, empty file is one of the kernel's
 * (fcntl): it is kept until the process ends, `kill -9` included, holds across network and PID namespaces, and SQLite
 * also minds the threads of one process, which such locks know nothing of. A socket with an abstract name would hold in
 * one network namespace only; a file with a process id outlives its process.
 * @throws DirectoryInUseError; the system's error where the directory cannot be written
 */
export function lockDirectory(directory: string): DirectoryLock {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  accessSync(directory, constants.W_OK);
  const path = join(directory, lockFileName);
  const database = new Database(path, { timeout: 0 });
  try {
    chmodSync(path, 0o600);
    // Nothing is ever written: no second file beside it.
    database.pragma('journal_mode = MEMORY');
    database.pragma('locking_mode = EXCLUSIVE');
    database.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    if (!isBusy(error)) throw error;
    throw new DirectoryInUseError(directory, ownerOf(path));
  }
  held.add(database);
  return {
    release() {
      held.delete(database);
      if (database.open) database.close();
    },
  };
}

function isBusy(error: unknown): boolean {
  if (typeof error !== 'object' || error === null || !('code' in error)) return false;
  return String(error.code).startsWith('SQLITE_BUSY');
}

/**
 * Reads from the kernel which process holds a lock on the file: `1: POSIX  ADVISORY  WRITE 4711 fe:01:2342 1073741824
 * 1073742335`.
 */
function ownerOf(path: string): number | undefined {
  try {
    const { ino } = statSync(path, { bigint: true });
    for (const line of readFileSync('/proc/locks', 'utf8').split('\n')) {
      const match = /\s(\d+)\s+[\da-f]+:[\da-f]+:(\d+)\s/.exec(line);
      if (match?.[2] === String(ino) && match[1] !== '0') return Number(match[1]);
    }
  } catch {
    // It is not known then.
  }
  return undefined;
}

/** True while another process, or another part of this one, has the directory. */
export function isDirectoryInUse(directory: string): boolean {
  if (!existsSync(join(directory, lockFileName))) return false;
  try {
    lockDirectory(directory).release();
    return false;
  } catch (error) {
    if (error instanceof DirectoryInUseError) return true;
    throw error;
  }
}
