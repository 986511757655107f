/** The node's credentials as its agent keeps them, for the other process of the node: it reads and never writes. */
import type { Clock } from '../../lib/clock.js';
import { delay } from '../../lib/clock.js';
import type { Logger } from '../../lib/log.js';
import type { Credentials } from '../join/credentials.js';
import { expiredCredentials, readCredentials } from '../join/credentials.js';

const waitMs = 200;
const lookMs = 3000;

/** Where credentials are, and whose they must be. */
export interface NodeCredentialsOptions {
  readonly dataDir: string;
  readonly nodeName: string;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Waits until the agent has joined, or joined anew after its certificate had ended. Rejects when `signal` aborts. */
export async function awaitCredentials(
  options: NodeCredentialsOptions,
  signal: AbortSignal,
): Promise<Credentials> {
  const { dataDir, nodeName, clock, log } = options;
  let said = '';
  for (;;) {
    signal.throwIfAborted();
    const found = await readCredentials(dataDir);
    const problem =
      found?.nodeName === nodeName
        ? expiredCredentials(found, { dataDir, nowMs: clock.nowMs() })
        : `the node ${nodeName} has not joined a cluster yet; waiting for its agent`;
    if (found !== undefined && problem === undefined) return found;
    if (problem !== undefined && problem !== said) log.info({ dataDir }, problem);
    said = problem ?? '';
    await delay(clock, waitMs, signal);
  }
}

/** Looks at the file until it is told to end, and tells of what is new there. @returns ends it */
export function followCredentials(
  first: Credentials,
  { dataDir, nodeName, clock, log }: NodeCredentialsOptions,
  onChange: (now: Credentials) => void,
): () => void {
  let known = JSON.stringify(first);
  let isOver = false;
  let cancel = (): void => undefined;
  const look = async (): Promise<void> => {
    const now = await readCredentials(dataDir);
    if (now?.nodeName !== nodeName || JSON.stringify(now) === known) return;
    known = JSON.stringify(now);
    log.info({ node: nodeName, masters: now.masters }, 'took up new credentials of the node');
    onChange(now);
  };
  const plan = (): void => {
    if (isOver) return;
    cancel = clock.schedule(lookMs, () => {
      look()
        .catch((error: unknown) => {
          log.warn({ error }, 'the credentials of the node cannot be read; trying again');
        })
        .finally(plan);
    });
  };
  plan();
  return () => {
    isOver = true;
    cancel();
  };
}

/** True for credentials of another cluster, or of one that has other blocks and names by now. */
export function isElsewhere(now: Credentials, before: Credentials): boolean {
  return (
    now.clusterCidr !== before.clusterCidr ||
    now.serviceCidr !== before.serviceCidr ||
    now.clusterDns !== before.clusterDns ||
    now.clusterDomain !== before.clusterDomain
  );
}
