/**
 * A worker that was off for so long that its certificate has ended: it says so, `up` renews it, and so does one
 * command. The node keeps its name.
 *
 */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../../src/lib/clock.js';
import { issueCertificate } from '../../src/lib/pki/certificates.js';
import { validityOf } from '../../src/lib/pki/validity.js';
import { readKeyPair } from '../../src/master/cluster/pki.js';
import type { Credentials } from '../../src/worker/join/credentials.js';
import { Cluster, describeUnless, eventually, whyNoContainers } from './lib.js';

const describeHere = describeUnless(whyNoContainers());

const clock = systemClock();
const flags = ['--masters=1', '--workers=1', '--runtime=hollow', '--no-example'];
let cluster: Cluster;

const credentialsFile = (): string => join(cluster.host('worker-1').dataDir, 'credentials.json');

/** Ends the worker, and lets years go by for its certificate. */
async function turnOffForYears(): Promise<void> {
  const { pid } = cluster.host('worker-1');
  process.kill(pid, 'SIGKILL');
  await eventually('the worker is gone', () => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8') === '' ? true : undefined;
    } catch {
      return true;
    }
  });
  const ca = await readKeyPair(join(cluster.host('master-1').dataDir, 'pki'), 'ca');
  const subject = {
    commonName: 'system:node:worker-1',
    organizations: ['system:nodes'],
    usages: ['client'] as const,
  };
  const { cert, key } = await issueCertificate({ ca, subject, clock, days: -1 });
  const credentials = JSON.parse(readFileSync(credentialsFile(), 'utf8')) as Credentials;
  writeFileSync(credentialsFile(), JSON.stringify({ ...credentials, certificate: cert, key }));
}

/** The certificate is good, and the node is the one that was there before. */
async function expectRenewed(uid: string): Promise<void> {
  await eventually('the worker has a certificate that holds', () => {
    const { certificate } = JSON.parse(readFileSync(credentialsFile(), 'utf8')) as Credentials;
    return validityOf(certificate).toMs > clock.nowMs() ? true : undefined;
  });
  const name = ['-o', 'jsonpath={.metadata.uid}'];
  expect(await cluster.get('get', 'node', 'worker-1', ...name)).toBe(uid);
}

describeHere('a worker whose certificate has ended', () => {
  let uid = '';

  beforeAll(async () => {
    cluster = await Cluster.create();
    const up = await cluster.up(flags);
    if (up.code !== 0) throw new Error(`up failed: ${up.stderr}`);
    uid = await cluster.get('get', 'node', 'worker-1', '-o', 'jsonpath={.metadata.uid}');
  }, 200_000);

  afterAll(async () => {
    await cluster.down();
  }, 100_000);

  test('up says so, and it is back', async () => {
    await turnOffForYears();
    const up = await cluster.up(flags);
    expect(up).toMatchObject({ code: 0 });
    expect(up.stderr).toMatch(
      /the certificate of worker-1 ended on \S+, while it was off: renewed/,
    );
    await expectRenewed(uid);
  }, 200_000);

  test('alone, it names the command that renews it, which does', async () => {
    await turnOffForYears();
    const { dataDir, command } = cluster.host('worker-1');
    const alone = command.filter((flag) => !/^--(?:join|token-file|ca-hash)=/.test(flag));
    const said = await cluster.on('worker-1', process.execPath, ['bin/trireme', ...alone]);
    expect(said).toMatchObject({ code: 2 });
    expect(said.stderr).toMatch(
      /the certificate of the node worker-1 ended on 20\S+Z, while it was off/,
    );
    expect(said.stderr).toContain(`trireme cert renew --data-dir=${dataDir} --token=TOKEN`);
    const listed = await cluster.trireme(['cert', 'list', `--data-dir=${dataDir}`]);
    expect(listed).toMatchObject({ code: 1, stdout: expect.stringContaining('ENDED') });

    const made = await cluster.trireme(['token', 'create', '--for', 'worker']);
    const token = /^token: +(\S+)$/m.exec(made.stdout)?.[1] ?? '';
    const renew = ['cert', 'renew', `--data-dir=${dataDir}`, `--token=${token}`];
    const renewed = await cluster.on('worker-1', process.execPath, ['bin/trireme', ...renew]);
    expect(renewed).toMatchObject({ code: 0 });
    expect(renewed.stdout).toMatch(/^the certificates of worker-1 are renewed until 20/);
    expect(await cluster.up(flags)).toMatchObject({ code: 0 });
    await expectRenewed(uid);
  }, 200_000);
});
