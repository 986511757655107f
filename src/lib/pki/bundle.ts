/** Several certificates or keys in one PEM file: the authorities, or the keys, that are believed side by side. */
import { createPrivateKey, X509Certificate } from 'node:crypto';

const block = /-----BEGIN ([A-Z0-9 ]+)-----[^-]*-----END \1-----/g;

/** The blocks of a PEM text in order, each with its line end. */
export function pemBlocks(pem: string | Buffer): string[] {
  return [...pem.toString().matchAll(block)].map(([text]) => `${text}\n`);
}

/** The text with a block behind the others; unchanged where it is there already. */
export function withBlock(pem: string | Buffer, added: string | Buffer): string {
  const blocks = pemBlocks(pem);
  const missing = pemBlocks(added).filter((one) => !blocks.includes(one));
  return [...blocks, ...missing].join('');
}

/**
 * The certificate of a bundle whose key that is: the authority that signs, while another is believed beside it.
 * @throws Error where none is
 */
export function certificateOfKey(bundle: string | Buffer, key: string | Buffer): string {
  const privateKey = createPrivateKey(key);
  const found = pemBlocks(bundle).find((pem) =>
    new X509Certificate(pem).checkPrivateKey(privateKey),
  );
  if (found === undefined) throw new Error('the key is not the one of the certificate');
  return found;
}

/** True when one of the authorities has signed the certificate. */
export function isSignedByOne(certificate: X509Certificate, authorities: string | Buffer): boolean {
  return pemBlocks(authorities).some((pem) => {
    const authority = new X509Certificate(pem);
    return certificate.checkIssued(authority) && certificate.verify(authority.publicKey);
  });
}
