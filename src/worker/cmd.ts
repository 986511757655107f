import { delay, systemClock } from '../lib/clock.js';
import { lockDirectory } from '../lib/files/directory-lock.js';
import { createLogger } from '../lib/create-logger.js';
import { LogThreshold } from '../lib/log.js';
import { surviveRejections } from '../lib/rejections.js';
import { isUsageError } from '../lib/usage-error.js';
import { shutdownSignal } from '../lib/shutdown.js';
import { errorMessage } from '../lib/errors.js';
import type { WorkerOptions } from './options.js';
import { parseWorkerOptions } from './options.js';
import { startHollowNodes, startWorker } from './start.js';

/** A stop that takes longer is cut off. */
const stopMs = 8000;
/** And one of a worker that is still starting: it has little to take apart. */
const startingStopMs = 2000;

/** `trireme worker`: runs until told to stop; its containers go on. @returns the exit code */
export async function runWorker(argv: readonly string[]): Promise<number> {
  const options = parseWorkerOptions(argv);
  return options === undefined ? 0 : run(options);
}

async function run(options: WorkerOptions): Promise<number> {
  const threshold = new LogThreshold(options.logLevel);
  const log = createLogger({ component: 'worker', level: threshold });
  surviveRejections({ component: 'worker', log });
  const stopping = shutdownSignal();
  // Held until this process ends, however it does: two agents on one state would end each other's containers.
  lockDirectory(options.dataDir);
  const told = whenAborted(stopping);
  const starting =
    options.hollowNodes > 0
      ? startHollowNodes(options, log, stopping)
      : startWorker({ ...options, log, threshold, signal: stopping });
  try {
    // Told to stop while it starts, it does not wait for what cannot be ended, such as a master that does not answer.
    const worker = await Promise.race([starting, told]);
    if (worker !== undefined) {
      await told;
      await within(stopMs, worker.stop());
    } else {
      await within(
        startingStopMs,
        starting.then((late) => late.stop()),
      );
    }
  } catch (error) {
    if (!stopping.aborted) {
      const isUsage = isUsageError(error);
      if (!isUsage) log.error({ error }, 'the worker could not be started');
      process.stderr.write(`trireme worker: ${errorMessage(error)}\n`);
      process.exit(isUsage ? 2 : 1);
    }
  }
  // Work that is still under way, such as a container's grace period, would keep the process alive; the next agent
  // goes on with it.
  process.exit(0);
}

function whenAborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    signal.addEventListener('abort', () => resolve(undefined), { once: true });
  });
}

async function within(limitMs: number, stopped: Promise<void>): Promise<void> {
  await Promise.race([stopped, delay(systemClock(), limitMs)]);
}
