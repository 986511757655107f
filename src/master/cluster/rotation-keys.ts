/** New keys for a rotation, and the Secret that hands them and the step to every master. */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import type { Secret } from '../../api/types/core.js';
import type { ApiClient } from '../../client/index.js';
import { isApiError } from '../../client/index.js';
import { resources } from '../../client/resources.js';
import type { Clock } from '../../lib/clock.js';
import { createCertificateAuthority } from '../../lib/pki/certificates.js';
import type { Rotation, RotationPart } from './rotation.js';
import { mustBeWhole, rotationParts, rotationSteps } from './rotation.js';

/** The Secret of a rotation; it is there from its begin to its end, and who reads it has the cluster. */
export const rotationSecret = { namespace: 'kube-system', name: 'trireme-rotation' };

const stateField = 'rotation.json';

/** Makes new keys. @param id becomes part of their names, so that old and new are told apart */
export async function createRotationKeys(
  parts: readonly RotationPart[],
  id: string,
  clock: Clock,
): Promise<Record<string, string>> {
  const keys: Record<string, string> = {};
  for (const part of parts) {
    switch (part) {
      case 'ca':
      case 'etcd-ca': {
        const commonName = `trireme-${part}-${id}`;
        const { cert, key } = await createCertificateAuthority({ commonName, clock });
        keys[`${part}.crt`] = cert;
        keys[`${part}.key`] = key;
        break;
      }
      // Each master makes its own.
      case 'front-proxy-ca':
        break;
      case 'service-account': {
        const pair = generateTokenKeys();
        keys['sa.key'] = pair.privateKey;
        keys['sa.pub'] = pair.publicKey;
        break;
      }
      case 'encryption':
        keys['encryption.key'] = `key-${id}:${randomBytes(32).toString('base64')}\n`;
        break;
    }
  }
  return keys;
}

/** Makes the key pair of service account tokens, in PEM. */
export function generateTokenKeys(): { readonly privateKey: string; readonly publicKey: string } {
  return generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
}

/** A rotation, and the version of its Secret that a change must find. */
export interface StoredRotation {
  readonly rotation: Rotation;
  readonly resourceVersion: string;
}

/** Reads the rotation that is under way; undefined for none. @throws ApiError; Error for one that is not whole */
export async function readRotation(client: ApiClient): Promise<StoredRotation | undefined> {
  let secret: Secret;
  try {
    secret = await client.get<Secret>(resources.secrets, rotationSecret);
  } catch (error) {
    if (isApiError(error, 'NotFound')) return undefined;
    throw error;
  }
  const { [stateField]: state = '', ...keys } = secret.data ?? {};
  const decode = (text: string): string => Buffer.from(text, 'base64').toString();
  const found = JSON.parse(decode(state)) as Omit<Rotation, 'keys'>;
  const decoded = Object.entries(keys).map(([name, text]) => [name, decode(text)]);
  const rotation: Rotation = { ...found, keys: Object.fromEntries(decoded) };
  const isKnown =
    rotationSteps.includes(rotation.step) &&
    rotation.parts.every((part) => rotationParts.includes(part));
  if (!isKnown) throw new Error('the rotation in kube-system/trireme-rotation is of another build');
  mustBeWhole(rotation);
  return { rotation, resourceVersion: secret.metadata.resourceVersion ?? '' };
}

/**
 * Begins a rotation, or takes one a step on.
 * @param before as it was read; a change that came in between is not overwritten
 * @throws ApiError Conflict or AlreadyExists where somebody else was first
 */
export async function writeRotation(
  client: ApiClient,
  rotation: Rotation,
  before: StoredRotation | undefined,
): Promise<void> {
  const { keys, ...state } = rotation;
  const fields = { ...keys, [stateField]: JSON.stringify(state) };
  const encoded = Object.entries(fields).map(([name, text]) => [
    name,
    Buffer.from(text).toString('base64'),
  ]);
  const secret: Secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'trireme.dev/rotation',
    metadata: {
      ...rotationSecret,
      ...(before === undefined ? {} : { resourceVersion: before.resourceVersion }),
    },
    data: Object.fromEntries(encoded),
  };
  if (before === undefined) await client.create(resources.secrets, secret);
  else await client.update(resources.secrets, secret);
}

/**
 * Ends a rotation: its keys are those of the cluster.
 * @param before as it was read; one that somebody else has taken on, or begun, since is not ended
 * @throws ApiError Conflict where somebody else was first
 */
export async function deleteRotation(
  client: ApiClient,
  { resourceVersion }: StoredRotation,
): Promise<void> {
  try {
    await client.delete(resources.secrets, rotationSecret, { preconditions: { resourceVersion } });
  } catch (error) {
    if (!isApiError(error, 'NotFound')) throw error;
  }
}
