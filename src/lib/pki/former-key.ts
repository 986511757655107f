/**
 * The proof by which a machine whose certificate has run out is known again: it still has that certificate's key. TLS
 * does not take such a certificate any more.
 */
import { createPrivateKey, sign, verify, X509Certificate } from 'node:crypto';
import { isSignedByOne } from './bundle.js';

/** Signed together with the request, so that the signature means nothing elsewhere. */
const purpose = 'trireme: a new certificate in place of the former one\0';

/** The certificate that has run out, PEM, and what its key signed. */
export interface FormerKeyProof {
  readonly certificate: Buffer;
  readonly signature: Buffer;
}

/** Signs a request for a new certificate by the former one's key. */
export function proveFormerKey(
  former: { readonly certificate: string; readonly key: string },
  request: Uint8Array,
): FormerKeyProof {
  const signature = sign('sha256', signed(request), createPrivateKey(former.key));
  return { certificate: Buffer.from(former.certificate), signature };
}

/**
 * True when the proof is by a key that the authority has certified for that common name and organization, whenever that
 * was.
 */
export function hasFormerKey(
  proof: FormerKeyProof,
  expected: {
    readonly request: Uint8Array;
    /** PEM of the authority, or of the two that are believed. */
    readonly ca: string;
    readonly commonName: string;
    readonly organization: string;
  },
): boolean {
  try {
    const certificate = new X509Certificate(proof.certificate);
    const subject = `O=${expected.organization}\nCN=${expected.commonName}`;
    return (
      certificate.subject === subject &&
      isSignedByOne(certificate, expected.ca) &&
      verify('sha256', signed(expected.request), certificate.publicKey, proof.signature)
    );
  } catch {
    // Neither a certificate nor a signature.
    return false;
  }
}

function signed(request: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(purpose), request]);
}
