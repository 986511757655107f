/** A worker's credentials: made when it joins, kept in its data directory, renewed before they expire. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeWhole } from '../../lib/files/write-whole.js';
import type { ChannelTls } from '../../lib/grpc/index.js';
import { validityOf } from '../../lib/pki/validity.js';

/** The node's identity, and the masters that it talks to. */
export interface Credentials {
  readonly nodeName: string;
  /** PEM, as all that follow. */
  readonly ca: string;
  readonly certificate: string;
  readonly key: string;
  readonly servingCertificate: string;
  readonly servingKey: string;
  /** `host:port` of every master's gRPC, as last known. */
  readonly masters: readonly string[];
  readonly clusterCidr: string;
  readonly serviceCidr: string;
  readonly clusterDns: string;
  readonly clusterDomain: string;
}

/** The file that holds everything; written whole, readable by its owner only. */
function fileIn(dataDir: string): string {
  return join(dataDir, 'credentials.json');
}

/** Reads the credentials of an earlier start; undefined when this node has not joined yet. */
export async function readCredentials(dataDir: string): Promise<Credentials | undefined> {
  let text: string;
  try {
    text = await readFile(fileIn(dataDir), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  return JSON.parse(text) as Credentials;
}

/** Writes them to the data directory, for the node's owner only. */
export async function writeCredentials(dataDir: string, credentials: Credentials): Promise<void> {
  await writeWhole(fileIn(dataDir), `${JSON.stringify(credentials, null, 2)}\n`);
}

/**
 * Says of credentials that have run out when that was, and how they are renewed; undefined while they are good. A
 * running node renews its own long before: this one was off.
 *
 */
export function expiredCredentials(
  { nodeName, certificate }: Pick<Credentials, 'nodeName' | 'certificate'>,
  { dataDir, nowMs }: { readonly dataDir: string; readonly nowMs: number },
): string | undefined {
  const { toMs } = validityOf(certificate);
  if (nowMs < toMs) return undefined;
  return (
    `the certificate of the node ${nodeName} ended on ${new Date(toMs).toISOString()}, while it was off; to renew it: ` +
    `trireme token create --for worker (on a master), then trireme cert renew --data-dir=${dataDir} --token=TOKEN (here)`
  );
}

/** For connections to masters. */
export function clientTls({ ca, certificate, key }: Credentials): ChannelTls {
  return { ca, cert: certificate, key };
}
