/** The keys that a snapshot brings along, and whether those of a master read it. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { latestValues } from '../../etcd/snapshots/snapshot-file.js';
import { errorMessage } from '../../lib/errors.js';
import {
  formatEncryptionKeys,
  parseEncryptionKeys,
  withReadable,
} from '../../lib/pki/encryption-keys.js';
import { encryptedValues } from '../../master/apiserver/storage/encryption.js';
import { clusterFiles, writeKeyFiles } from '../../master/cluster/pki.js';

const encryptionFile = 'encryption.key';
const secretsPrefix = '/registry/secrets/';

/**
 * Puts the keys of a file into a PKI directory that has none. One that has keys keeps them, so that workers and
 * kubeconfigs know the cluster again, and reads with the file's encryption keys too.
 */
export async function takeKeys(pki: string, keys: Readonly<Record<string, Buffer>>): Promise<void> {
  const theirs = keys[encryptionFile];
  if (theirs === undefined) return;
  const path = join(pki, encryptionFile);
  if (!existsSync(join(pki, 'ca.key')) || !existsSync(path)) {
    const known = Object.entries(keys).filter(([name]) => clusterFiles.some((one) => one === name));
    await writeKeyFiles(pki, Object.fromEntries(known));
    return;
  }
  const ours = parseEncryptionKeys(await readFile(path));
  const all = withReadable(ours, parseEncryptionKeys(theirs));
  if (all.length > ours.length) {
    await writeKeyFiles(pki, { [encryptionFile]: formatEncryptionKeys(all) });
  }
}

/** @throws Error when a Secret in the snapshot cannot be decrypted with the keys in the directory */
export async function mustReadSecrets(pki: string, snapshotPath: string): Promise<void> {
  const path = join(pki, encryptionFile);
  if (!existsSync(path)) return;
  const keys = parseEncryptionKeys(await readFile(path));
  const values = encryptedValues({ keys: () => keys, prefixes: [secretsPrefix] });
  for (const [key, value] of latestValues(snapshotPath, secretsPrefix)) {
    try {
      values.fromStore(key, value);
    } catch (cause) {
      const name = key.slice(secretsPrefix.length);
      throw new Error(
        `the keys in ${path} do not read the Secret ${name} of ${snapshotPath} (${errorMessage(cause)}): ` +
          'it was taken with other keys; put those of then beside them, a line each',
        { cause },
      );
    }
  }
}
