/**
 * Keeps a running master's certificates good: each is made anew long before it ends, and its users take it up from its
 * files.
 */
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from '../../lib/log.js';
import { validityOf } from '../../lib/pki/validity.js';
import { certificateDays, createMasterCertificates } from './pki.js';
import type { MasterCertificateOptions } from './pki.js';

const dayMs = 86_400_000;
/**
 * A certificate is renewed when it has a third of its time left. The time is counted from its end: it begins with its
 * authority, which may be years before it was signed.
 */
export const renewBeforeMs = (certificateDays / 3) * dayMs;
const checkEveryMs = 3_600_000;

/** The master whose certificates are renewed, and the receiver of new ones. */
export interface RenewalOptions extends MasterCertificateOptions {
  readonly log: Logger;
  /** Some are made anew: what was made of them is to be made again. */
  readonly onRenewed: (names: readonly string[]) => Promise<void>;
}

/** Returns when the first of the certificates in a PKI directory ends, authorities included; RFC 3339. */
export async function firstCertificateEnd(directory: string): Promise<string> {
  const names = (await readdir(directory)).filter((name) => name.endsWith('.crt'));
  const files = await Promise.all(names.map((name) => readFile(join(directory, name))));
  const ends = files.map((certificate) => validityOf(certificate).toMs);
  return ends.length === 0 ? '' : new Date(Math.min(...ends)).toISOString();
}

/**
 * Checks the certificates every hour, first in an hour: a start makes all of them. A failure is tried again an hour
 * later.
 * @returns a function that ends it
 */
export function keepMasterCertificates(options: RenewalOptions): () => void {
  const { directory, clock, log, onRenewed } = options;
  let ended = false;
  let cancel: () => void = () => undefined;
  const isDue = async (name: string): Promise<boolean> => {
    const certificate = await readFile(join(directory, `${name}.crt`));
    return validityOf(certificate).toMs - clock.nowMs() <= renewBeforeMs;
  };
  const check = async (): Promise<void> => {
    try {
      const names = await createMasterCertificates(options, isDue);
      if (names.length > 0) {
        log.info({ certificates: names }, 'renewed certificates');
        await onRenewed(names);
      }
    } catch (error) {
      log.error({ error }, 'certificates could not be renewed; tried again in an hour');
    }
    schedule();
  };
  const schedule = (): void => {
    if (!ended) cancel = clock.schedule(checkEveryMs, () => void check());
  };
  schedule();
  return () => {
    ended = true;
    cancel();
  };
}
