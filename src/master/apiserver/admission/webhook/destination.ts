/** Finds the server of a webhook: at a URL, or behind a Service. */
import type { DialPod } from '../../subresources/dial-pod.js';
import { isNoServerError, serviceAddress } from '../../subresources/service-address.js';
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
    const { namespace, name } = service;
    const { pod, ...address } = serviceAddress(watchCache, { namespace, name, port });
    const connect = pod === undefined ? undefined : dialPod(pod, address.port);
    return { url, ca, address, connect };
  } catch (error) {
    if (!isNoServerError(error)) throw error;
    throw new CallError(`Post ${JSON.stringify(textOf(url, port))}: ${error.message}`);
  }
}

/** The URL with its port, which `URL` leaves out when it is 443. */
function textOf(url: URL, port: number): string {
  return `https://${url.hostname}:${port}${url.pathname}${url.search}`;
}
