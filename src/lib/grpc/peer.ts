import { TLSSocket } from 'node:tls';
import type { Socket } from 'node:net';
import type { PeerCertificate } from './types.js';

const known = new WeakMap<object, PeerCertificate | undefined>();

/** The verified client certificate of a connection; undefined when it showed none or one that we do not trust. */
export function peerCertificateOf(socket: Socket | undefined): PeerCertificate | undefined {
  if (!(socket instanceof TLSSocket)) return undefined;
  if (known.has(socket)) return known.get(socket);
  const certificate = hasVerifiedCertificate(socket) ? readCertificate(socket) : undefined;
  known.set(socket, certificate);
  return certificate;
}

/**
 * True when a client showed a certificate that verified. Node calls every resumed session of TLS 1.3 `authorized`, also
 * one that began without a certificate.
 */
export function hasVerifiedCertificate(socket: TLSSocket): boolean {
  return socket.authorized && socket.getPeerX509Certificate() !== undefined;
}

function readCertificate(socket: TLSSocket): PeerCertificate | undefined {
  const found = socket.getPeerX509Certificate();
  if (found === undefined) return undefined;
  const fields = found.subject.split('\n').map((line) => {
    const at = line.indexOf('=');
    return [line.slice(0, at), line.slice(at + 1)] as const;
  });
  const alternatives = (found.subjectAltName ?? '').split(', ');
  const withPrefix = (prefix: string): string[] =>
    alternatives.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length));
  return {
    commonName: fields.find(([name]) => name === 'CN')?.[1] ?? '',
    organizations: fields.filter(([name]) => name === 'O').map(([, value]) => value),
    uris: withPrefix('URI:'),
    dnsNames: withPrefix('DNS:'),
    endsMs: Date.parse(found.validTo),
    sha256: found.fingerprint256.replaceAll(':', '').toLowerCase(),
  };
}
