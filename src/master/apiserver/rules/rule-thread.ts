/** The thread that evaluates what would keep the event loop; `rule-turns.ts` is its other end. */
import { parentPort } from 'node:worker_threads';
import { giveWay } from '../aside/give-way.js';
import type { RuleWork } from './rule-work.js';
import { RuleWorker } from './rule-work.js';

giveWay();
const worker = new RuleWorker();
// An error that is no rule's ends the thread, and its other end tells the request.
parentPort?.on('message', (work: RuleWork) => parentPort?.postMessage(worker.run(work)));
