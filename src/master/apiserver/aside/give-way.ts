import { readlinkSync } from 'node:fs';
import { setPriority } from 'node:os';
import { basename } from 'node:path';
import { asideThreadNiceness } from '../limits.js';

/** Lowers this thread's priority, so that the event loop has a scarce processor first. Only on Linux. */
export function giveWay(): void {
  try {
    const threadId = Number(basename(readlinkSync('/proc/thread-self')));
    if (threadId !== process.pid) setPriority(threadId, asideThreadNiceness);
  } catch {
    // Another system, or one that forbids it: the thread has the priority of all.
  }
}
