import { UsageError } from '../../lib/usage-error.js';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PeerCertificate } from 'node:tls';
import { writeWhole } from '../../lib/files/write-whole.js';
import type { ChannelTls, ServerTls } from '../../lib/grpc/index.js';
import type { Logger } from '../../lib/log.js';
import { createCertificateAuthority, issueCertificate } from '../../lib/pki/certificates.js';
import type { ServerConfig } from '../config.js';
import type { FlagName } from './flags.js';
import type { Flags } from './typed-flags.js';
import { listenUrls } from './options.js';
import { allChecks, nameCheck, revocationCheck, tlsBounds } from './tls-checks.js';
import type { CertificateCheck } from './tls-checks.js';

/** The certificates that a member works with, as its flags and files say now. */
export interface TlsFiles {
  readonly clientTls: ServerTls | undefined;
  readonly peerTls: ServerTls | undefined;
  readonly peerClientTls: ChannelTls | undefined;
  readonly clientCertAuth: boolean;
}

type Side = '' | 'peer-';

function flag(side: Side, name: 'cert-file' | 'key-file' | 'trusted-ca-file'): FlagName {
  return `${side}${name}`;
}

const peerClientFiles = ['peer-client-cert-file', 'peer-client-key-file'] as const;

function read(flags: Flags, name: FlagName): string | undefined {
  const path = flags.text(name);
  if (path === '') return undefined;
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new UsageError(`--${name}: ${String(error)}`);
  }
}

/** The files that are read again when they change. */
export function certificatePaths(flags: Flags): string[] {
  const names = ['cert-file', 'key-file', 'peer-cert-file', 'peer-key-file'] as const;
  return [...names, ...peerClientFiles]
    .map((name) => flags.text(name))
    .filter((path) => path !== '');
}

/**
 * Reads the certificates that the flags name, or makes self-signed ones for `--auto-tls` and `--peer-auto-tls`.
 * @throws UsageError on missing files, or on an address that asks for TLS without a certificate
 */
export async function loadTls(flags: Flags, config: ServerConfig, log: Logger): Promise<TlsFiles> {
  const client = await serverTls(flags, config, '', log);
  const peer = await serverTls(flags, config, 'peer-', log);
  refusePlainHttps(flags, { client, peer });
  const peerNames = nameCheck(flags, {
    cn: 'peer-cert-allowed-cn',
    hostname: 'peer-cert-allowed-hostname',
  });
  return {
    clientTls: client === undefined ? undefined : withChecks(client, await clientChecks(flags)),
    peerTls: peer === undefined ? undefined : withChecks(peer, peerNames),
    peerClientTls: peer === undefined ? undefined : channelTls(flags, peer, peerNames),
    clientCertAuth: flags.boolean('client-cert-auth'),
  };
}

/** Refuses https URLs without a certificate: they are never served in the clear. @throws UsageError */
function refusePlainHttps(
  flags: Flags,
  tls: { readonly client: ServerTls | undefined; readonly peer: ServerTls | undefined },
): void {
  const { clientUrls, httpUrls, peerUrls, metricsUrls } = listenUrls(flags);
  const isSecure = (url: string): boolean => url.startsWith('https:');
  const client = [...clientUrls, ...httpUrls].find(isSecure);
  if (tls.client === undefined && client !== undefined) {
    throw new UsageError(
      `TLS key/cert (--cert-file, --key-file) must be provided for client url ${client} with HTTPS scheme`,
    );
  }
  if (tls.client === undefined && metricsUrls.some(isSecure)) {
    throw new UsageError(
      'client TLS key/cert (--cert-file, --key-file) must be provided for metrics secure url',
    );
  }
  const peer = peerUrls.find(isSecure);
  if (tls.peer === undefined && peer !== undefined) {
    throw new UsageError(
      `cannot listen on TLS for ${new URL(peer).host}: KeyFile and CertFile are not presented`,
    );
  }
}

/** @throws UsageError */
async function clientChecks(flags: Flags): Promise<CertificateCheck | undefined> {
  return allChecks(
    nameCheck(flags, { hostname: 'client-cert-allowed-hostname' }),
    await revocationCheck(flags.text('client-crl-file')),
  );
}

function withChecks(tls: ServerTls, check: CertificateCheck | undefined): ServerTls {
  return check === undefined ? tls : { ...tls, verifyClient: check };
}

async function serverTls(
  flags: Flags,
  config: ServerConfig,
  side: Side,
  log: Logger,
): Promise<ServerTls | undefined> {
  const cert = read(flags, flag(side, 'cert-file'));
  const key = read(flags, flag(side, 'key-file'));
  if ((cert === undefined) !== (key === undefined)) {
    throw new UsageError(`--${side}cert-file and --${side}key-file go together`);
  }
  if (cert === undefined || key === undefined) {
    if (!flags.boolean(`${side}auto-tls`)) return undefined;
    return selfSigned(config, side, log);
  }
  const ca = read(flags, flag(side, 'trusted-ca-file'));
  // As in etcd: an authority is named to ask for certificates of it, on either side.
  const required = flags.boolean(`${side}client-cert-auth`) || ca !== undefined;
  if (flags.boolean(`${side}client-cert-auth`) && ca === undefined) {
    throw new UsageError(`--${side}client-cert-auth needs --${side}trusted-ca-file`);
  }
  return {
    cert,
    key,
    ...(ca === undefined ? {} : { ca }),
    requestClientCert: required ? 'required' : 'none',
    ...tlsBounds(flags),
  };
}

/**
 * Peers show the same certificate as clients of each other, unless one is named for that, and are held to the same
 * names.
 * @throws UsageError
 */
function channelTls(
  flags: Flags,
  peer: ServerTls,
  check: ((peer: PeerCertificate) => Error | undefined) | undefined,
): ChannelTls {
  const [ownCert, ownKey] = peerClientFiles.map((name) => read(flags, name));
  if ((ownCert === undefined) !== (ownKey === undefined)) {
    throw new UsageError(`--${peerClientFiles.join(' and --')} go together`);
  }
  const cert = ownCert ?? peer.cert;
  const key = ownKey ?? peer.key;
  const { ca } = peer;
  if (ca !== undefined) return { ca, cert, key, ...(check === undefined ? {} : { verify: check }) };
  // Without an authority there is nothing to check against, as with etcd's --peer-auto-tls.
  const accept = (): undefined => undefined;
  return { cert, key, verify: accept };
}

/** A certificate of its own, kept in the data directory so that a restart shows the same one. */
async function selfSigned(config: ServerConfig, side: Side, log: Logger): Promise<ServerTls> {
  const directory = join(config.dataDir, 'fixtures', side === '' ? 'client' : 'peer');
  const certPath = join(directory, 'cert.pem');
  const keyPath = join(directory, 'key.pem');
  if (!existsSync(certPath) || !existsSync(keyPath)) {
    const urls = side === '' ? config.clientUrls : config.peerUrls;
    const hosts = ['localhost', '127.0.0.1', ...urls.map((url) => new URL(url).hostname)].filter(
      (host) => host !== '',
    );
    const ca = await createCertificateAuthority({ commonName: 'etcd', clock: config.clock });
    const pair = await issueCertificate({
      ca,
      subject: { commonName: 'etcd', hosts: [...new Set(hosts)], usages: ['server', 'client'] },
      clock: config.clock,
    });
    await writeWhole(certPath, pair.cert);
    await writeWhole(keyPath, pair.key);
    log.info({ directory }, 'made a self-signed certificate');
  }
  return { cert: readFileSync(certPath), key: readFileSync(keyPath), requestClientCert: 'none' };
}
