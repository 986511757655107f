import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Clock } from '../../lib/clock.js';
import { delay } from '../../lib/clock.js';
import { writeWhole } from '../../lib/files/write-whole.js';
import type { Logger } from '../../lib/log.js';

/** Between two looks at who the masters are. */
const lookEveryMs = 5_000;

/** The other masters of a cluster, as one of its masters remembers them. */
export interface KnownCluster {
  /** By which those who join know the cluster's authority. */
  readonly caHash: string;
  /** `host:port` of gRPC, by the master's name. */
  readonly others: Readonly<Record<string, string>>;
}

/** The file stands beside the data directory: it stays where the directory is lost, and `--purge` takes it too. */
export function knownClusterFile(dataDir: string): string {
  return `${resolve(dataDir)}.cluster.json`;
}

/** Reads the file; undefined where there is none. @throws Error for one that cannot be read */
export async function readKnownCluster(dataDir: string): Promise<KnownCluster | undefined> {
  let text: string;
  try {
    text = await readFile(knownClusterFile(dataDir), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    return JSON.parse(text) as KnownCluster;
  } catch (cause) {
    const path = knownClusterFile(dataDir);
    throw new Error(`${path}, the names of the other masters, cannot be read`, { cause });
  }
}

/**
 * Refuses to found a cluster where the machine was a master of one that others are masters of too: with a data
 * directory that is empty or lost, the old flags would make a second cluster in the first one's place.
 * @throws Error that names both ways on
 */
export async function mustNotKnowCluster(dataDir: string): Promise<void> {
  const known = await readKnownCluster(dataDir);
  const others = Object.entries(known?.others ?? {});
  if (known === undefined || others.length === 0) return;
  const servers = others.map(([, address]) => address).join(',');
  throw new Error(
    `${resolve(dataDir)} holds no master, and this machine was one of a cluster with ` +
      `${others.map(([name, address]) => `${name} (${address})`).join(', ')}. It founds no second cluster.\n` +
      `To take its place again: trireme token create --for master (with another master), then start it with\n` +
      `  --join=${servers} --token-file=FILE --ca-hash=${known.caHash}\n` +
      `To begin a new cluster: rm ${knownClusterFile(dataDir)}`,
  );
}

/**
 * Writes the other masters down whenever they change, until `signal` aborts. The last list stays when none are left.
 */
export async function rememberCluster(
  options: {
    readonly dataDir: string;
    readonly name: string;
    readonly caHash: string;
    readonly masters: () => Promise<
      readonly { readonly name: string; readonly grpcAddress: string }[]
    >;
    readonly clock: Clock;
    readonly log: Logger;
  },
  signal: AbortSignal,
): Promise<void> {
  const { dataDir, name, caHash, clock, log } = options;
  const file = knownClusterFile(dataDir);
  let written = JSON.stringify(await readKnownCluster(dataDir).catch(() => undefined));
  while (!signal.aborted) {
    try {
      const others = Object.fromEntries(
        (await options.masters())
          .filter((master) => master.name !== name && master.grpcAddress !== '')
          .map((master) => [master.name, master.grpcAddress]),
      );
      const text = JSON.stringify({ caHash, others } satisfies KnownCluster);
      if (text !== written && Object.keys(others).length > 0) {
        await writeWhole(file, text);
        written = text;
      }
    } catch (error) {
      log.debug({ error }, 'the other masters could not be written down; tried again');
    }
    await delay(clock, lookEveryMs, signal);
  }
}
