import type { CallContext, PeerCertificate } from '../../../lib/grpc/index.js';

/** A call of somebody: from where, with which token and which certificate. */
export function calling(from: {
  readonly peer?: string;
  readonly token?: string;
  readonly certificate?: Partial<PeerCertificate>;
  readonly signal?: AbortSignal;
}): CallContext {
  const metadata = new Map<string, string>();
  if (from.token !== undefined) metadata.set('authorization', `Bearer ${from.token}`);
  const none = { commonName: '', organizations: [], uris: [], dnsNames: [] };
  return {
    path: '',
    metadata,
    header: () => undefined,
    peer: from.peer ?? '10.0.0.7:40000',
    peerCertificate: from.certificate === undefined ? undefined : { ...none, ...from.certificate },
    signal: from.signal ?? new AbortController().signal,
    setTrailer: () => undefined,
  };
}
