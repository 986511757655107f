/**
 * The thread that does the work with large and hostile bodies; `body-lane.ts` is its other end. It has one body at a
 * time.
 */
import { readlinkSync } from 'node:fs';
import { setPriority } from 'node:os';
import { basename } from 'node:path';
import { parentPort } from 'node:worker_threads';
import { bodyThreadNiceness } from '../limits.js';
import type { BodyWork } from './body-work.js';
import { doBodyWork, WorkKinds } from './body-work.js';

/** Lowers this thread's priority, so that the event loop has a scarce processor first. Only on Linux. */
function giveWay(): void {
  try {
    const threadId = Number(basename(readlinkSync('/proc/thread-self')));
    if (threadId !== process.pid) setPriority(threadId, bodyThreadNiceness);
  } catch {
    // Another system, or one that forbids it: the thread has the priority of all.
  }
}

giveWay();
const kinds = new WorkKinds();
// An error that is no client's mistake ends the thread, and its other end tells the request.
parentPort?.on('message', (work: BodyWork) => parentPort?.postMessage(doBodyWork(work, kinds)));
