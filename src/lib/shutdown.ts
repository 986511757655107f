import { isMainThread, parentPort } from 'node:worker_threads';

/** The message with which a supervisor asks a component in a thread of its own to end. */
export const stopMessage = 'stop';

/** The title that a process takes when it begins to stop: in the list of processes, it says so until it has ended. */
export const stoppingTitle = 'trireme: stopping';

/**
 * Aborts when this component is to end: at SIGTERM or SIGINT in a process, at the supervisor's {@link stopMessage} in a
 * thread. A second signal quits at once with 128 + its number.
 */
export function shutdownSignal(): AbortSignal {
  const stopping = new AbortController();
  if (!isMainThread) {
    const port = parentPort;
    port?.on('message', (message: unknown) => {
      if (message !== stopMessage) return;
      stopping.abort();
      port.unref();
    });
    port?.unref();
    return stopping.signal;
  }
  for (const [name, number] of [
    ['SIGTERM', 15],
    ['SIGINT', 2],
  ] as const) {
    process.on(name, () => {
      if (stopping.signal.aborted) process.exit(128 + number);
      process.title = stoppingTitle;
      stopping.abort();
    });
  }
  return stopping.signal;
}
