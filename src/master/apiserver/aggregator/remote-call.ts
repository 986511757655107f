/** Calls the server of an APIService: over TLS that names it, with the certificate of this server as a front proxy. */
import * as http from 'node:http';
import * as tls from 'node:tls';
import type { APIService } from '../../../api/types/policy.js';
import type { TlsSource, TrustedPair } from '../../../lib/pki/tls-source.js';
import type { WatchCache } from '../cache/watch-cache.js';
import type { DialPod } from '../subresources/dial-pod.js';
import type { ServicePort } from '../subresources/service-address.js';
import { serviceAddress } from '../subresources/service-address.js';

/** The ways to the servers, and the certificate that is shown to them. */
export interface RemoteCallDeps {
  readonly watchCache: WatchCache;
  readonly dialPod: DialPod;
  /** Absent: no certificate is shown, and no server believes who asks. */
  readonly frontProxy: TlsSource<TrustedPair> | undefined;
}

/** One request. */
export interface RemoteRequest {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly headers: http.OutgoingHttpHeaders;
  readonly signal?: AbortSignal | undefined;
}

/** The Service behind an APIService. */
export function servicePortOf({ spec }: APIService): ServicePort {
  const { namespace = '', name = '', port = 443 } = spec.service ?? {};
  return { namespace, name, port };
}

/**
 * Opens a request; the caller ends it.
 * @throws NoServerError when the Service has no server
 */
export function callRemote(
  deps: RemoteCallDeps,
  api: APIService,
  request: RemoteRequest,
): http.ClientRequest {
  const service = servicePortOf(api);
  const { pod, host, port } = serviceAddress(deps.watchCache, service);
  const carry = pod === undefined ? undefined : deps.dialPod(pod, port);
  const servername = `${service.name}.${service.namespace}.svc`;
  const { caBundle = '', insecureSkipTLSVerify = false } = api.spec;
  const pair = deps.frontProxy?.current;
  const { method, path, headers, signal } = request;
  return http.request({
    method,
    path,
    headers: { ...headers, host: servername },
    ...(signal === undefined ? {} : { signal }),
    createConnection: () =>
      tls.connect({
        ...(carry === undefined ? { host, port } : { socket: carry() }),
        servername,
        // The APIService says so, which only administrators write (kube-aggregator's field of that name).
        rejectUnauthorized: !insecureSkipTLSVerify,
        ...(caBundle === '' ? {} : { ca: Buffer.from(caBundle, 'base64') }),
        ...(pair === undefined ? {} : { cert: pair.cert, key: pair.key }),
      }),
  });
}
