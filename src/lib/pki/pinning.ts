import { X509Certificate } from 'node:crypto';
import type { DetailedPeerCertificate, PeerCertificate } from 'node:tls';
import { publicKeyHash } from './public-key-hash.js';

/**
 * A check for a TLS server whose authority is known by the hash of its public key only: some certificate of the chain
 * that the server sends must have it, and every certificate before that one must be signed by the next.
 * @param caHash `sha256:<hex>`, as {@link publicKeyHash} gives it
 */
export function pinnedTo(caHash: string): (peer: PeerCertificate) => Error | undefined {
  return (peer) => {
    let current = peer as DetailedPeerCertificate | undefined;
    if (current?.raw === undefined) return new Error('the server showed no certificate');
    for (let depth = 0; depth < 8 && current !== undefined; depth++) {
      const certificate = new X509Certificate(current.raw);
      if (publicKeyHash(certificate.toString()) === caHash) {
        return certificate.ca ? undefined : new Error('the pinned key is not an authority');
      }
      const issuer: DetailedPeerCertificate | undefined =
        current.issuerCertificate === current ? undefined : current.issuerCertificate;
      if (issuer?.raw === undefined) break;
      if (!certificate.verify(new X509Certificate(issuer.raw).publicKey)) {
        return new Error('the certificates of the server are not signed by one another');
      }
      current = issuer;
    }
    return new Error(`the server's authority is not the one with the hash ${caHash}`);
  };
}
