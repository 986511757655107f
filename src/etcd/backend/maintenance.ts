/**
 * The slow jobs on the database file, run on a thread of their own with a connection of their own, so that neither the
 * copying nor the fsyncs of a checkpoint stop the member's loop. SQLite's WAL mode lets them run beside the writer.
 * This file is both the thread's program and the functions that it runs.
 */
import { closeSync, fdatasyncSync, fsyncSync, openSync, statSync } from 'node:fs';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import Database from 'better-sqlite3';
import { verifyRows } from './verify-rows.js';
import type { Clock } from '../../lib/clock.js';
import { errorMessage } from '../../lib/errors.js';

/** One job. */
export type MaintenanceJob =
  { readonly kind: 'checkpoint' } | { readonly kind: 'copy'; readonly to: string };

/** The result of a checkpoint: all frames of SQLite's log are in the database when the two numbers are equal. */
export interface MaintenanceResult {
  readonly logFrames: number;
  readonly checkpointedFrames: number;
}

interface Reply {
  readonly id: number;
  readonly result?: MaintenanceResult;
  readonly error?: { readonly message: string; readonly code: string };
}

const threadMark = 'trireme-backend-maintenance';

/** Runs a job on `db`, a connection to the file `path`. Blocks. */
export function runMaintenance(
  db: Database.Database,
  path: string,
  job: MaintenanceJob,
): MaintenanceResult {
  if (job.kind === 'copy') {
    db.prepare('VACUUM INTO ?').run(job.to);
    syncFile(job.to, fsyncSync);
    verifyImage(job.to);
    return { logFrames: 0, checkpointedFrames: 0 };
  }
  const rows = db.pragma('wal_checkpoint(PASSIVE)') as { log: number; checkpointed: number }[];
  // A passive checkpoint that a reader holds up may skip the sync; the log itself must be durable in any case.
  // Opening the -wal file does not disturb SQLite's locks: those are on the database and on -shm.
  syncFile(`${path}-wal`, fdatasyncSync);
  return { logFrames: rows[0]?.log ?? 0, checkpointedFrames: rows[0]?.checkpointed ?? 0 };
}

/** Damage must not travel on in a copy. @throws BackendCorruptError */
function verifyImage(path: string): void {
  const image = new Database(path, { readonly: true, fileMustExist: true });
  try {
    verifyRows(image, path);
  } finally {
    image.close();
  }
}

function syncFile(path: string, sync: (fd: number) => void): void {
  if (statSync(path, { throwIfNoEntry: false }) === undefined) return;
  const fd = openSync(path, 'r+');
  try {
    sync(fd);
  } finally {
    closeSync(fd);
  }
}

/** A thread with nothing to do ends after so long: it holds 7 MB, and starts in about 50 ms. */
const idleMsMax = 5000;

/** The thread, started by the first job and ended by `close` or when it idles. Jobs run one after the other. */
export class MaintenanceThread {
  readonly #path: string;
  readonly #clock: Clock;
  #worker: Worker | undefined;
  #cancelEnd: () => void = () => undefined;
  #nextId = 1;
  readonly #waiting = new Map<
    number,
    { resolve: (result: MaintenanceResult) => void; reject: (error: Error) => void }
  >();

  constructor(path: string, clock: Clock) {
    this.#path = path;
    this.#clock = clock;
  }

  /** Rejects with the job's error (`code` is SQLite's or the system's) or when the thread ends. */
  run(job: MaintenanceJob): Promise<MaintenanceResult> {
    this.#cancelEnd();
    const worker = (this.#worker ??= this.#start());
    const id = this.#nextId++;
    worker.ref();
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      worker.postMessage({ id, job });
    });
  }

  async close(): Promise<void> {
    this.#cancelEnd();
    const worker = this.#worker;
    this.#worker = undefined;
    await worker?.terminate();
  }

  #start(): Worker {
    const worker = new Worker(new URL(import.meta.url), {
      workerData: { mark: threadMark, path: this.#path },
    });
    worker.unref();
    worker.on('message', (reply: Reply) => {
      const waiter = this.#waiting.get(reply.id);
      this.#waiting.delete(reply.id);
      if (this.#waiting.size === 0) this.#rest(worker);
      if (reply.error !== undefined) {
        waiter?.reject(Object.assign(new Error(reply.error.message), { code: reply.error.code }));
      } else if (reply.result !== undefined) {
        waiter?.resolve(reply.result);
      }
    });
    worker.on('error', (error) => this.#failAll(error));
    worker.on('exit', () => {
      // A worker that was let go has no jobs; its successor may have some.
      if (this.#worker !== worker && this.#worker !== undefined) return;
      this.#worker = undefined;
      this.#failAll(new Error('the maintenance thread has ended'));
    });
    return worker;
  }

  #rest(worker: Worker): void {
    worker.unref();
    if (this.#worker !== worker) return;
    this.#cancelEnd = this.#clock.schedule(idleMsMax, () => {
      this.#worker = undefined;
      void worker.terminate();
    });
  }

  #failAll(error: Error): void {
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const waiter of waiting) waiter.reject(error);
  }
}

function serveThread(path: string): void {
  const port = parentPort;
  if (port === null) return;
  const db = new Database(path, { fileMustExist: true, timeout: 10_000 });
  db.pragma('synchronous = NORMAL');
  db.pragma('wal_autocheckpoint = 0');
  db.pragma('cache_size = -1024');
  port.on('message', (request: { id: number; job: MaintenanceJob }) => {
    try {
      port.postMessage({ id: request.id, result: runMaintenance(db, path, request.job) });
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : '';
      const message = errorMessage(error);
      port.postMessage({ id: request.id, error: { message, code } });
    }
  });
}

const startData: unknown = workerData;
if (
  !isMainThread &&
  typeof startData === 'object' &&
  startData !== null &&
  'mark' in startData &&
  startData.mark === threadMark &&
  'path' in startData
) {
  serveThread(String(startData.path));
}
