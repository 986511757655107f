/** The certificates that a role keeps in its data directory. */
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readCredentials } from '../worker/join/credentials.js';

/** A certificate of this machine. */
export interface KeptCertificate {
  /** Its file, or the data directory and its purpose. */
  readonly name: string;
  readonly pem: string;
}

/** Reads the certificates of a role. A master's are files in its PKI directory; a worker's stand in its credentials. */
export async function certificatesIn(directory: string): Promise<KeptCertificate[]> {
  const pki = join(directory, 'pki');
  const names = existsSync(pki) ? (await readdir(pki)).filter((name) => name.endsWith('.crt')) : [];
  const files = names.toSorted().map(async (name) => {
    const path = join(pki, name);
    return { name: path, pem: await readFile(path, 'utf8') };
  });
  const credentials = await readCredentials(directory);
  const ofWorker: KeptCertificate[] =
    credentials === undefined
      ? []
      : [
          { name: `${directory} client`, pem: credentials.certificate },
          { name: `${directory} serving`, pem: credentials.servingCertificate },
          { name: `${directory} ca`, pem: credentials.ca },
        ];
  return [...(await Promise.all(files)), ...ofWorker];
}
