import { delay, systemClock } from '../../lib/clock.js';
import { createLogger } from '../../lib/create-logger.js';
import { errorMessage } from '../../lib/errors.js';
import { lockDirectory } from '../../lib/files/directory-lock.js';
import { LogThreshold } from '../../lib/log.js';
import { surviveRejections } from '../../lib/rejections.js';
import { shutdownSignal } from '../../lib/shutdown.js';
import type { NetproxyCommand } from '../options.js';
import { parseNetproxyOptions } from '../options.js';
import { proxyDirectory } from './node-proxy.js';
import { startProxyProcess } from './start.js';

/** A stop that takes longer is cut off: the ingress drains for less. */
const stopMs = 8000;

/** `trireme netproxy`: runs until told to stop; rules stay in the kernel. @returns the exit code */
export async function runNetproxy(argv: readonly string[]): Promise<number> {
  const options = parseNetproxyOptions(argv);
  return options === undefined ? 0 : run(options);
}

async function run(options: NetproxyCommand): Promise<number> {
  const threshold = new LogThreshold(options.logLevel);
  const log = createLogger({ component: 'netproxy', level: threshold });
  surviveRejections({ component: 'netproxy', log });
  const stopping = shutdownSignal();
  const clock = systemClock();
  // Held until this process ends: two would undo each other's rules.
  lockDirectory(proxyDirectory(options.dataDir));
  const told = new Promise<void>((resolve) => {
    stopping.addEventListener('abort', () => resolve(), { once: true });
  });
  try {
    while (!stopping.aborted) {
      const proxy = await startProxyProcess({ ...options, log, threshold, clock }, stopping);
      proxy.ready.then(
        () => log.info({ node: options.nodeName }, 'the network of the node is ready'),
        () => undefined,
      );
      await Promise.race([told, proxy.moved]);
      if (!stopping.aborted) log.info({ node: options.nodeName }, 'the node is in another cluster');
      await Promise.race([proxy.stop(), delay(clock, stopMs)]);
    }
  } catch (error) {
    if (!stopping.aborted) {
      log.error({ error }, 'netproxy could not be started');
      process.stderr.write(`trireme netproxy: ${errorMessage(error)}\n`);
      process.exit(1);
    }
  }
  // A connection that is being drained would keep the process alive.
  process.exit(0);
}
