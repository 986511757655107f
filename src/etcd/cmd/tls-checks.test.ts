import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DetailedPeerCertificate } from 'node:tls';
import { afterEach, expect, test } from '@jest/globals';
import { parseFlags } from './flags.js';
import { Flags } from './typed-flags.js';
import { allChecks, nameCheck, revocationCheck, tlsBounds } from './tls-checks.js';

const flags = (...argv: string[]): Flags => new Flags(parseFlags(argv, {}));

const certificate = (fields: Partial<DetailedPeerCertificate>): DetailedPeerCertificate =>
  ({ subject: { CN: '' }, serialNumber: '01', ...fields }) as DetailedPeerCertificate;

const named = (CN: string): DetailedPeerCertificate['subject'] => ({
  CN,
  C: '',
  ST: '',
  L: '',
  O: '',
  OU: '',
});

/** Made with `openssl ca -gencrl`: serial 0A0B is revoked in the one, 0C in the other. */
const revoked0A0B = `-----BEGIN X509 CRL-----
MIG7MGMCAQEwCgYIKoZIzj0EAwIwDTELMAkGA1UEAwwCY2EXDTI2MTEyNjEyMjk0
OFoXDTI2MTIyNjEyMjk0OFowFTATAgIKCxcNMjYwMTAxMDAwMDAwWqAOMAwwCgYD
VR0UBAMCAQIwCgYIKoZIzj0EAwIDSAAwRQIhAO2FUdfuzjYLnRM9VUGoPT/qXOu0
3p88g7x30j4RDQ3dAiBvneyk/kwI4wDUwJ3Eqr+4kbn5wJWZre+Vy44g8KobfA==
-----END X509 CRL-----
`;
const revoked0C = `-----BEGIN X509 CRL-----
MIG6MGICAQEwCgYIKoZIzj0EAwIwDTELMAkGA1UEAwwCY2EXDTI2MTEyNjEyMjk0
OVoXDTI2MTIyNjEyMjk0OVowFDASAgEMFw0yNjAxMDEwMDAwMDBaoA4wDDAKBgNV
HRQEAwIBAzAKBggqhkjOPQQDAgNIADBFAiA3N1IY/SsAWoVRu10KXMLlVCTo/muj
6bmkctTOK8yZawIhAJlJ/BH1Lr11jtg+YIgTx+pHKtUmmccC+zegTWNYg3KU
-----END X509 CRL-----
`;

let directory: string | undefined;
afterEach(() => {
  if (directory !== undefined) rmSync(directory, { recursive: true });
  directory = undefined;
});

test('versions and suites by the names of Go', () => {
  expect(tlsBounds(flags())).toEqual({});
  expect(tlsBounds(flags('--tls-min-version=TLS1.2', '--tls-max-version=TLS1.2'))).toEqual({
    minVersion: 'TLSv1.2',
    maxVersion: 'TLSv1.2',
  });
  const { ciphers } = tlsBounds(
    flags('--cipher-suites=TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,TLS_RSA_WITH_AES_256_CBC_SHA'),
  );
  expect(ciphers?.split(':').slice(-2)).toEqual(['ECDHE-RSA-AES128-GCM-SHA256', 'AES256-SHA']);
  expect(ciphers).toMatch(/^TLS_AES_128_GCM_SHA256:/);
  expect(() => tlsBounds(flags('--cipher-suites=NONE'))).toThrow(
    'unexpected TLS cipher suite "NONE"',
  );
  expect(() => tlsBounds(flags('--tls-min-version=TLS1.3', '--tls-max-version=TLS1.2'))).toThrow(
    'min version (TLS1.3) is greater than max version (TLS1.2)',
  );
  expect(() => tlsBounds(flags('--tls-max-version=TLS1.1'))).toThrow('unexpected TLS version');
});

test('a certificate must bear an allowed name', () => {
  const names = { cn: 'peer-cert-allowed-cn', hostname: 'peer-cert-allowed-hostname' } as const;
  expect(nameCheck(flags(), names)).toBeUndefined();
  const byName = nameCheck(flags('--peer-cert-allowed-cn=a,b'), names);
  expect(byName?.(certificate({ subject: named('b') }))).toBeUndefined();
  expect(byName?.(certificate({ subject: named('c') }))?.message).toBe(
    'client certificate authentication failed',
  );
  const byHost = nameCheck(flags('--peer-cert-allowed-hostname=m1.cluster.example'), names);
  expect(byHost?.(certificate({ subjectaltname: 'DNS:*.cluster.example' }))).toBeUndefined();
  expect(byHost?.(certificate({ subjectaltname: 'DNS:m2.cluster.example' }))).toBeInstanceOf(Error);
  expect(() =>
    nameCheck(flags('--peer-cert-allowed-cn=a', '--peer-cert-allowed-hostname=b'), names),
  ).toThrow('mutually exclusive');
});

test('revoked certificates are refused, the list is read again when it changes', async () => {
  directory = mkdtempSync(join(tmpdir(), 'trireme-crl-'));
  const path = join(directory, 'list.pem');
  const write = (list: string, mtimeSeconds: number): void => {
    writeFileSync(path, list);
    utimesSync(path, mtimeSeconds, mtimeSeconds);
  };
  write(revoked0A0B, 1);
  const check = allChecks(undefined, await revocationCheck(path));
  expect(check?.(certificate({ serialNumber: '0A0B' }))?.message).toBe(
    'the certificate is revoked',
  );
  const issuer = certificate({ serialNumber: 'A0B' });
  expect(check?.(certificate({ serialNumber: '0C', issuerCertificate: issuer }))).toBeInstanceOf(
    Error,
  );
  expect(check?.(certificate({ serialNumber: '0C' }))).toBeUndefined();
  write(revoked0C, 2);
  expect(check?.(certificate({ serialNumber: '0C' }))).toBeInstanceOf(Error);
  await expect(revocationCheck(join(String(directory), 'none'))).rejects.toThrow(
    '--client-crl-file',
  );
  expect(allChecks(undefined, undefined)).toBeUndefined();
});
