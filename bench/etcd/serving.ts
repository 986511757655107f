/** Finds out by trying whether a cluster serves. */
import { GrpcConnection } from '../lib/grpc-connection.js';
import { sleep, within } from '../lib/wait.js';
import type { Cluster } from './cluster.js';

const retryMs = 5;
/** The interval of checks whether a member has died. */
const watchMs = 100;
const deadlineMs = 60_000;

/**
 * Tries a call on a member until it succeeds. Refused connections and failed calls are tried again at once.
 * @returns the call's answer
 */
async function untilAnswered<T>(
  endpoint: string,
  attempt: (connection: GrpcConnection) => Promise<T>,
  isOver: () => boolean,
): Promise<T | undefined> {
  let connection: GrpcConnection | undefined;
  try {
    while (!isOver()) {
      try {
        if (connection?.failure !== undefined) connection = undefined;
        connection ??= await GrpcConnection.connect(endpoint);
        return await attempt(connection);
      } catch {
        await sleep(retryMs);
      }
    }
    return undefined;
  } finally {
    connection?.close();
  }
}

/**
 * Waits until the call succeeded on one member, or on each of them.
 * @throws if a member ended by itself, or after a minute (or as long as is given)
 */
export async function whenAnswered(
  cluster: Cluster,
  who: 'any' | 'all',
  attempt: (connection: GrpcConnection) => Promise<unknown>,
  giveUpMs = deadlineMs,
): Promise<void> {
  let over = false;
  let watchdog: NodeJS.Timeout | undefined;
  const died = new Promise<never>((_, reject) => {
    watchdog = setInterval(() => {
      try {
        cluster.check();
      } catch (error) {
        reject(error);
      }
    }, watchMs);
  });
  const tries = cluster.endpoints.map((endpoint) => untilAnswered(endpoint, attempt, () => over));
  const answered = who === 'any' ? Promise.any(tries) : Promise.all(tries);
  try {
    await within(giveUpMs, `${cluster.side.name} to serve`, Promise.race([answered, died]));
  } finally {
    over = true;
    clearInterval(watchdog);
    await Promise.allSettled(who === 'all' ? tries : []);
  }
}
