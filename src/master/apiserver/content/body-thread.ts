/**
 * The thread that reads bodies whose reading takes long; `body-parser.ts` is its other end. It has one body at a time.
 */
import { parentPort } from 'node:worker_threads';
import type { BodyFault, BodyOutcome, BodyWork } from './body-work.js';
import { doBodyWork, faultOf } from './body-work.js';

/** The thread's answer: an outcome or a fault. */
export type BodyReply = { readonly outcome: BodyOutcome } | { readonly fault: BodyFault };

function reply(work: BodyWork): BodyReply {
  try {
    return { outcome: doBodyWork(work) };
  } catch (error) {
    const fault = faultOf(error);
    // Any other error ends the thread, and its other end tells the request.
    if (fault === undefined) throw error;
    return { fault };
  }
}

parentPort?.on('message', (work: BodyWork) => parentPort?.postMessage(reply(work)));
