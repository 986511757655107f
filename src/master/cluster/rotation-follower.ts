/** A master follows the rotation that is under way: its key files, then what is made of them, then it says so. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { X509Certificate } from 'node:crypto';
import type { ApiClient } from '../../client/index.js';
import { isApiError } from '../../client/index.js';
import { delay } from '../../lib/clock.js';
import { errorMessage } from '../../lib/errors.js';
import type { Logger } from '../../lib/log.js';
import { isSignedByOne } from '../../lib/pki/bundle.js';
import { fileLookEveryMs } from '../../lib/pki/file-change.js';
import { forgetPending, frontProxyFilesAt, publishTrust } from './front-proxy-rotation.js';
import type { MasterCertificateOptions } from './pki.js';
import { createMasterCertificates, readAuthority, readClusterKeys, writeKeyFiles } from './pki.js';
import { readRotation } from './rotation-keys.js';
import type { Rotation } from './rotation.js';
import { filesAt, stepMark } from './rotation.js';

const lookEveryMs = 5000;
/** While a rotation is under way: its next step is near. */
const lookAgainMs = 1000;
/** All parts of a master have looked at their files, and could not use one that was half written at the first look. */
const settleMs = 2 * fileLookEveryMs + 2000;

/** The master that follows. */
export interface FollowerOptions extends MasterCertificateOptions {
  readonly client: ApiClient;
  readonly log: Logger;
  /** Key files or certificates are others: what was made of them is to be made again. */
  readonly onChanged: () => Promise<void>;
  /** The step is in force here. */
  readonly onFollowed: (mark: string) => void;
}

/** Follows until `signal` aborts. A step that fails is tried again, and not reported. */
export async function followRotation(options: FollowerOptions, signal: AbortSignal): Promise<void> {
  const { client, clock, log } = options;
  let followed = '';
  let complained = '';
  let isUnderWay = false;
  while (!signal.aborted) {
    try {
      const rotation = (await readRotation(client))?.rotation;
      isUnderWay = rotation !== undefined;
      if (rotation !== undefined && stepMark(rotation) !== followed) {
        await takeStep(options, rotation);
        await delay(clock, settleMs, signal);
        followed = stepMark(rotation);
        options.onFollowed(followed);
        log.info({ step: rotation.step, keys: rotation.parts }, 'followed a rotation of keys');
      }
      complained = '';
    } catch (error) {
      const complaint = errorMessage(error);
      if (isApiError(error)) log.debug({ error }, 'the rotation cannot be read yet');
      else if (complaint !== complained) log.error({ error }, 'a rotation of keys is not followed');
      complained = complaint;
    }
    await delay(clock, isUnderWay ? lookAgainMs : lookEveryMs, signal);
  }
}

async function takeStep(options: FollowerOptions, rotation: Rotation): Promise<void> {
  const { directory, client } = options;
  const files = Object.entries(await readClusterKeys(directory));
  const known = Object.fromEntries(files.map(([name, content]) => [name, content.toString()]));
  const changed = [...filesAt(rotation, known), ...(await frontProxyFilesAt(options, rotation))];
  // Before the files: what they do not say any more is known from them.
  await publishTrust(client, directory, changed);
  for (const [name, content] of changed) await writeKeyFiles(directory, { [name]: content });
  // Asked of the certificates themselves: a step that was cut short is made whole.
  const signers = await Promise.all(
    ['ca', 'etcd-ca'].map((name) => readAuthority(directory, name)),
  );
  const authorities = signers.map(({ cert }) => cert).join('');
  await createMasterCertificates(options, async (name) => {
    const leaf = new X509Certificate(await readFile(join(directory, `${name}.crt`)));
    if (name !== 'front-proxy-client') return !isSignedByOne(leaf, authorities);
    return !isSignedByOne(leaf, (await readAuthority(directory, 'front-proxy-ca')).cert);
  });
  await forgetPending(options, rotation);
  await options.onChanged();
}
