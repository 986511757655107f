/**
 * The thread that does the work with large and hostile bodies; `body-lane.ts` is its other end. It has one body at a
 * time.
 */
import { parentPort } from 'node:worker_threads';
import { giveWay } from '../aside/give-way.js';
import type { BodyWork } from './body-work.js';
import { doBodyWork, WorkKinds } from './body-work.js';

giveWay();
const kinds = new WorkKinds();
// An error that is no client's mistake ends the thread, and its other end tells the request.
parentPort?.on('message', (work: BodyWork) => parentPort?.postMessage(doBodyWork(work, kinds)));
