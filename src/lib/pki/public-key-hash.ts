import { createHash, X509Certificate } from 'node:crypto';

/**
 * `sha256:<hex>` of the public key (SubjectPublicKeyInfo) of a certificate: what a joining machine pins, in the form of
 * kubeadm's `--discovery-token-ca-cert-hash`.
 */
export function publicKeyHash(certificate: string | Buffer): string {
  const spki = new X509Certificate(certificate).publicKey.export({ type: 'spki', format: 'der' });
  return `sha256:${createHash('sha256').update(spki).digest('hex')}`;
}
