/** Requests about samples: where they are created, how they are changed and removed. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Answer, Ask } from './client.js';
import type { Sample } from './samples.js';

const plurals: Readonly<Record<string, string>> = {
  CSIStorageCapacity: 'csistoragecapacities',
  Endpoints: 'endpoints',
  Ingress: 'ingresses',
  IPAddress: 'ipaddresses',
  IngressClass: 'ingressclasses',
  NetworkPolicy: 'networkpolicies',
  PriorityClass: 'priorityclasses',
  RuntimeClass: 'runtimeclasses',
  StorageClass: 'storageclasses',
  ValidatingAdmissionPolicy: 'validatingadmissionpolicies',
};

/** The path of the collection that a sample is created in. */
export function collectionOf(object: Sample['object']): string {
  const version = object.apiVersion;
  const root = version.includes('/') ? '/apis' : '/api';
  const { namespace } = object.metadata;
  const home = namespace === undefined ? '' : `/namespaces/${namespace}`;
  return `${root}/${version}${home}/${plurals[object.kind] ?? `${object.kind.toLowerCase()}s`}`;
}

const settleMs = 300;

/** Puts the stored object's version into a body, where its metadata is still an object. */
export function withVersion(body: unknown, stored: Answer): unknown {
  const { metadata } = body as { metadata?: unknown };
  if (typeof metadata !== 'object' || metadata === null || Array.isArray(metadata)) return body;
  const { resourceVersion } = stored.body['metadata'] as { resourceVersion: string };
  return { ...(body as object), metadata: { ...metadata, resourceVersion } };
}

/** Reads an object until the server's own controllers have left it alone for a while. */
export async function settled(ask: Ask, path: string): Promise<Answer> {
  let last = await ask('GET', path);
  for (;;) {
    await pause(settleMs);
    const next = await ask('GET', path);
    if (JSON.stringify(next.body) === JSON.stringify(last.body)) return next;
    last = next;
  }
}

/** Removes a sample, finalizers or not. */
export async function remove(ask: Ask, object: Sample['object']): Promise<void> {
  const path = `${collectionOf(object)}/${encodeURIComponent(object.metadata.name ?? '')}`;
  const free = [{ op: 'add', path: '/metadata/finalizers', value: [] }];
  await ask('PATCH', path, { body: free, type: 'application/json-patch+json' });
  const options = { gracePeriodSeconds: 0, propagationPolicy: 'Background' };
  await ask('DELETE', path, { body: options });
}
