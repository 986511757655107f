import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../lib/clock.js';
import type { Clock } from '../../lib/clock.js';
import { silentLogger } from '../../lib/log.js';
import { createCertificateAuthority, issueCertificate } from '../../lib/pki/certificates.js';
import type { Credentials } from '../join/credentials.js';
import { writeCredentials } from '../join/credentials.js';
import { awaitCredentials, followCredentials, isElsewhere } from './node-credentials.js';

/** Time passes at once. */
const clock: Clock = { ...systemClock(), schedule: (_delayMs, act) => immediately(act) };
let dataDir = '';

function immediately(act: () => void): () => void {
  const handle = setImmediate(act);
  return () => clearImmediate(handle);
}

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'credentials-'));
});

afterEach(() => rm(dataDir, { recursive: true }));

async function credentialsOf(nodeName: string, fields: Partial<Credentials> = {}) {
  const ca = await createCertificateAuthority({ commonName: 'ca', clock });
  const subject = { commonName: nodeName, usages: ['client' as const] };
  const { cert, key } = await issueCertificate({ ca, clock, subject });
  return {
    nodeName,
    ca: ca.cert,
    certificate: cert,
    key,
    servingCertificate: cert,
    servingKey: key,
    masters: ['m1:1'],
    clusterCidr: '10.244.0.0/16',
    serviceCidr: '10.96.0.0/16',
    clusterDns: '10.96.0.10',
    clusterDomain: 'cluster.local',
    ...fields,
  };
}

test('the proxy waits for its own node to have joined', async () => {
  const options = { dataDir, nodeName: 'n1', clock, log: silentLogger };
  const { signal } = new AbortController();
  const waiting = awaitCredentials(options, signal);
  await writeCredentials(dataDir, await credentialsOf('other'));
  const own = await credentialsOf('n1');
  await writeCredentials(dataDir, own);
  await expect(waiting).resolves.toEqual(own);
});

test('certificates that have ended are no credentials: the agent joins anew', async () => {
  const year = 2 * 366 * 86_400_000;
  const late: Clock = { ...clock, nowMs: () => systemClock().nowMs() + 100 * year };
  await writeCredentials(dataDir, await credentialsOf('n1'));
  const said: string[] = [];
  const log = { ...silentLogger, info: (_fields: object, text: string) => void said.push(text) };
  const stopping = new AbortController();
  const waiting = awaitCredentials({ dataDir, nodeName: 'n1', clock: late, log }, stopping.signal);
  while (said.length === 0) await new Promise((resolve) => setImmediate(resolve));
  expect(said[0]).toMatch(/^the certificate of the node n1 ended on /);
  stopping.abort(new Error('enough'));
  await expect(waiting).rejects.toThrow('enough');
});

test('what the agent renews is taken up', async () => {
  const first = await credentialsOf('n1');
  await writeCredentials(dataDir, first);
  const seen: (readonly string[])[] = [];
  const end = followCredentials(
    first,
    { dataDir, nodeName: 'n1', clock, log: silentLogger },
    ({ masters }) => seen.push(masters),
  );
  await writeCredentials(dataDir, { ...first, masters: ['m1:1', 'm2:1'] });
  while (seen.length === 0) await new Promise((resolve) => setImmediate(resolve));
  end();
  expect(seen).toEqual([['m1:1', 'm2:1']]);
});

test.each<[Partial<Credentials>, boolean]>([
  [{ masters: ['m2:1'], certificate: 'new' }, false],
  [{ clusterCidr: '10.1.0.0/16' }, true],
  [{ serviceCidr: '10.2.0.0/16' }, true],
  [{ clusterDns: '10.2.0.10' }, true],
  [{ clusterDomain: 'other.local' }, true],
])('credentials with %j are of a cluster with other blocks or names: %s', async (fields, is) => {
  const before = await credentialsOf('n1');
  expect(isElsewhere({ ...before, ...fields }, before)).toBe(is);
});
