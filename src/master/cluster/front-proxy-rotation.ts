/**
 * The exchange of this master's own authority of front proxies: its key leaves no master, and so each makes a new one
 * for itself. Servers behind the API learn of both from the ConfigMap `extension-apiserver-authentication`.
 */
import { existsSync } from 'node:fs';
import { readFile, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ConfigMap } from '../../api/types/core.js';
import type { ApiClient } from '../../client/index.js';
import { isApiError } from '../../client/index.js';
import { resources } from '../../client/resources.js';
import { pemBlocks, withBlock } from '../../lib/pki/bundle.js';
import { createCertificateAuthority } from '../../lib/pki/certificates.js';
import type { MasterCertificateOptions } from './pki.js';
import { readKeyPair, writeKeyFiles } from './pki.js';
import type { Rotation } from './rotation.js';

const authority = 'front-proxy-ca';
const trustMap = { namespace: 'kube-system', name: 'extension-apiserver-authentication' };

type Own = Pick<MasterCertificateOptions, 'directory' | 'name' | 'clock'>;

/**
 * Returns the files that the step changes, in the order in which they are written. The new pair lies beside the old
 * one from the first step to the last, so that a step may be repeated.
 */
export async function frontProxyFilesAt(
  { directory, name, clock }: Own,
  { id, step, parts }: Rotation,
): Promise<[string, string][]> {
  if (!parts.includes(authority)) return [];
  const pending = `${authority}-${id}`;
  const isPending = existsSync(join(directory, `${pending}.key`));
  // It is dropped already, or this master has joined since: then it has an authority that is new.
  if (step === 'drop' && !isPending) return [];
  if (!isPending) {
    const commonName = `trireme-${authority}-${name}-${id}`;
    const made = await createCertificateAuthority({ commonName, clock });
    // The key last: with it the pair is whole.
    await writeKeyFiles(directory, { [`${pending}.crt`]: made.cert, [`${pending}.key`]: made.key });
  }
  const young = await readKeyPair(directory, pending);
  const known = await readFile(join(directory, `${authority}.crt`), 'utf8');
  const both: [string, string] = [`${authority}.crt`, withBlock(known, young.cert)];
  if (step === 'trust') return [both];
  const used: [string, string][] = [both, [`${authority}.key`, young.key]];
  return step === 'use' ? used : [...used, [`${authority}.crt`, young.cert]];
}

/** Deletes new pairs that are needed no more: all after the last step, before it those of rotations taken back. */
export async function forgetPending(
  { directory }: Pick<Own, 'directory'>,
  { id, step }: Rotation,
): Promise<void> {
  const own = step === 'drop' ? undefined : `${authority}-${id}.`;
  const names = (await readdir(directory)).filter((name) => name.startsWith(`${authority}-`));
  // Keys first: without its key there is no pair.
  for (const name of names.toSorted().toReversed()) {
    if (own === undefined || !name.startsWith(own)) await rm(join(directory, name));
  }
}

/** Which field of the ConfigMap has the authorities of which file. */
const fields = [
  ['client-ca-file', 'ca.crt'],
  ['requestheader-client-ca-file', `${authority}.crt`],
] as const;

/**
 * Tells servers behind the API of the authorities that a step adds and takes away, before it does.
 * @param changed files with their content after the step; of one that is named twice the last counts
 * @throws ApiError, also where somebody else has changed the ConfigMap meanwhile: the step is taken again
 */
export async function publishTrust(
  client: ApiClient,
  directory: string,
  changed: readonly (readonly [string, string])[],
): Promise<void> {
  const next = new Map(changed);
  let map: ConfigMap;
  try {
    map = await client.get<ConfigMap>(resources.configMaps, trustMap);
  } catch (error) {
    // The API server makes it at its start, by the files of then.
    if (isApiError(error, 'NotFound')) return;
    throw error;
  }
  const data: Record<string, string> = { ...map.data };
  for (const [field, file] of fields) {
    const content = next.get(file);
    if (content === undefined) continue;
    const [before, after] = [await readFile(join(directory, file), 'utf8'), content].map(pemBlocks);
    const gone = (before ?? []).filter((one) => !after?.includes(one));
    const kept = pemBlocks(data[field] ?? '').filter((one) => !gone.includes(one));
    data[field] = withBlock(kept.join(''), content);
  }
  const isSame = fields.every(([field]) => data[field] === map.data?.[field]);
  if (!isSame) await client.update(resources.configMaps, { ...map, data });
}
