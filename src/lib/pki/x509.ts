/**
 * Loads the X.509 library on demand. It took a sixth of an API server's start, and only making certificates and reading
 * requests or revocation lists needs it: certificates of connections are OpenSSL's work.
 */
import type * as X509 from '@peculiar/x509';

/** Makes and reads certificates, requests and revocation lists. */
export type X509Library = typeof X509;

/** Returns the library; loads it once. */
export async function loadX509(): Promise<X509Library> {
  return (await import('./x509-library.js')).library;
}
