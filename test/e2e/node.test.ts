/** What a user sees of one node on containerd: restarts of its agent, debugging, resizes, full volumes. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { Cluster, describeUnless, eventually, webPage, whyNoContainers } from './lib.js';

const describeHere = describeUnless(whyNoContainers());

let cluster: Cluster;
const node = 'worker-1';

const objects = `${webPage([
  'readinessProbe: {httpGet: {port: 80, path: index.html}, periodSeconds: 1}',
  'resources: {requests: {cpu: 50m, memory: 32Mi}, limits: {cpu: 100m, memory: 64Mi}}',
])}---
apiVersion: v1
kind: Pod
metadata: {name: fills}
spec:
  terminationGracePeriodSeconds: 0
  volumes: [{name: cache, emptyDir: {sizeLimit: 1Mi}}]
  containers:
    - name: fills
      image: 'busybox:latest'
      imagePullPolicy: IfNotPresent
      command: [sh, -c, 'head -c 3000000 /dev/zero >/cache/file; exec sleep 1000']
      volumeMounts: [{name: cache, mountPath: /cache}]
`;

const pod = (jsonpath: string, name = 'web'): Promise<string> =>
  cluster.get('get', 'pod', name, '-o', `jsonpath=${jsonpath}`);

/** Follows the readiness of an object; returns all that was said since. */
function follow(
  resource: string,
  jsonpath: string,
): { readonly lines: () => string[]; readonly stop: () => void } {
  const words = ['get', resource, '--watch', '-o', `jsonpath=${jsonpath}{"\\n"}`];
  const env = { ...process.env, KUBECONFIG: join(cluster.home, 'kubeconfig') };
  const child = spawn('kubectl', words, { env, stdio: ['ignore', 'pipe', 'ignore'] });
  let text = '';
  child.stdout.on('data', (data: Buffer) => {
    text += data.toString();
  });
  return { lines: () => text.split('\n').filter(Boolean), stop: () => child.kill('SIGKILL') };
}

function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describeHere('a node on containerd', () => {
  beforeAll(async () => {
    cluster = await Cluster.create();
    const up = await cluster.up(['--masters', '1', '--workers', '1', '--no-example']);
    if (up.code !== 0) throw new Error(`up failed: ${up.stderr}`);
    const applied = await cluster.kubectl(['apply', '-f', '-'], objects);
    if (applied.code !== 0) throw new Error(applied.stderr);
    await cluster.get('wait', '--for=condition=Ready', 'pod/web', '--timeout=60s');
  }, 300_000);

  afterAll(() => cluster.down(), 150_000);

  test('an ephemeral container starts once', async () => {
    const add = [{ name: 'debug', image: 'busybox:latest', imagePullPolicy: 'IfNotPresent' }];
    const patch = JSON.stringify({
      spec: { ephemeralContainers: add.map((one) => ({ ...one, command: ['sleep', '1000'] })) },
    });
    await cluster.get('patch', 'pod', 'web', '--subresource=ephemeralcontainers', '-p', patch);
    await eventually('it runs', async () =>
      (await pod('{.status.ephemeralContainerStatuses[0].state.running.startedAt}')) === ''
        ? undefined
        : true,
    );
    const said = '{range .items[*]}{.message}{.count}{"\\n"}{end}';
    const events = await cluster.get('get', 'events', '-o', `jsonpath=${said}`);
    const starts = events.split('\n').filter((line) => /Started container debug/.test(line));
    expect(starts).toHaveLength(1);
    expect(starts[0]).toMatch(/debug1?$/);
  }, 120_000);

  test('resources are changed in the kernel, without a restart', async () => {
    const container = { name: 'web', resources: { limits: { cpu: '200m', memory: '96Mi' } } };
    const patch = JSON.stringify({ spec: { containers: [container] } });
    await cluster.get('patch', 'pod', 'web', '--subresource=resize', '-p', patch);
    await eventually('the status says so', async () =>
      (await pod('{.status.containerStatuses[0].resources.limits.memory}')) === '96Mi'
        ? true
        : undefined,
    );
    const files = '/sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max';
    const script = `cat ${files} 2>/dev/null; true`;
    const limit = await cluster.get('exec', 'web', '-c', 'web', '--', 'sh', '-c', script);
    expect(Number(limit)).toBe(96 * 2 ** 20);
    expect(await pod('{.status.containerStatuses[0].restartCount}')).toBe('0');
    expect(await pod('{.status.conditions[*].type}')).not.toContain('PodResize');
  }, 120_000);

  test('while its agent restarts, nobody sees the node or its pods unready', async () => {
    const ready = '{.status.conditions[?(@.type=="Ready")].status}';
    const followed = [
      follow(`node/${node}`, ready),
      follow('pod/web', ready),
      follow(
        'endpointslices.discovery.k8s.io',
        '{.metadata.labels.kubernetes\\.io/service-name}={.endpoints[*].conditions.ready}',
      ),
    ];
    try {
      await eventually('all are followed', () =>
        followed.every(({ lines }) => lines().length > 0) ? true : undefined,
      );
      for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
        const { pid } = cluster.host(node);
        process.kill(pid, signal);
        await eventually('the agent has ended', () => (isThere(pid) ? undefined : true));
        const up = await cluster.up(['--masters', '1', '--workers', '1', '--no-example']);
        expect(up.code).toBe(0);
        expect(cluster.host(node).pid).not.toBe(pid);
      }
      const [nodes = [], pods = [], slices = []] = followed.map(({ lines }) => lines());
      expect(nodes.filter((line) => line !== 'True')).toEqual([]);
      expect(pods.filter((line) => line !== 'True')).toEqual([]);
      const web = slices.filter((line) => line.startsWith('web='));
      expect(web.filter((line) => line !== 'web=true')).toEqual([]);
    } finally {
      for (const one of followed) one.stop();
    }
  }, 200_000);

  test('a pod that writes more than its volume may hold is evicted', async () => {
    await eventually('evicted', async () =>
      (await pod('{.status.phase}/{.status.reason}', 'fills')) === 'Failed/Evicted'
        ? true
        : undefined,
    );
    expect(await pod('{.status.message}', 'fills')).toContain('EmptyDir volume "cache"');
  }, 120_000);
});
