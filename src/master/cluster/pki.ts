import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../lib/clock.js';
import { makePrivateDirectory, writeWhole } from '../../lib/files/write-whole.js';
import type { KeyPair, Subject } from '../../lib/pki/certificates.js';
import { createCertificateAuthority, issueCertificate } from '../../lib/pki/certificates.js';
import { certificateOfKey } from '../../lib/pki/bundle.js';
import { errorMessage } from '../../lib/errors.js';
import { generateTokenKeys } from './rotation-keys.js';
import type { ClusterSettings } from './settings.js';
import { apiServiceAddress } from './settings.js';

/**
 * The keys of the cluster, which every master holds: made by the first, handed to those that join. Two authorities: the
 * store has its own, so that no client of the API can speak to the store. Paths are relative to the PKI directory.
 */
export const clusterFiles = [
  'ca.crt',
  'ca.key',
  'etcd-ca.crt',
  'etcd-ca.key',
  'sa.key',
  'sa.pub',
  'encryption.key',
] as const;

/** The group whose members RBAC lets do everything. */
const superusers = 'system:masters';

/** Makes what {@link clusterFiles} names. @throws if the directory cannot be written */
export async function createClusterKeys(directory: string, clock: Clock): Promise<void> {
  const ca = await createCertificateAuthority({ commonName: 'trireme-ca', clock });
  const etcdCa = await createCertificateAuthority({ commonName: 'trireme-etcd-ca', clock });
  const serviceAccount = generateTokenKeys();
  await writeKeyFiles(directory, {
    'ca.crt': ca.cert,
    'ca.key': ca.key,
    'etcd-ca.crt': etcdCa.cert,
    'etcd-ca.key': etcdCa.key,
    'sa.key': serviceAccount.privateKey,
    'sa.pub': serviceAccount.publicKey,
    'encryption.key': randomBytes(32).toString('base64'),
  });
}

/** Reads {@link clusterFiles}, to hand them to a joining master. */
export async function readClusterKeys(directory: string): Promise<Record<string, Buffer>> {
  const files: Record<string, Buffer> = {};
  for (const name of clusterFiles) files[name] = await readFile(join(directory, name));
  return files;
}

/** Writes files that only their owner may read, each whole or not at all. */
export async function writeKeyFiles(
  directory: string,
  files: Readonly<Record<string, string | Uint8Array>>,
): Promise<void> {
  await makePrivateDirectory(directory);
  for (const [name, content] of Object.entries(files))
    await writeWhole(join(directory, name), content);
}

/** A key pair in the PKI directory; an authority's certificates, where two are believed, are all of them. */
export async function readKeyPair(directory: string, name: string): Promise<KeyPair> {
  const [cert, key] = await Promise.all([
    readFile(join(directory, `${name}.crt`), 'utf8'),
    readFile(join(directory, `${name}.key`), 'utf8'),
  ]);
  return { cert, key };
}

/**
 * An authority of {@link clusterFiles} as it signs: while another is believed beside it, its key tells which one that
 * is.
 * @throws Error naming the file where the two do not go together
 */
export async function readAuthority(directory: string, name: string): Promise<KeyPair> {
  const { cert, key } = await readKeyPair(directory, name);
  const path = join(directory, name);
  try {
    return { cert: certificateOfKey(cert, key), key };
  } catch (cause) {
    const reason = errorMessage(cause);
    throw new Error(`${path}.crt or ${name}.key cannot be used: ${reason}`, { cause });
  }
}

/** The validity of a master's certificates. */
export const certificateDays = 365;

/** The master whose certificates are made, and their directory. */
export interface MasterCertificateOptions {
  readonly directory: string;
  readonly name: string;
  /** Addresses and names under which this master is reached. */
  readonly hosts: readonly string[];
  readonly settings: ClusterSettings;
  readonly clock: Clock;
}

/**
 * Makes this master's own certificates, anew at every start, so that a changed address or an old certificate heals by a
 * restart. Each is `<name>.crt` and `<name>.key` in the PKI directory.
 * @param isDue tells which of them are made. @default all
 * @returns the names of those that were made
 */
export async function createMasterCertificates(
  options: MasterCertificateOptions,
  isDue: (name: string) => Promise<boolean> = () => Promise.resolve(true),
): Promise<string[]> {
  const { directory, name, settings, clock } = options;
  const hosts = [...new Set([...options.hosts, name, 'localhost', '127.0.0.1'])];
  const serviceNames = [
    'kubernetes',
    'kubernetes.default',
    'kubernetes.default.svc',
    `kubernetes.default.svc.${settings.clusterDomain}`,
    apiServiceAddress(settings),
  ];
  const ca = await readAuthority(directory, 'ca');
  const etcdCa = await readAuthority(directory, 'etcd-ca');
  const frontProxyCa = await frontProxyAuthority(directory, name, clock);
  const wanted: readonly [string, KeyPair, Subject][] = [
    ['apiserver', ca, server('kube-apiserver', [...hosts, ...serviceNames])],
    ['apiserver-kubelet-client', ca, client('kube-apiserver-kubelet-client', superusers)],
    ['scheduler', ca, client('system:kube-scheduler')],
    ['controller-manager', ca, client('system:kube-controller-manager')],
    ['admin', ca, client('kubernetes-admin', superusers)],
    ['etcd-server', etcdCa, { ...server(name, hosts), usages: ['server', 'client'] }],
    ['etcd-peer', etcdCa, { ...server(name, hosts), usages: ['server', 'client'] }],
    ['apiserver-etcd-client', etcdCa, client('kube-apiserver-etcd-client')],
    ['front-proxy-client', frontProxyCa, client('front-proxy-client')],
  ];
  const due = await Promise.all(wanted.map(([file]) => isDue(file)));
  const issued = await Promise.all(
    wanted
      .filter((_, at) => due[at] === true)
      .map(async ([file, authority, subject]) => ({
        file,
        pair: await issueCertificate({ ca: authority, subject, clock, days: certificateDays }),
      })),
  );
  for (const { file, pair } of issued) {
    // The API's serving certificate brings its authority along: joining machines pin that.
    const cert = file === 'apiserver' ? pair.cert + ca.cert : pair.cert;
    await writeKeyFiles(directory, { [`${file}.crt`]: cert, [`${file}.key`]: pair.key });
  }
  return issued.map(({ file }) => file);
}

/**
 * This master's authority of front proxies, by whose word servers of APIServices know who asks. Each master has one of
 * its own, and says so to them; it is none of the cluster's authorities, so that nobody with a certificate of those can
 * say who asks.
 */
async function frontProxyAuthority(
  directory: string,
  name: string,
  clock: Clock,
): Promise<KeyPair> {
  const file = 'front-proxy-ca';
  if (existsSync(join(directory, `${file}.key`))) return readAuthority(directory, file);
  const pair = await createCertificateAuthority({ commonName: `trireme-${file}-${name}`, clock });
  // The key last: with it the pair is whole.
  await writeKeyFiles(directory, { [`${file}.crt`]: pair.cert, [`${file}.key`]: pair.key });
  return pair;
}

/** A new certificate for the administrator, before the old one ends. @returns it, kept in the PKI directory as well */
export async function renewAdminCertificate(directory: string, clock: Clock): Promise<KeyPair> {
  const ca = await readAuthority(directory, 'ca');
  const subject = client('kubernetes-admin', superusers);
  const pair = await issueCertificate({ ca, subject, clock });
  await writeKeyFiles(directory, { 'admin.crt': pair.cert, 'admin.key': pair.key });
  return pair;
}

function server(commonName: string, hosts: readonly string[]): Subject {
  return { commonName, hosts, usages: ['server'] };
}

function client(commonName: string, ...organizations: readonly string[]): Subject {
  return { commonName, organizations, usages: ['client'] };
}
