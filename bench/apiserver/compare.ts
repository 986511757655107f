/**
 * The API server of this build beside another build's, in one run: `node dist/bench/apiserver/compare.js --peer DIR
 * [--rounds 7] [--only TEXT]`. DIR is a compiled checkout. Each server is a process of its own on a store in memory;
 * rounds alternate between them, and which goes first. Prints, for each job, calls a second and the server's CPU time
 * for each: the latter says more where others use the machine. A ratio above 1 means that this build needs less.
 */
import type { ChildProcess } from 'node:child_process';
import { fork } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { systemClock } from '../../src/lib/clock.js';
import type { KeyPair } from '../../src/lib/pki/certificates.js';
import { createCertificateAuthority, issueCertificate } from '../../src/lib/pki/certificates.js';
import type { Spread } from '../lib/stats.js';
import { spreadOf } from '../lib/stats.js';
import type { Connection, Job } from './jobs.js';
import { jobs, Target } from './jobs.js';

const { values } = parseArgs({
  options: {
    peer: { type: 'string' },
    rounds: { type: 'string', default: '7' },
    only: { type: 'string', default: '' },
  },
});
if (values.peer === undefined) {
  console.error('--peer DIR is needed: a compiled checkout to compare with');
  process.exit(2);
}

interface Running {
  readonly child: ChildProcess;
  readonly target: Target;
  readonly perSecond: number[];
  readonly cpuUs: number[];
}

function message<T>(child: ChildProcess): Promise<T> {
  return new Promise((resolve, reject) => {
    const onExit = (code: number | null): void => reject(new Error(`the server ended: ${code}`));
    child.once('exit', onExit);
    child.once('message', (value) => {
      child.removeListener('exit', onExit);
      resolve(value as T);
    });
  });
}

async function cpuUs({ child }: Running): Promise<number> {
  const answer = message<{ cpuUs: number }>(child);
  child.send('cpu');
  return (await answer).cpuUs;
}

const clock = systemClock();
const home = mkdtempSync(join(tmpdir(), 'trireme-bench-'));
const ca = await createCertificateAuthority({ commonName: 'bench', clock });
const issue = (commonName: string, group: string): Promise<KeyPair> => {
  const usages = ['server', 'client'] as const;
  const subject = { commonName, organizations: [group], hosts: ['127.0.0.1'], usages };
  return issueCertificate({ ca, subject, clock });
};
const keys = generateKeyPairSync('ec', {
  namedCurve: 'P-256',
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  publicKeyEncoding: { type: 'spki', format: 'pem' },
});
const config = join(home, 'pki.json');
writeFileSync(
  config,
  JSON.stringify({
    ca: ca.cert,
    serving: await issue('server', 'none'),
    signingKey: keys.privateKey,
    publicKey: keys.publicKey,
  }),
  { mode: 0o600 },
);
const admin = await issue('admin', 'system:masters');

async function start(directory: string): Promise<Running> {
  const child = fork(fileURLToPath(new URL('serve.js', import.meta.url)), [directory, config]);
  const ports = await message<Pick<Connection, 'restPort' | 'grpcPort'>>(child);
  const target = new Target({ ...ports, tls: { ca: ca.cert, ...admin } });
  await target.prepare();
  return { child, target, perSecond: [], cpuUs: [] };
}

async function measure(running: Running, job: Job, round: number): Promise<void> {
  const beforeUs = await cpuUs(running);
  const startMs = performance.now();
  const count = await job(running.target, round);
  const elapsedMs = performance.now() - startMs;
  const usedUs = (await cpuUs(running)) - beforeUs;
  // The first round warms the programs up.
  if (round === 0) return;
  running.perSecond.push((count * 1_000) / elapsedMs);
  running.cpuUs.push(usedUs / count);
}

const here = await start(fileURLToPath(new URL('../../..', import.meta.url)));
const peer = await start(values.peer);
const text = ({ median, min, max }: Spread): string =>
  `${median.toFixed(0).padStart(8)} (${min.toFixed(0)}-${max.toFixed(0)})`.padEnd(28);
const row = (cells: readonly string[]): void => console.log(cells.join(' '));
row(['job'.padEnd(36), ...['/s here', '/s peer', 'us here', 'us peer'].map((c) => c.padEnd(28))]);
for (const [name, job] of Object.entries(jobs)) {
  if (!name.includes(values.only)) continue;
  for (const side of [here, peer]) side.perSecond.length = side.cpuUs.length = 0;
  for (let round = 0; round <= Number(values.rounds); round++) {
    const order = round % 2 === 0 ? [here, peer] : [peer, here];
    for (const side of order) await measure(side, job, round);
  }
  const [rate, peerRate] = [spreadOf(here.perSecond), spreadOf(peer.perSecond)];
  const [used, peerUsed] = [spreadOf(here.cpuUs), spreadOf(peer.cpuUs)];
  row([
    name.padEnd(36),
    ...[rate, peerRate, used, peerUsed].map(text),
    `calls ${(rate.median / peerRate.median).toFixed(2)} x, CPU ${(peerUsed.median / used.median).toFixed(2)} x`,
  ]);
}
for (const { child, target } of [here, peer]) {
  target.close();
  child.disconnect();
}
rmSync(home, { recursive: true, force: true });
