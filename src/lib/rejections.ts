/**
 * Decides whether a promise that is rejected while nobody owns it ends the process. Such a rejection is always a bug:
 *
 * - A node's agent and an API server go on. Such a rejection comes from the work of one request or one pod; ending the
 *   process would end the work of all others too, and a user who can cause it once can do so again (`kubectl exec` and
 *   Ctrl-C could). Real kubelets and API servers survive a panic in one handler alike. It is logged as an error with
 *   its stack, and counted.
 * - A member of the store ends, as do broken invariants everywhere: its state is not to be trusted, and a restart reads
 *   it from the log. An uncaught exception ends a process too, since it may have come in the middle of anything.
 * - Under `VERIFY=1`, in tests, it ends every process, so that none goes unseen.
 */
import { InvariantError, verifying } from './assert.js';
import type { Logger } from './log.js';
import { Counter, Registry } from './metrics.js';
import { toError } from './errors.js';

/** The registry of the counter, for servers of metrics. */
export const rejectionRegistry = new Registry();

const unowned = new Counter({
  name: 'trireme_unowned_rejections_total',
  help: 'Promises that were rejected while nobody owned them. Each is a bug.',
  labelNames: ['component'],
  registers: [rejectionRegistry],
});

/** Decides whether a process goes on after an unowned rejection. */
export function isSurvivable(reason: unknown, isVerifying = verifying): boolean {
  const isInvariant = reason instanceof Error && reason.name === InvariantError.name;
  return !isVerifying && !isInvariant;
}

/** Has this process go on where {@link isSurvivable} says so. Called once, by a component's command. */
export function surviveRejections(options: {
  readonly component: string;
  readonly log: Logger;
}): void {
  const { component, log } = options;
  process.on('unhandledRejection', (reason) => {
    // Thrown from here it is an exception that nobody caught, which ends the process with its stack.
    if (!isSurvivable(reason)) throw reason;
    unowned.inc({ component });
    const error = toError(reason);
    log.error({ error }, 'a promise was rejected that nobody owns: this is a bug');
  });
}
