/**
 * Compares the wall time of `trireme get pods` with kubectl's, in pairs that alternate, against the cluster of
 * $KUBECONFIG. Beside them stands what no program on Node.js can be under: its start, and its start with one request
 * over TLS.
 *
 * Usage: KUBECONFIG=… node dist/bench/cli.js [pairs]
 */
import { spawnSync } from 'node:child_process';

const pairs = Number(process.argv[2] ?? '20');
const request = `
const https = require('node:https');
const { readFileSync } = require('node:fs');
const { load } = require('js-yaml');
const config = load(readFileSync(process.env.KUBECONFIG, 'utf8'));
const bytes = (text) => Buffer.from(text, 'base64');
const { cluster } = config.clusters[0];
const { user } = config.users[0];
https.get(cluster.server + '/api/v1/namespaces/default/pods', {
  agent: false,
  ca: bytes(cluster['certificate-authority-data']),
  cert: bytes(user['client-certificate-data']),
  key: bytes(user['client-key-data']),
}, (answer) => answer.resume());
`;

const programs: Readonly<Record<string, readonly string[]>> = {
  kubectl: ['kubectl', 'get', 'pods'],
  trireme: ['bin/trireme', 'get', 'pods'],
  'node alone': [process.execPath, '-e', '0'],
  'node with a request': [process.execPath, '-e', request],
};

function timeOf([program = '', ...args]: readonly string[]): number {
  const startMs = performance.now();
  const run = spawnSync(program, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  if (run.status !== 0) throw new Error(`${program} ended with ${run.status}`);
  return performance.now() - startMs;
}

const times = new Map(Object.keys(programs).map((name) => [name, [] as number[]]));
// The first of each fills the caches of the machine and kubectl's own.
for (const words of Object.values(programs)) timeOf(words);
for (let pair = 0; pair < pairs; pair += 1) {
  for (const [name, words] of Object.entries(programs)) times.get(name)?.push(timeOf(words));
}
const sorted = (name: string): number[] => (times.get(name) ?? []).toSorted((a, b) => a - b);
const median = (name: string): number => sorted(name)[Math.floor(pairs / 2)] ?? 0;
for (const name of Object.keys(programs)) {
  const [least = 0] = sorted(name);
  console.log(
    `${name.padEnd(20)} median ${median(name).toFixed(0).padStart(4)} ms, least ${least.toFixed(0).padStart(4)} ms, ${(median(name) / median('kubectl')).toFixed(2)} x kubectl`,
  );
}
