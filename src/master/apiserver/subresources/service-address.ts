/** Finds the server behind a port of a Service: an address, and the pod by whose node it is reached. */
import { objectKey } from '../../../api/facts/keys.js';
import { serviceNameLabel } from '../../../api/facts/well-known.js';
import type { Service } from '../../../api/types/core.js';
import type { Endpoint, EndpointSlice } from '../../../api/types/networking.js';
import type { WatchCache } from '../cache/watch-cache.js';
import type { BackingPod } from './dial-pod.js';

/** The part of a Service that is missing. */
export type MissingPart = 'service' | 'port' | 'endpoints';

/** A Service with no server behind it. */
export class NoServerError extends Error {
  override readonly name = 'NoServerError';
  readonly code = 'NO_SERVER';
  readonly missing: MissingPart;
  /** The name of the Service's port; empty where it has none. */
  readonly portName: string;

  constructor(message: string, missing: MissingPart, portName = '') {
    super(message);
    this.missing = missing;
    this.portName = portName;
  }
}

/** True for a {@link NoServerError}. */
export function isNoServerError(error: unknown): error is NoServerError {
  return error instanceof Error && error.name === 'NoServerError';
}

/** A port of a Service. */
export interface ServicePort {
  readonly namespace: string;
  readonly name: string;
  readonly port: number;
}

/** Where a server is. */
export interface ServiceAddress {
  readonly host: string;
  readonly port: number;
  readonly pod?: BackingPod | undefined;
}

/** The first ready server. @throws NoServerError */
export function serviceAddress(watchCache: WatchCache, wanted: ServicePort): ServiceAddress {
  const { namespace, name, port } = wanted;
  const shown = JSON.stringify(name);
  const found = watchCache.cache('services').get(objectKey({ namespace, name }));
  if (found === undefined) throw new NoServerError(`service ${shown} not found`, 'service');
  const { spec } = found.object<Service>();
  const entry = spec.ports?.find((item) => item.port === port);
  if (entry === undefined) {
    throw new NoServerError(`no service port ${port} found for service ${shown}`, 'port');
  }
  if (spec.type === 'ExternalName') return { host: spec.externalName ?? '', port };
  for (const stored of watchCache.cache('discovery.k8s.io/endpointslices').list(namespace)) {
    const slice = stored.object<EndpointSlice>();
    if (slice.metadata.labels?.[serviceNameLabel] !== name) continue;
    const target = slice.ports?.find((item) => (item.name ?? '') === (entry.name ?? ''))?.port;
    const ready = slice.endpoints?.find((item) => item.conditions?.ready !== false);
    const host = ready?.addresses?.[0];
    if (target === undefined || host === undefined) continue;
    return { host, port: target, pod: podOf(ready) };
  }
  const text = `no endpoints available for service ${shown}`;
  throw new NoServerError(text, 'endpoints', entry.name ?? '');
}

function podOf(endpoint: Endpoint | undefined): BackingPod | undefined {
  const { nodeName: node, targetRef } = endpoint ?? {};
  const { kind, namespace, name, uid = '' } = targetRef ?? {};
  if (node === undefined || kind !== 'Pod' || namespace === undefined) return undefined;
  return name === undefined ? undefined : { node, namespace, name, uid };
}
