/**
 * Load on a running API server over REST: pods created and bound, GET, LIST, watch fan-out. `node
 * dist/bench/apiserver.js https://HOST:PORT CA CERT KEY [pods]`: one line per figure. Leaves its namespace behind
 * empty.
 */
import { readFileSync } from 'node:fs';
import * as https from 'node:https';

const [server = '', ca = '', cert = '', key = '', count = '3000'] = process.argv.slice(2);
const pods = Number(count);
const namespace = 'bench';
const agent = new https.Agent({
  keepAlive: true,
  maxSockets: 64,
  ca: readFileSync(ca),
  cert: readFileSync(cert),
  key: readFileSync(key),
});

function call(
  method: string,
  path: string,
  body?: unknown,
): Promise<{ code: number; text: string }> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', accept: 'application/json' };
    const request = https.request(server + path, { method, agent, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () =>
        resolve({ code: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }),
      );
    });
    request.on('error', reject);
    request.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

/** Runs `total` calls, `clients` at a time. @returns calls per second */
async function load(
  total: number,
  clients: number,
  run: (index: number) => Promise<{ code: number; text: string }>,
): Promise<number> {
  let next = 0;
  const start = performance.now();
  const work = async (): Promise<void> => {
    while (next < total) {
      const answer = await run(next++);
      if (answer.code >= 300) throw new Error(`${answer.code} ${answer.text.slice(0, 300)}`);
    }
  };
  await Promise.all(Array.from({ length: clients }, work));
  return (total * 1_000) / (performance.now() - start);
}

function pod(index: number): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: `pod-${index}`, labels: { app: 'bench' } },
    spec: {
      containers: [
        { name: 'c', image: 'busybox', resources: { requests: { cpu: '10m', memory: '8Mi' } } },
      ],
    },
  };
}

function say(what: string, value: number, unit: string): void {
  console.log(`${what.padEnd(40)} ${value.toFixed(1).padStart(10)} ${unit}`);
}

const base = `/api/v1/namespaces/${namespace}`;
await call('POST', '/api/v1/namespaces', {
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name: namespace },
});
await call('POST', `${base}/serviceaccounts`, {
  apiVersion: 'v1',
  kind: 'ServiceAccount',
  metadata: { name: 'default' },
});

let heard = 0;
const watch = https.request(
  `${server}${base}/pods?watch=1`,
  { agent: new https.Agent(agent.options) },
  (response) => {
    response.on('data', (chunk: Buffer) => {
      heard += chunk.toString().split('\n').length - 1;
    });
  },
);
watch.on('error', () => undefined);
watch.end();

say(
  'create pods, 32 clients',
  await load(pods, 32, (i) => call('POST', `${base}/pods`, pod(i))),
  '/s',
);
const bind = (i: number): Promise<{ code: number; text: string }> =>
  call('POST', `${base}/pods/pod-${i}/binding`, {
    apiVersion: 'v1',
    kind: 'Binding',
    metadata: { name: `pod-${i}` },
    target: { kind: 'Node', name: `node-${i % 100}` },
  });
say('bind pods, 32 clients', await load(pods, 32, bind), '/s');
const get = (i: number): Promise<{ code: number; text: string }> =>
  call('GET', `${base}/pods/pod-${i % pods}`);
say('GET pod, 16 clients', await load(10_000, 16, get), '/s');
const cached = (i: number): Promise<{ code: number; text: string }> =>
  call('GET', `${base}/pods/pod-${i % pods}?resourceVersion=0`);
say('GET pod from cache, 16 clients', await load(10_000, 16, cached), '/s');
const lists: number[] = [];
for (let round = 0; round < 7; round++) {
  const start = performance.now();
  const { text } = await call('GET', `${base}/pods`);
  lists.push(performance.now() - start);
  if (round === 0) say('LIST answer', text.length / 1024, 'KiB');
}
say(`LIST ${pods} pods, median of 7`, lists.sort((a, b) => a - b)[3] ?? 0, 'ms');
say('events heard by one watcher', heard, '');
await call('DELETE', `${base}/pods`, { gracePeriodSeconds: 0 });
watch.destroy();
agent.destroy();
