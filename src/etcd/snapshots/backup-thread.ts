/**
 * Turns an image of the backend into a snapshot file on a thread of its own, so that neither encoding nor hashing nor
 * fsync stops the member's loop. This file is both the thread's program and the functions that it runs.
 */
import { rmSync } from 'node:fs';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { renameDurablySync } from '../../lib/files/rename-durably.js';
import { mustExist } from '../../lib/assert.js';
import { errorMessage } from '../../lib/errors.js';
import type { FileVersions } from '../config.js';
import { BboltFile } from './bbolt-reader.js';
import { decodeRevisionKey, etcdBuckets } from './etcd-buckets.js';
import { exportEtcdSnapshot } from './export.js';
import { appendSnapshotHash, checkSnapshotHash } from './snapshot-file.js';

/** The image and the paths of one backup. */
export interface BackupJob extends FileVersions {
  /** As `Backend.snapshotTo` makes it. */
  readonly imagePath: string;
  /** Must not exist; on the same file system as the result. */
  readonly temporaryPath: string;
  /** The file gets this name, the revision and `.db`. */
  readonly pathPrefix: string;
}

/** The image and the path of a file to be sent. */
export interface ExportJob extends FileVersions {
  /** As `Backend.snapshotTo` makes it. */
  readonly imagePath: string;
  /** Must not exist. */
  readonly path: string;
}

/** A finished file. */
export interface BackupMade {
  readonly path: string;
  readonly sizeBytes: number;
  /** The last revision in it. */
  readonly revision: number;
}

type Job = ({ readonly kind: 'backup' } & BackupJob) | ({ readonly kind: 'export' } & ExportJob);

type Reply =
  | { readonly made: BackupMade | undefined }
  | { readonly error: { readonly message: string; readonly code: string } };

const threadMark = 'trireme-backup';
/**
 * Writes to the temporary name, appends the SHA-256, syncs, reads it all again, and only then gives it its name: a
 * crash or an error leaves no half file under it.
 */
export async function writeBackup(job: BackupJob): Promise<BackupMade> {
  const { imagePath, temporaryPath } = job;
  try {
    await exportEtcdSnapshot(imagePath, temporaryPath, job);
    const sizeBytes = appendSnapshotHash(temporaryPath);
    checkSnapshotHash(temporaryPath);
    const revision = lastRevision(temporaryPath);
    const path = `${job.pathPrefix}${revision}.db`;
    renameDurablySync(temporaryPath, path);
    return { path, sizeBytes, revision };
  } catch (error) {
    rmSync(temporaryPath, { force: true });
    throw error;
  }
}

function lastRevision(path: string): number {
  const file = BboltFile.open(path);
  try {
    let revision = 0;
    for (const { key } of file.entries(etcdBuckets.key)) {
      revision = decodeRevisionKey(key)?.main ?? revision;
    }
    return revision;
  } finally {
    file.close();
  }
}

/** Runs the job on a new thread. @param signal ends the thread; the temporary file may stay then */
export async function runBackupThread(job: BackupJob, signal: AbortSignal): Promise<BackupMade> {
  return mustExist(await run({ kind: 'backup', ...job }, signal), 'what was made');
}

/** Writes etcd's file, without a hash, on a new thread; see `exportEtcdSnapshot`. */
export async function runExportThread(job: ExportJob): Promise<void> {
  await run({ kind: 'export', ...job });
}

function run(job: Job, signal?: AbortSignal): Promise<BackupMade | undefined> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(import.meta.url), { workerData: { mark: threadMark, job } });
    const end = (): void => void worker.terminate();
    signal?.addEventListener('abort', end, { once: true });
    worker.once('message', (reply: Reply) => {
      if ('made' in reply) resolve(reply.made);
      else reject(Object.assign(new Error(reply.error.message), { code: reply.error.code }));
    });
    worker.once('error', reject);
    worker.once('exit', () => {
      signal?.removeEventListener('abort', end);
      reject(new Error('the backup thread was ended'));
    });
  });
}

interface StartData {
  readonly mark: string;
  readonly job: Job;
}

function isStartData(data: unknown): data is StartData {
  return typeof data === 'object' && data !== null && 'mark' in data && data.mark === threadMark;
}

if (!isMainThread && isStartData(workerData)) {
  const port = parentPort;
  const { job } = workerData;
  const done =
    job.kind === 'backup'
      ? writeBackup(job)
      : exportEtcdSnapshot(job.imagePath, job.path, job).then(() => undefined);
  void done
    .then((made): Reply => ({ made }))
    .catch((error: unknown): Reply => {
      const code = error instanceof Error && 'code' in error ? String(error.code) : '';
      const message = errorMessage(error);
      return { error: { message, code } };
    })
    .then((reply) => port?.postMessage(reply));
}
