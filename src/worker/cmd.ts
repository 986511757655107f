import { delay, systemClock } from '../lib/clock.js';
import { lockDirectory } from '../lib/files/directory-lock.js';
import { createLogger } from '../lib/log.js';
import { shutdownSignal } from '../lib/shutdown.js';
import type { WorkerOptions } from './options.js';
import { parseWorkerOptions, WorkerUsageError } from './options.js';
import { startHollowNodes, startWorker } from './start.js';

/** A stop that takes longer is cut off. */
const stopMs = 8000;

/** `trireme worker`: runs until told to stop; its containers go on. @returns the exit code */
export async function runWorker(argv: readonly string[]): Promise<number> {
  try {
    const options = parseWorkerOptions(argv);
    return options === undefined ? 0 : await run(options);
  } catch (error) {
    if (!(error instanceof WorkerUsageError)) throw error;
    process.stderr.write(`trireme worker: ${error.message}\n`);
    return 2;
  }
}

async function run(options: WorkerOptions): Promise<number> {
  const log = createLogger({ component: 'worker', level: options.logLevel });
  const stopping = shutdownSignal();
  // Held until this process ends, however it does: two agents on one state would end each other's containers.
  lockDirectory(options.dataDir);
  const worker =
    options.hollowNodes > 0
      ? await startHollowNodes(options, log, stopping)
      : await startWorker({ ...options, log, signal: stopping });
  if (!stopping.aborted) {
    await new Promise<void>((resolve) => {
      stopping.addEventListener('abort', () => resolve(), { once: true });
    });
  }
  const clock = systemClock();
  await Promise.race([worker.stop(), delay(clock, stopMs)]);
  // What is still under way (a container that is given its grace period) would hold the process: the next agent goes on with it.
  process.exit(0);
}
