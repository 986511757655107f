/** Finds the server of a webhook: at a URL, or behind a Service. */
import { objectKey } from '../../../../api/facts/keys.js';
import { serviceNameLabel } from '../../../../api/facts/well-known.js';
import type { Endpoint, EndpointSlice } from '../../../../api/types/networking.js';
import type { Service } from '../../../../api/types/core.js';
import type { BackingPod, DialPod } from '../../subresources/dial-pod.js';
import type { WatchCache } from '../../cache/watch-cache.js';
import type { Destination } from './call.js';
import { CallError } from './call.js';
import type { Hook } from './hooks.js';

/** The address of a webhook as configurations and definitions have it. */
type ClientConfig = Hook['config']['clientConfig'];

/** The objects by which webhooks' Services are looked up, and the way to their pods. */
export interface DestinationDeps {
  readonly watchCache: WatchCache;
  readonly dialPod: DialPod;
}

/** Resolves a webhook's address anew for each call. @throws CallError when there is none */
export function destinationOf(
  clientConfig: ClientConfig,
  { watchCache, dialPod }: DestinationDeps,
  timeoutSeconds: number,
): Destination {
  const ca =
    (clientConfig.caBundle ?? '') === ''
      ? undefined
      : Buffer.from(clientConfig.caBundle ?? '', 'base64');
  const { service } = clientConfig;
  if (service === undefined) {
    const url = new URL(clientConfig.url ?? '');
    url.searchParams.set('timeout', `${timeoutSeconds}s`);
    return { url, ca };
  }
  const port = service.port ?? 443;
  const url = new URL(`https://${service.name}.${service.namespace}.svc:${port}`);
  const [path = '', query = ''] = (service.path ?? '').split('?');
  url.pathname = path;
  url.search = query;
  url.searchParams.set('timeout', `${timeoutSeconds}s`);
  try {
    const { pod, ...address } = addressOf(watchCache, service.namespace, service.name, port);
    const connect = pod === undefined ? undefined : dialPod(pod, address.port);
    return { url, ca, address, connect };
  } catch (error) {
    if (!(error instanceof CallError)) throw error;
    throw new CallError(`Post ${JSON.stringify(textOf(url, port))}: ${error.message}`);
  }
}

/** The URL with its port, which `URL` leaves out when it is 443. */
function textOf(url: URL, port: number): string {
  return `https://${url.hostname}:${port}${url.pathname}${url.search}`;
}

function addressOf(
  watchCache: WatchCache,
  namespace: string,
  name: string,
  port: number,
): { host: string; port: number; pod?: BackingPod | undefined } {
  const found = watchCache.cache('services').get(objectKey({ namespace, name }));
  if (found === undefined) throw new CallError(`service ${JSON.stringify(name)} not found`);
  const { spec } = found.object<Service>();
  const wanted = spec.ports?.find((item) => item.port === port);
  if (wanted === undefined) {
    throw new CallError(`no service port ${port} found for service ${JSON.stringify(name)}`);
  }
  if (spec.type === 'ExternalName') return { host: spec.externalName ?? '', port };
  for (const entry of watchCache.cache('discovery.k8s.io/endpointslices').list(namespace)) {
    const slice = entry.object<EndpointSlice>();
    if (slice.metadata.labels?.[serviceNameLabel] !== name) continue;
    const target = slice.ports?.find((item) => (item.name ?? '') === (wanted.name ?? ''))?.port;
    const ready = slice.endpoints?.find((item) => item.conditions?.ready !== false);
    const host = ready?.addresses?.[0];
    if (target === undefined || host === undefined) continue;
    return { host, port: target, pod: podOf(ready) };
  }
  throw new CallError(`no endpoints available for service ${JSON.stringify(name)}`);
}

function podOf(endpoint: Endpoint | undefined): BackingPod | undefined {
  const { nodeName: node, targetRef } = endpoint ?? {};
  const { kind, namespace, name, uid = '' } = targetRef ?? {};
  if (node === undefined || kind !== 'Pod' || namespace === undefined) return undefined;
  return name === undefined ? undefined : { node, namespace, name, uid };
}
