/** Etcd's further demands on TLS: cipher suites, versions, and which certificates are believed beyond their chain. */
import { UsageError } from '../../lib/usage-error.js';
import { readFileSync, statSync } from 'node:fs';
import { checkServerIdentity } from 'node:tls';
import type { DetailedPeerCertificate, PeerCertificate, SecureVersion } from 'node:tls';
import type { X509Library } from '../../lib/pki/x509.js';
import { loadX509 } from '../../lib/pki/x509.js';
import type { FlagName } from './flags.js';
import type { Flags } from './typed-flags.js';

/** Go's names of TLS 1.2's suites, and OpenSSL's. */
const cipherNames: Readonly<Record<string, string>> = {
  TLS_RSA_WITH_AES_128_CBC_SHA: 'AES128-SHA',
  TLS_RSA_WITH_AES_256_CBC_SHA: 'AES256-SHA',
  TLS_RSA_WITH_AES_128_CBC_SHA256: 'AES128-SHA256',
  TLS_RSA_WITH_AES_128_GCM_SHA256: 'AES128-GCM-SHA256',
  TLS_RSA_WITH_AES_256_GCM_SHA384: 'AES256-GCM-SHA384',
  TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA: 'ECDHE-ECDSA-AES128-SHA',
  TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA: 'ECDHE-ECDSA-AES256-SHA',
  TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA: 'ECDHE-RSA-AES128-SHA',
  TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA: 'ECDHE-RSA-AES256-SHA',
  TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256: 'ECDHE-ECDSA-AES128-SHA256',
  TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256: 'ECDHE-RSA-AES128-SHA256',
  TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: 'ECDHE-ECDSA-AES128-GCM-SHA256',
  TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384: 'ECDHE-ECDSA-AES256-GCM-SHA384',
  TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256: 'ECDHE-RSA-AES128-GCM-SHA256',
  TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384: 'ECDHE-RSA-AES256-GCM-SHA384',
  TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305: 'ECDHE-ECDSA-CHACHA20-POLY1305',
  TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256: 'ECDHE-ECDSA-CHACHA20-POLY1305',
  TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305: 'ECDHE-RSA-CHACHA20-POLY1305',
  TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256: 'ECDHE-RSA-CHACHA20-POLY1305',
};
/** TLS 1.3's suites are not chosen by the flag, in etcd neither. */
const tls13Suites = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
];

const versions: Readonly<Record<string, SecureVersion>> = {
  'TLS1.2': 'TLSv1.2',
  'TLS1.3': 'TLSv1.3',
};

/** Versions and suites that the flags ask for. @throws UsageError */
export function tlsBounds(flags: Flags): {
  readonly minVersion?: SecureVersion;
  readonly maxVersion?: SecureVersion;
  readonly ciphers?: string;
} {
  const minVersion = version(flags, 'tls-min-version');
  const maxVersion = version(flags, 'tls-max-version');
  if (minVersion !== undefined && maxVersion !== undefined && minVersion > maxVersion) {
    throw new UsageError(
      `min version (${flags.text('tls-min-version')}) is greater than max version (${flags.text('tls-max-version')})`,
    );
  }
  const ciphers = cipherSuites(flags.text('cipher-suites'));
  if (minVersion === 'TLSv1.3' && ciphers !== undefined) {
    throw new UsageError('cipher suites cannot be configured when only TLS1.3 is enabled');
  }
  return {
    ...(minVersion === undefined ? {} : { minVersion }),
    ...(maxVersion === undefined ? {} : { maxVersion }),
    ...(ciphers === undefined ? {} : { ciphers }),
  };
}

function version(flags: Flags, name: FlagName): SecureVersion | undefined {
  const text = flags.text(name);
  if (text === '') return undefined;
  const found = versions[text];
  if (found === undefined) throw new UsageError(`unexpected TLS version "${text}" for -${name}`);
  return found;
}

function cipherSuites(text: string): string | undefined {
  if (text === '') return undefined;
  const named = text.split(',').map((one) => {
    const name = one.trim();
    if (tls13Suites.includes(name)) return name;
    const found = cipherNames[name];
    if (found === undefined) throw new UsageError(`unexpected TLS cipher suite "${name}"`);
    return found;
  });
  return [...new Set([...tls13Suites, ...named])].join(':');
}

/** A check of a certificate whose chain is good already. */
export type CertificateCheck = (peer: DetailedPeerCertificate) => Error | undefined;

/**
 * The certificate must bear one of the common names, or be valid for one of the host names; the two exclude each other.
 * @throws UsageError
 */
export function nameCheck(
  flags: Flags,
  names: { readonly cn?: FlagName; readonly hostname: FlagName },
): ((peer: PeerCertificate) => Error | undefined) | undefined {
  const commonNames = names.cn === undefined ? [] : listOf(flags.text(names.cn));
  const hostNames = listOf(flags.text(names.hostname));
  if (commonNames.length > 0 && hostNames.length > 0) {
    throw new UsageError(`--${names.cn} and --${names.hostname} are mutually exclusive`);
  }
  if (commonNames.length === 0 && hostNames.length === 0) return undefined;
  return (peer) => {
    const isAllowed =
      commonNames.length > 0
        ? commonNames.includes(String(peer.subject?.CN ?? ''))
        : hostNames.some((host) => checkServerIdentity(host, peer) === undefined);
    return isAllowed ? undefined : new Error('client certificate authentication failed');
  };
}

function listOf(text: string): string[] {
  return text
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '');
}

/**
 * No certificate of the chain may be on the list, which is read again whenever the file has changed.
 * @throws UsageError
 */
export async function revocationCheck(path: string): Promise<CertificateCheck | undefined> {
  if (path === '') return undefined;
  const list = new RevocationList(await loadX509(), path);
  try {
    list.read();
  } catch (error) {
    throw new UsageError(`--client-crl-file: ${String(error)}`);
  }
  return (peer) => {
    try {
      list.read();
    } catch (error) {
      return new Error(`the revocation list ${path} cannot be read`, { cause: error });
    }
    for (let one: DetailedPeerCertificate | undefined = peer; one !== undefined;) {
      if (list.has(one.serialNumber)) return new Error('the certificate is revoked');
      one = one.issuerCertificate === one ? undefined : one.issuerCertificate;
    }
    return undefined;
  };
}

class RevocationList {
  readonly #x509: X509Library;
  readonly #path: string;
  #changedMs = -1;
  #serials = new Set<string>();

  constructor(x509: X509Library, path: string) {
    this.#x509 = x509;
    this.#path = path;
  }

  read(): void {
    const { mtimeMs } = statSync(this.#path);
    if (mtimeMs === this.#changedMs) return;
    const bytes = readFileSync(this.#path);
    const list = new this.#x509.X509Crl(
      bytes.includes('-----BEGIN') ? bytes.toString('latin1') : bytes,
    );
    this.#serials = new Set(list.entries.map((entry) => normalSerial(entry.serialNumber)));
    this.#changedMs = mtimeMs;
  }

  has(serial: string): boolean {
    return this.#serials.has(normalSerial(serial));
  }
}

/** Hexadecimal digits without leading zeros. */
function normalSerial(serial: string): string {
  return serial.toLowerCase().replace(/^0+/, '');
}

/** All of the checks, in order. */
export function allChecks(
  ...checks: readonly (CertificateCheck | undefined)[]
): CertificateCheck | undefined {
  const given = checks.filter((check) => check !== undefined);
  if (given.length === 0) return undefined;
  return (peer) => {
    for (const check of given) {
      const refusal = check(peer);
      if (refusal !== undefined) return refusal;
    }
    return undefined;
  };
}
