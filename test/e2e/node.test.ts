/** What a user sees of one node on containerd: restarts of its agent, debugging, resizes, full volumes. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { Cluster, describeUnless, eventually, webPage, whyNoContainers } from './lib.js';
import type { LoadReport } from './node-load.js';

const describeHere = describeUnless(whyNoContainers());

let cluster: Cluster;
const node = 'worker-1';

const objects = `${webPage([
  'readinessProbe: {httpGet: {port: 80, path: index.html}, periodSeconds: 1}',
  'resources: {requests: {cpu: 50m, memory: 32Mi}, limits: {cpu: 100m, memory: 64Mi}}',
])}---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec:
  rules: [{host: web.test, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}}]
---
apiVersion: v1
kind: Service
metadata: {name: echo}
spec: {ports: [{port: 7}], selector: {app: echo}}
---
apiVersion: v1
kind: Pod
metadata: {name: echo, labels: {app: echo}}
spec:
  terminationGracePeriodSeconds: 0
  containers:
    - name: echo
      image: 'busybox:latest'
      imagePullPolicy: IfNotPresent
      command: [nc, -ll, -p, '7', -e, cat]
---
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

/** Uses the network of the node until it is told to end. */
async function load(): Promise<{ readonly end: () => Promise<LoadReport> }> {
  const address = (service: string, namespace = 'default'): Promise<string> =>
    cluster.get('get', 'service', service, '-n', namespace, '-o', 'jsonpath={.spec.clusterIP}');
  const resolver = await address('kube-dns', 'kube-system');
  const name = 'web.default.svc.cluster.local';
  const words = [name, resolver, await address('web'), await address('echo'), 'web.test'];
  const script = join('dist', 'test', 'e2e', 'node-load.js');
  const enter = `--net=/run/netns/${cluster.host(node).netns}`;
  const child = spawn('nsenter', [enter, process.execPath, script, ...words], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout.on('data', (data: Buffer) => {
    text += data.toString();
  });
  const closed = new Promise<void>((resolve) => {
    child.once('close', () => resolve());
  });
  return {
    async end() {
      child.stdin.end();
      await closed;
      return JSON.parse(text) as LoadReport;
    },
  };
}

function failuresOf(report: LoadReport): Record<string, readonly string[]> {
  const entries = Object.entries(report).map(([what, { failures }]) => [what, failures] as const);
  return Object.fromEntries(entries);
}

/** Ends a process of the cluster by a signal, and starts what does not run. */
async function restart(pid: number, signal: NodeJS.Signals): Promise<void> {
  process.kill(pid, signal);
  await eventually('it has ended', () => (isThere(pid) ? undefined : true));
  const up = await cluster.up(['--masters', '1', '--workers', '1', '--no-example']);
  if (up.code !== 0) throw new Error(up.stderr);
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

  test('while its agent restarts, nobody sees the node or its pods unready, and its network works', async () => {
    const ready = '{.status.conditions[?(@.type=="Ready")].status}';
    const followed = [
      follow(`node/${node}`, ready),
      follow('pod/web', ready),
      follow(
        'endpointslices.discovery.k8s.io',
        '{.metadata.labels.kubernetes\\.io/service-name}={.endpoints[*].conditions.ready}',
      ),
    ];
    await cluster.get('wait', '--for=condition=Ready', 'pod/echo', '--timeout=60s');
    await eventually('the ingress serves', async () => {
      const words = ['-sf', '-H', 'Host: web.test', 'http://127.0.0.1/'];
      return (await cluster.on(node, 'curl', words)).code === 0 ? true : undefined;
    });
    const used = await load();
    const proxy = cluster.host(node).proxy?.pid;
    try {
      await eventually('all are followed', () =>
        followed.every(({ lines }) => lines().length > 0) ? true : undefined,
      );
      for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
        const { pid } = cluster.host(node);
        await restart(pid, signal);
        expect(cluster.host(node).pid).not.toBe(pid);
      }
      const [nodes = [], pods = [], slices = []] = followed.map(({ lines }) => lines());
      expect(nodes.filter((line) => line !== 'True')).toEqual([]);
      expect(pods.filter((line) => line !== 'True')).toEqual([]);
      const web = slices.filter((line) => line.startsWith('web='));
      expect(web.filter((line) => line !== 'web=true')).toEqual([]);
    } finally {
      for (const one of followed) one.stop();
      const report = await used.end();
      expect(failuresOf(report)).toEqual({ lookups: [], services: [], kept: [], ingress: [] });
      for (const { done } of Object.values(report)) expect(done).toBeGreaterThan(50);
    }
    expect(cluster.host(node).proxy?.pid).toBe(proxy);
  }, 200_000);

  test('while its network restarts, rules and open connections stay, and pods still start isolated', async () => {
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      const used = await load();
      const pid = cluster.host(node).proxy?.pid ?? 0;
      await restart(pid, signal);
      expect(cluster.host(node).proxy?.pid).not.toBe(pid);
      const health = ['-sf', 'http://127.0.0.1:10256/healthz'];
      await eventually('it is healthy', async () =>
        (await cluster.on(node, 'curl', health)).code === 0 ? true : undefined,
      );
      const { services, kept } = failuresOf(await used.end());
      expect({ services, kept }).toEqual({ services: [], kept: [] });
    }
    const again = await load();
    const image = ['--image=busybox:latest', '--image-pull-policy=IfNotPresent'];
    await cluster.get('run', 'later', ...image, '--command', '--', 'sleep', '1000');
    await cluster.get('wait', '--for=condition=Ready', 'pod/later', '--timeout=60s');
    await cluster.get('delete', 'pod', 'later', '--grace-period=0', '--force');
    const report = failuresOf(await again.end());
    expect(report).toEqual({ lookups: [], services: [], kept: [], ingress: [] });
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
