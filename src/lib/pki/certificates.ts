import type {
  Name,
  Pkcs10CertificateRequest,
  SubjectAlternativeNameExtension,
} from '@peculiar/x509';
import { webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import type { Clock } from '../clock.js';
import type { X509Library } from './x509.js';
import { loadX509 } from './x509.js';

/** A certificate and its private key (PKCS#8), in PEM. */
export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

/** The subject of a certificate, and what it may be used for. */
export interface Subject {
  readonly commonName: string;
  /** Kubernetes reads them as groups. */
  readonly organizations?: readonly string[];
  /** Host names and IP addresses. */
  readonly hosts?: readonly string[];
  readonly usages: readonly ('server' | 'client')[];
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const dayMs = 86_400_000;
/**
 * An authority starts this much before now: one that is made while the clock is days ahead must hold when it is set
 * right.
 */
const authorityBackdateMs = 7 * dayMs;
/**
 * Certificates signed for others become valid this much before now (the authority's own start at the earliest), for
 * clocks that lag.
 */
const requestBackdateMs = 3_600_000;

/** A self-signed authority. @param days how long it is valid. @default 3,650 */
export async function createCertificateAuthority(options: {
  readonly commonName: string;
  readonly clock: Clock;
  readonly days?: number;
}): Promise<KeyPair> {
  const x509 = await loadX509();
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned(
    {
      serialNumber: serialNumber(),
      name: new x509.Name([{ CN: [options.commonName] }]),
      notBefore: new Date(options.clock.nowMs() - authorityBackdateMs),
      notAfter: daysFromNow(options.clock, options.days ?? 3650),
      signingAlgorithm: algorithm,
      keys,
      extensions: [
        new x509.BasicConstraintsExtension(true, undefined, true),
        new x509.KeyUsagesExtension(
          x509.KeyUsageFlags.keyCertSign |
            x509.KeyUsageFlags.cRLSign |
            x509.KeyUsageFlags.digitalSignature,
          true,
        ),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey, false, webcrypto),
      ],
    },
    webcrypto,
  );
  return { cert: `${certificate.toString('pem')}\n`, key: await exportKey(x509, keys.privateKey) };
}

/**
 * A key and a certificate for it, signed by `ca`, valid from the authority's own start on, as kubeadm does it: wherever
 * the authority is believed, so is this, however wrong the clock that signed it. @param days @default 365
 */
export async function issueCertificate(options: {
  readonly ca: KeyPair;
  readonly subject: Subject;
  readonly clock: Clock;
  readonly days?: number;
}): Promise<KeyPair> {
  const x509 = await loadX509();
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const notBefore = new x509.X509Certificate(options.ca.cert).notBefore;
  const days = options.days ?? 365;
  const cert = await sign({ ...options, publicKey: keys.publicKey, notBefore, days });
  return { cert, key: await exportKey(x509, keys.privateKey) };
}

/** A new key and a request (PKCS#10) for a certificate over it. */
export async function createSigningRequest(
  subject: Subject,
): Promise<{ readonly request: string; readonly key: string }> {
  const x509 = await loadX509();
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const request = await x509.Pkcs10CertificateRequestGenerator.create(
    {
      name: nameOf(x509, subject),
      keys,
      signingAlgorithm: algorithm,
      extensions: hostsExtension(x509, subject.hosts ?? []),
    },
    webcrypto,
  );
  return { request: request.toString('pem'), key: await exportKey(x509, keys.privateKey) };
}

/** A request that could not be read, or whose signature is wrong. */
export class BadSigningRequestError extends Error {
  override readonly name = 'BadSigningRequestError';
  readonly code = 'BAD_SIGNING_REQUEST';
}

/**
 * Reads a request and verifies that its sender holds the key.
 * @throws BadSigningRequestError
 */
export async function readSigningRequest(pem: string): Promise<{
  readonly commonName: string;
  readonly organizations: readonly string[];
  readonly hosts: readonly string[];
  /** Alternative names that are no hosts: mail addresses, URIs and others. */
  readonly otherNames: readonly string[];
  readonly request: Pkcs10CertificateRequest;
}> {
  const x509 = await loadX509();
  let request: Pkcs10CertificateRequest;
  let verified: boolean;
  try {
    request = new x509.Pkcs10CertificateRequest(pem);
    verified = await request.verify(webcrypto);
  } catch (cause) {
    throw new BadSigningRequestError('the certificate request cannot be read', { cause });
  }
  if (!verified) throw new BadSigningRequestError('the signature of the request does not verify');
  const extension = request.getExtension('2.5.29.17');
  const isNames = extension instanceof x509.SubjectAlternativeNameExtension;
  const alternatives = isNames ? [...extension.names.items] : [];
  const isHost = ({ type }: { type: string }): boolean => type === 'dns' || type === 'ip';
  return {
    commonName: request.subjectName.getField('CN')[0] ?? '',
    organizations: request.subjectName.getField('O'),
    hosts: alternatives.filter(isHost).map((name) => name.value),
    otherNames: alternatives.filter((name) => !isHost(name)).map((name) => name.value),
    request,
  };
}

/**
 * Signs a request's key for `subject`, which the caller has decided on: the request's own wishes count for nothing. It
 * starts `backdateMs` before now, no earlier: its holder renews it when two thirds of its life are over.
 * @param options.backdateMs @default an hour
 */
export async function signRequest(options: {
  readonly ca: KeyPair;
  readonly request: Pkcs10CertificateRequest;
  readonly subject: Subject;
  readonly clock: Clock;
  readonly days?: number;
  readonly backdateMs?: number;
}): Promise<string> {
  const x509 = await loadX509();
  const publicKey = await options.request.publicKey.export(webcrypto);
  const authority = new x509.X509Certificate(options.ca.cert);
  const earliestMs = options.clock.nowMs() - (options.backdateMs ?? requestBackdateMs);
  const notBefore = new Date(Math.max(authority.notBefore.getTime(), earliestMs));
  return sign({ ...options, publicKey, notBefore, days: options.days ?? 365 });
}

async function sign(options: {
  readonly ca: KeyPair;
  readonly subject: Subject;
  readonly publicKey: webcrypto.CryptoKey;
  readonly clock: Clock;
  readonly notBefore: Date;
  readonly days: number;
}): Promise<string> {
  const { subject } = options;
  const x509 = await loadX509();
  const authority = new x509.X509Certificate(options.ca.cert);
  const signingKey = await webcrypto.subtle.importKey(
    'pkcs8',
    x509.PemConverter.decodeFirst(options.ca.key),
    algorithm,
    false,
    ['sign'],
  );
  const usages = subject.usages.map((usage) =>
    usage === 'server' ? x509.ExtendedKeyUsage.serverAuth : x509.ExtendedKeyUsage.clientAuth,
  );
  const certificate = await x509.X509CertificateGenerator.create(
    {
      serialNumber: serialNumber(),
      subject: nameOf(x509, subject),
      issuer: authority.subjectName,
      notBefore: options.notBefore,
      notAfter: daysFromNow(options.clock, options.days),
      signingAlgorithm: algorithm,
      publicKey: options.publicKey,
      signingKey,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension(usages),
        await x509.AuthorityKeyIdentifierExtension.create(authority, false, webcrypto),
        ...hostsExtension(x509, subject.hosts ?? []),
      ],
    },
    webcrypto,
  );
  return `${certificate.toString('pem')}\n`;
}

function nameOf(x509: X509Library, subject: Subject): Name {
  const organizations = (subject.organizations ?? []).map((name) => ({ O: [name] }));
  return new x509.Name([...organizations, { CN: [subject.commonName] }]);
}

function hostsExtension(
  x509: X509Library,
  hosts: readonly string[],
): SubjectAlternativeNameExtension[] {
  if (hosts.length === 0) return [];
  return [
    new x509.SubjectAlternativeNameExtension(
      hosts.map((value) => ({ type: isIP(value) === 0 ? 'dns' : 'ip', value })),
    ),
  ];
}

function daysFromNow(clock: Clock, days: number): Date {
  return new Date(clock.nowMs() + days * dayMs);
}

/** 127 random bits, positive, as RFC 5280 wants them. */
function serialNumber(): string {
  const bytes = webcrypto.getRandomValues(new Uint8Array(16));
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x01;
  return Buffer.from(bytes).toString('hex');
}

async function exportKey(x509: X509Library, key: webcrypto.CryptoKey): Promise<string> {
  const der = await webcrypto.subtle.exportKey('pkcs8', key);
  return `${x509.PemConverter.encode(der, 'PRIVATE KEY')}\n`;
}
