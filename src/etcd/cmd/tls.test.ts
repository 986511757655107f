import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { ManualClock, systemClock } from '../../lib/clock.js';
import { silentLogger } from '../../lib/log.js';
import { Registry } from '../../lib/metrics.js';
import { createCertificateAuthority, issueCertificate } from '../../lib/pki/certificates.js';
import { parseFlags } from './flags.js';
import { followTls } from './member-tls.js';
import { serverConfig } from './options.js';
import { Flags } from './typed-flags.js';
import { certificatePaths, loadTls } from './tls.js';
import type { TlsFiles } from './tls.js';

let directory = '';
const path = (name: string): string => join(directory, name);

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'trireme-tls-'));
  for (const name of ['cert', 'key', 'ca', 'other-cert', 'other-key']) {
    writeFileSync(path(name), `the ${name}`);
  }
});

afterAll(() => rmSync(directory, { recursive: true }));

function load(...words: string[]): { tls: Promise<TlsFiles>; flags: Flags } {
  const given = ['--peer-cert-file', path('cert'), '--peer-key-file', path('key'), ...words];
  const flags = new Flags(parseFlags(given, {}));
  const config = serverConfig(flags, new ManualClock(), silentLogger);
  return { tls: loadTls(flags, config, silentLogger), flags };
}

test('peers show the certificate that they are served with', async () => {
  const { tls } = load('--peer-trusted-ca-file', path('ca'));
  const { peerTls, peerClientTls } = await tls;
  expect(peerTls).toMatchObject({ cert: 'the cert', key: 'the key', ca: 'the ca' });
  // Without --peer-client-cert-auth: who names an authority wants to see its certificates.
  expect(peerTls?.requestClientCert).toBe('required');
  expect(peerClientTls).toEqual({ cert: 'the cert', key: 'the key', ca: 'the ca' });
});

test('peers show one of their own, which is read again as well', async () => {
  const own = ['--peer-client-cert-file', path('other-cert')];
  const { tls, flags } = load(...own, '--peer-client-key-file', path('other-key'));
  const { peerTls, peerClientTls } = await tls;
  expect(peerTls).toMatchObject({ cert: 'the cert', key: 'the key', requestClientCert: 'none' });
  expect(peerClientTls).toMatchObject({ cert: 'the other-cert', key: 'the other-key' });
  expect(certificatePaths(flags).sort()).toEqual(
    ['cert', 'key', 'other-cert', 'other-key'].map(path).sort(),
  );
});

test('a certificate without its key is refused', async () => {
  await expect(load('--peer-client-cert-file', path('other-cert')).tls).rejects.toThrow(
    '--peer-client-cert-file and --peer-client-key-file go together',
  );
});

test('certificates that are replaced are taken up: served, shown to peers, and checked', async () => {
  const clock = systemClock();
  const ca = await createCertificateAuthority({ commonName: 'ca', clock });
  const install = async (): Promise<string> => {
    const subject = { commonName: 'm', usages: ['server', 'client'] } as const;
    const pair = await issueCertificate({ ca, subject, clock });
    writeFileSync(path('own-cert'), pair.cert);
    writeFileSync(path('own-key'), pair.key);
    return pair.cert;
  };
  const first = await install();
  const files = ['cert', 'key'].flatMap((name) => [
    `--${name}-file`,
    path(`own-${name}`),
    `--peer-${name}-file`,
    path(`own-${name}`),
  ]);
  const manual = new ManualClock();
  const flags = new Flags(parseFlags(files, {}));
  const registry = new Registry();
  const tls = await followTls(flags, serverConfig(flags, manual, silentLogger), {
    log: silentLogger,
    registry,
  });
  const now = (): unknown[] =>
    [tls.clientTls, tls.peerTls, tls.peerClientTls].map((source) => source?.current.cert);
  expect(now()).toEqual([first, first, first]);
  expect(registry.metrics()).toContain('not_after_timestamp_seconds{certificate="server"} ');
  const look = async (): Promise<void> => {
    manual.advance(10_000);
    while (manual.pending < 2) await new Promise((resolve) => setImmediate(resolve));
  };
  const second = await install();
  writeFileSync(path('own-key'), 'half writ');
  await look();
  expect(now()).toEqual([first, first, first]);
  const third = await install();
  expect(third).not.toBe(second);
  await look();
  expect(now()).toEqual([third, third, third]);
  tls.stop();
  expect(manual.pending).toBe(0);
});
