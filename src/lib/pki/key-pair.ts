import { createPrivateKey, X509Certificate } from 'node:crypto';

/** @throws Error when the key is not the one of the certificate, or either cannot be read */
export function mustBePair(pair: {
  readonly cert: string | Buffer;
  readonly key: string | Buffer;
}): void {
  if (new X509Certificate(pair.cert).checkPrivateKey(createPrivateKey(pair.key))) return;
  throw new Error('the key is not the one of the certificate');
}
