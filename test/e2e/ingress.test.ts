/** A node with a TLS Ingress and network policies, before and after its agent has been killed. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Cluster, describeUnless, eventually, run, webPage, whyNoContainers } from './lib.js';

const describeHere = describeUnless(whyNoContainers());

let cluster: Cluster;
const scratch = mkdtempSync(join(tmpdir(), 'trireme-tls-'));
const node = 'worker-1';

const objects = `${webPage()}---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec:
  ingressClassName: trireme
  tls: [{hosts: [tls.test], secretName: web}]
  rules: [{host: tls.test, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}}]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: shut}
spec: {podSelector: {matchLabels: {mode: shut}}, policyTypes: [Egress]}
`;

/**
 * A pod that asks for the page, at once when it starts, through its own node's ingress and directly; and says what it
 * got.
 */
function asking(name: string, mode: string, address: string, pod: string): string {
  const request = 'GET /.well-known/acme-challenge/x HTTP/1.0\\r\\nHost: tls.test\\r\\n\\r\\n';
  // The sending side stays open: Node's server drops the answer to who has closed it.
  const ask = (to: string): string => `(printf "${request}"; sleep 1) | timeout 2 nc ${to} 80`;
  return `
apiVersion: v1
kind: Pod
metadata: {name: ${name}, labels: {mode: ${mode}}}
spec:
  restartPolicy: Never
  terminationGracePeriodSeconds: 0
  containers:
    - name: c
      image: busybox:latest
      imagePullPolicy: IfNotPresent
      command:
        - sh
        - -c
        - |
          ${ask(address)}
          ${ask(pod)}
          echo asked
`;
}

async function page(): Promise<string> {
  const { address } = cluster.host(node);
  const options = ['-sS', '--max-time', '5', '--cacert', join(scratch, 'tls.crt')];
  const result = await cluster.on(node, 'curl', [
    ...options,
    '--resolve',
    `tls.test:443:${address}`,
    'https://tls.test/',
  ]);
  return result.stdout;
}

/** The statuses of the answers that a pod got. */
async function answersTo(name: string, mode: string): Promise<string[]> {
  const ip = await cluster.get('get', 'pod', 'web', '-o', 'jsonpath={.status.podIP}');
  await cluster.kubectl(['apply', '-f', '-'], asking(name, mode, cluster.host(node).address, ip));
  await eventually('the pod has asked', async () =>
    (await cluster.get('get', 'pod', name, '-o', 'jsonpath={.status.phase}')) === 'Succeeded'
      ? true
      : undefined,
  );
  const log = await cluster.get('logs', name);
  if (!log.includes('asked')) throw new Error(`the pod said: ${log}`);
  return [...log.matchAll(/HTTP\/1\.[01] (\d+)/g)].map(([, status = '']) => status);
}

describeHere('a node with a TLS Ingress', () => {
  beforeAll(async () => {
    cluster = await Cluster.create();
    const up = await cluster.up(['--masters', '1', '--workers', '1', '--no-example']);
    if (up.code !== 0) throw new Error(`up failed: ${up.stderr}`);
    const files = ['-keyout', join(scratch, 'tls.key'), '-out', join(scratch, 'tls.crt')];
    const subject = ['-subj', '/CN=tls.test', '-addext', 'subjectAltName=DNS:tls.test'];
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];
    await run('openssl', ['req', '-x509', ...curve, '-nodes', '-days', '2', ...files, ...subject]);
    const [cert, key] = [`--cert=${join(scratch, 'tls.crt')}`, `--key=${join(scratch, 'tls.key')}`];
    await cluster.get('create', 'secret', 'tls', 'web', cert, key);
    const applied = await cluster.kubectl(['apply', '-f', '-'], objects);
    if (applied.code !== 0) throw new Error(applied.stderr);
  }, 300_000);

  afterAll(async () => {
    await cluster.down();
    rmSync(scratch, { recursive: true, force: true });
  }, 150_000);

  test('its certificate is served, by the Secret that the Ingress names', async () => {
    await eventually('the page over TLS', async () =>
      (await page()) === 'hello\n' ? true : undefined,
    );
  }, 100_000);

  test('a policy holds from the first packet of a pod, also towards its own node', async () => {
    expect(await answersTo('open', 'open')).toEqual(['404', '404']);
    expect(await answersTo('closed', 'shut')).toEqual([]);
  }, 100_000);

  test('the agent is killed: the node is Ready again, serves the certificate, and keeps the policy', async () => {
    process.kill(cluster.host(node).pid, 'SIGKILL');
    expect((await cluster.up(['--masters', '1', '--workers', '1', '--no-example'])).code).toBe(0);
    await eventually('the page over TLS', async () =>
      (await page()) === 'hello\n' ? true : undefined,
    );
    expect(await answersTo('closed-again', 'shut')).toEqual([]);
    expect(readFileSync(cluster.host(node).logFile, 'utf8')).not.toContain(
      'a watch goes on failing',
    );
  }, 200_000);
});
