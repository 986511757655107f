import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ManualClock } from '../../lib/clock.js';
import { createCertificateAuthority } from '../../lib/pki/certificates.js';
import { endOfCertificate, hasJoined, withJoinArguments } from './joined.js';

let dataDir = '';

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'trireme-joined-'));
});
afterEach(() => rmSync(dataDir, { recursive: true }));

test('a worker whose certificate has ended is told from one that may start as it is', async () => {
  const worker = { role: 'worker', dataDir } as const;
  expect(hasJoined(worker)).toBe(false);
  expect(endOfCertificate(worker, 0)).toBeUndefined();
  const clock = new ManualClock(Date.UTC(2026, 0, 1));
  const { cert: certificate } = await createCertificateAuthority({
    commonName: 'n',
    clock,
    days: 1,
  });
  writeFileSync(join(dataDir, 'credentials.json'), JSON.stringify({ certificate }));
  const end = Date.UTC(2026, 0, 2);
  expect(hasJoined(worker)).toBe(true);
  expect(endOfCertificate(worker, end - 1)).toBeUndefined();
  expect(endOfCertificate(worker, end)).toEqual(new Date(end));
  // A master's are made anew whenever it starts.
  expect(endOfCertificate({ role: 'master', dataDir }, end)).toBeUndefined();
});

test('its other flags stay when it joins again', () => {
  const command = ['worker', '--join=a:1', '--token-file=/old', '--ca-hash=x', '--max-pods=5'];
  const host = {
    name: 'worker-1',
    role: 'worker' as const,
    netns: null,
    address: '10.0.0.1',
    containerd: null,
    dataDir,
    logFile: '/log',
    command,
  };
  const joining = { servers: 'b:2', tokenFile: '/new', caHash: 'y' };
  expect(withJoinArguments(host, joining).command).toEqual([
    'worker',
    '--max-pods=5',
    '--join=b:2',
    '--token-file=/new',
    '--ca-hash=y',
  ]);
});
