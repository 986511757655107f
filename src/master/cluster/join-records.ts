/**
 * For which key a free node name was signed. A token lets many machines in, so that between a join and the registration
 * of its Node another could get a certificate of the same name; the record, a Lease in kube-system, gives the name to
 * the first key. The controller "join-record-cleaner" removes it when the Node is there, which then keeps the name
 * itself.
 */
import { resources } from '../../client/resources.js';
import type { Lease } from '../../api/types/policy.js';
import { createHash } from 'node:crypto';
import type { ApiClient } from '../../client/index.js';
import { isApiError } from '../../client/index.js';

/** Marks the Leases that are records. */
export const joinRecordLabel = 'trireme.dev/join-record';

/** The namespace of the records of who joined. */
export const joinRecordNamespace = 'kube-system';
const prefix = 'join-';
const nameLengthMax = 253;
/** The most calls: a create and a read of the existing record, each once more in case that has gone meanwhile. */
const attemptsMax = 2;

/** Returns the name of a record; a name that would be too long is replaced by its hash. */
export function joinRecordName(nodeName: string): string {
  const name = `${prefix}${nodeName}`;
  if (name.length <= nameLengthMax) return name;
  return `${prefix}${createHash('sha256').update(nodeName).digest('hex')}`;
}

/** Gives the name to the key (its DER), unless another has it. @returns whether this key has it */
export async function claimName(
  client: ApiClient,
  nodeName: string,
  publicKey: Uint8Array,
): Promise<boolean> {
  const name = joinRecordName(nodeName);
  const holderIdentity = `sha256:${createHash('sha256').update(publicKey).digest('hex')}`;
  for (let attempt = 1; attempt <= attemptsMax; attempt++) {
    try {
      await client.create<Lease>(resources.leases, {
        apiVersion: 'coordination.k8s.io/v1',
        kind: 'Lease',
        metadata: {
          name,
          namespace: joinRecordNamespace,
          labels: { [joinRecordLabel]: 'true' },
          annotations: { 'trireme.dev/node-name': nodeName },
        },
        spec: { holderIdentity },
      });
      return true;
    } catch (error) {
      if (!isApiError(error, 'AlreadyExists')) throw error;
    }
    try {
      const key = { namespace: joinRecordNamespace, name };
      const { spec } = await client.get<Lease>(resources.leases, key);
      return spec.holderIdentity === holderIdentity;
    } catch (error) {
      if (!isApiError(error, 'NotFound')) throw error;
    }
  }
  return false;
}
