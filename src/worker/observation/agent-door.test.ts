import { afterEach, expect, test } from '@jest/globals';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KubeObject } from '../../api/object.js';
import type { Pod, PodSpec } from '../../api/types/core.js';
import { agentTimes, DelegatedAccess } from '../../client/door/delegated-access.js';
import { createInformerFactory } from '../../client/index.js';
import { resources } from '../../client/resources.js';
import { FakeApi } from '../../client/testkit/fake.js';
import type { ApiClient } from '../../client/types.js';
import { delay, systemClock } from '../../lib/clock.js';
import { createGrpcServer } from '../../lib/grpc/index.js';
import { LogThreshold, silentLogger } from '../../lib/log.js';
import type { WorkerNode } from '../agent/worker-node.js';
import { startWorkerNode } from '../agent/worker-node.js';
import { readMachine } from '../node/facts.js';
import { HollowNetwork } from '../run/hollow-network.js';
import { StatsSummary } from '../service/stats-summary.js';
import { FakeRuntime } from '../testkit/fake-runtime.js';
import { createAgentDoor } from './agent-door.js';
import { AgentMetrics } from './agent-metrics.js';

const clock = systemClock();
const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const clean of cleanups.splice(0).toReversed()) await clean();
});

/** Whose token is `metrics` may get the node's subresource `metrics`, and so on; `all` may do everything. */
const create = async (_: unknown, object: unknown): Promise<KubeObject> => {
  const { kind, spec } = object as { kind: string; spec: Record<string, unknown> };
  const wanted = spec['resourceAttributes'] as Record<string, string> | undefined;
  const token = String(spec['token']);
  const allowed =
    spec['user'] === 'all' ||
    (wanted?.['verb'] === 'get' && spec['user'] === wanted['subresource']);
  const status =
    kind === 'TokenReview'
      ? { authenticated: token !== 'bad', user: { username: token } }
      : { allowed: allowed && wanted?.['name'] === 'n1' };
  return { ...(object as KubeObject), status } as KubeObject;
};

async function rig() {
  const dataDir = await mkdtemp(join(tmpdir(), 'agent-door-'));
  const [api, runtime, threshold] = [
    new FakeApi(),
    new FakeRuntime(clock),
    new LogThreshold('info'),
  ];
  const informers = createInformerFactory({ client: api, clock, log: silentLogger });
  const started: { node?: WorkerNode } = {};
  const find = (): WorkerNode | undefined => started.node;
  const metrics = new AgentMetrics('n1', find);
  const client = { create } as unknown as Pick<ApiClient, 'create'>;
  const access = new DelegatedAccess({ client, clock, times: agentTimes, allowAnonymous: false });
  const machine = await readMachine('/');
  const configuration = { kubeletconfig: { maxPods: 110 } };
  const about = { nodeName: 'n1', find, metrics, machine, configuration };
  const parts = { ...about, access, threshold, clock };
  const stats = new StatsSummary(clock);
  const logDir = join(dataDir, 'log');
  await mkdir(logDir);
  const server = createGrpcServer({
    log: silentLogger,
    clock,
    fallback: createAgentDoor({ ...parts, stats, logDir, log: silentLogger }),
  });
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
  started.node = await startWorkerNode({
    name: 'n1',
    ips: ['10.0.0.1'],
    dataDir,
    client: api,
    informers,
    runtime,
    network: new HollowNetwork('10.0.0.1'),
    dns: () => ({ address: '10.96.0.10', domain: 'cluster.local' }),
    machine,
    labels: {},
    taints: [],
    agentPort: 10250,
    podsMax: 110,
    leaseRenewMs: 3000,
    leaseSeconds: 40,
    imported: new Set(),
    observer: metrics,
    clock,
    log: silentLogger,
    signal: new AbortController().signal,
  });
  cleanups.push(
    () => rm(dataDir, { recursive: true, force: true }),
    async () => informers.stop(),
    async () => started.node?.stop(),
    () => server.close({ graceMs: 100 }),
  );
  const ask = async (
    path: string,
    token = 'all',
    init: RequestInit = {},
  ): Promise<{ status: number; text: string }> => {
    const headers = token === '' ? {} : { authorization: `Bearer ${token}` };
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { ...init, headers });
    return { status: response.status, text: await response.text() };
  };
  const run = async (name: string, spec: Partial<PodSpec> = {}): Promise<void> => {
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, namespace: 'default' },
      spec: { nodeName: 'n1', containers: [{ name: 'main', image: 'web:1' }], ...spec },
    };
    await api.create(resources.pods, pod);
    await until(async () => {
      const { status } = await api.get<Pod>(resources.pods, { namespace: 'default', name });
      return (
        status?.conditions?.some((one) => one.type === 'Ready' && one.status === 'True') ?? false
      );
    });
  };
  const remove = async (name: string): Promise<void> => {
    const key = { namespace: 'default', name };
    await api.delete(resources.pods, key, { gracePeriodSeconds: 0 });
    await until(async () => started.node?.pods.workers.size === 0);
  };
  return { ask, run, remove, threshold, started, logDir };
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  const giveUpMs = clock.monotonicMs() + 10_000;
  while (!(await holds())) {
    if (clock.monotonicMs() > giveUpMs) throw new Error('not in time');
    await delay(clock, 5);
  }
}

test('each path is for those who may read that part of the node', async () => {
  const { ask } = await rig();
  const paths = [
    '/metrics',
    '/metrics/probes',
    '/metrics/resource',
    '/metrics/cadvisor',
    '/metrics/slis',
    '/stats/summary',
    '/healthz',
    '/healthz/syncloop',
    '/pods',
    '/runningpods/',
    '/configz',
    '/nothing',
    '/exec/default/web/main',
    '/logs/',
    '/Pods',
    '/%70ods',
    '//pods',
  ];
  const withStatus = async (token: string): Promise<Record<number, string[]>> => {
    const found: Record<number, string[]> = {};
    for (const path of paths) (found[(await ask(path, token)).status] ??= []).push(path);
    return found;
  };
  const metrics = paths.slice(0, 5);
  const health = ['/healthz', '/healthz/syncloop'];
  const but = (...some: string[]): string[] => paths.filter((path) => !some.includes(path));
  expect(await withStatus('metrics')).toEqual({ 200: metrics, 403: but(...metrics) });
  expect(await withStatus('healthz')).toEqual({ 200: health, 403: but(...health) });
  const pods = ['/pods', '/runningpods/'];
  expect(await withStatus('pods')).toEqual({ 200: pods, 403: but(...pods) });
  expect(await withStatus('stats')).toEqual({
    200: ['/stats/summary'],
    403: but('/stats/summary'),
  });
  expect(await withStatus('log')).toEqual({ 200: ['/logs/'], 403: but('/logs/') });
  expect(await withStatus('configz')).toEqual({ 200: ['/configz'], 403: but('/configz') });
  const own = [...metrics, '/stats/summary', '/logs/'];
  expect(await withStatus('proxy')).toEqual({
    200: [...health, ...pods, '/configz'],
    403: own,
    404: but(...own, ...health, ...pods, '/configz'),
  });
  const served = [...metrics, '/stats/summary', ...health, ...pods, '/configz', '/logs/'];
  expect(await withStatus('all')).toEqual({ 200: served, 404: but(...served) });
  expect(await withStatus('')).toEqual({ 401: paths });
  expect(await withStatus('bad')).toEqual({ 401: paths });
  expect((await ask('/pods', 'stats')).text).toBe(
    'Forbidden (user=stats, verb=get, resource=nodes, subresource(s)=[pods proxy])\n',
  );
  expect((await ask('/metrics', '')).text).toBe('Unauthorized');
  expect((await ask('/stats/summary', 'metrics')).status).toBe(403);
});

test('what is told of pods begins and ends with them', async () => {
  const { ask, run, remove } = await rig();
  const exec = { exec: { command: ['true'] }, periodSeconds: 1 };
  const main = { name: 'main', image: 'web:1', readinessProbe: exec };
  await run('web', { containers: [main], terminationGracePeriodSeconds: 0 });
  const probes = (await ask('/metrics/probes')).text;
  expect(probes).toMatch(
    /^prober_probe_total\{probe_type="Readiness",result="successful",container="main",pod="web",namespace="default",pod_uid="[^"]+"\} \d+$/m,
  );
  const agent = (await ask('/metrics')).text;
  for (const line of [
    'kubelet_node_name{node="n1"} 1',
    'kubelet_running_pods 1',
    'kubelet_desired_pods 1',
    'kubelet_running_containers{container_state="running"} 1',
    'kubelet_started_pods_total 1',
    'kubelet_started_containers_total{container_type="container"} 1',
    'kubelet_pod_start_duration_seconds_count 1',
    'kubelet_http_requests_total{method="GET",path="metrics/probes",server_type="readwrite",long_running="false"} 1',
  ]) {
    expect(agent).toContain(`${line}\n`);
  }
  const labels = 'container="main",namespace="default",pod="web"';
  const resource = (await ask('/metrics/resource')).text;
  expect(resource).toMatch(
    new RegExp(`^container_cpu_usage_seconds_total\\{${labels}\\} 2.5 \\d{13}$`, 'm'),
  );
  expect(resource).toContain('resource_scrape_error 0\n');
  expect((await ask('/metrics/cadvisor')).text).toMatch(
    /^container_memory_rss\{container="main",id="[^"]+",image="web:1",.*pod="web"\} 1000 \d{13}$/m,
  );
  const list = JSON.parse((await ask('/pods')).text) as { kind: string; items: Pod[] };
  expect(list.kind).toBe('PodList');
  expect(list.items).toMatchObject([{ metadata: { name: 'web' }, status: { phase: 'Running' } }]);
  const runs = JSON.parse((await ask('/runningpods/')).text) as { items: Pod[] };
  expect(runs.items).toMatchObject([
    { metadata: { name: 'web' }, spec: { containers: [{ name: 'main', image: 'web:1' }] } },
  ]);
  expect(JSON.parse((await ask('/configz')).text)).toEqual({ kubeletconfig: { maxPods: 110 } });
  const summary = JSON.parse((await ask('/stats/summary')).text) as { pods: unknown[] };
  expect(summary.pods).toMatchObject([{ podRef: { name: 'web' } }]);
  await remove('web');
  expect(JSON.parse((await ask('/runningpods/')).text)).toMatchObject({ items: [] });
  expect((await ask('/metrics/probes')).text).not.toContain('web');
  expect((await ask('/metrics/cadvisor')).text).not.toContain('web');
  expect((await ask('/metrics')).text).toContain('kubelet_running_pods 0\n');
});

test('the level of the log is changed by those who may', async () => {
  const { ask, threshold } = await rig();
  const put = { method: 'PUT', body: '4' };
  expect((await ask('/debug/flags/v', 'proxy', put)).status).toBe(403);
  expect(threshold.level).toBe('info');
  expect(await ask('/debug/flags/v', 'all', put)).toEqual({
    status: 200,
    text: 'successfully set klog.logging to 4',
  });
  expect(threshold.level).toBe('debug');
});

test('a node that is still starting says so', async () => {
  const { ask, started } = await rig();
  const { node } = started;
  delete started.node;
  expect((await ask('/healthz')).text).toContain('[-]syncloop failed');
  expect((await ask('/metrics/resource')).text).toContain('resource_scrape_error 1\n');
  expect((await ask('/stats/summary')).status).toBe(503);
  if (node !== undefined) started.node = node;
});

test('the files below the directory of logs are shown, and nothing outside', async () => {
  const { ask, logDir } = await rig();
  await mkdir(join(logDir, 'a b'));
  await writeFile(join(logDir, 'a b', 'x.log'), 'one\ntwo\n');
  await writeFile(join(logDir, '<&>.log'), '');
  await symlink('a b/x.log', join(logDir, 'last'));
  await symlink('/etc/passwd', join(logDir, 'out'));
  const list = (...lines: string[]): string =>
    `<!doctype html>\n<meta name="viewport" content="width=device-width">\n<pre>\n${lines.join('')}</pre>\n`;
  const answers = {
    '/logs/': [
      200,
      list(
        '<a href="%3C%26%3E.log">&lt;&amp;&gt;.log</a>\n',
        '<a href="a%20b/">a b/</a>\n',
        '<a href="last">last</a>\n',
        '<a href="out">out</a>\n',
      ),
    ],
    '/logs/a%20b/': [200, list('<a href="x.log">x.log</a>\n')],
    '/logs/a%20b': [200, list('<a href="x.log">x.log</a>\n')],
    '/logs/a%20b/x.log': [200, 'one\ntwo\n'],
    '/logs/%3C%26%3E.log': [200, ''],
    '/logs/last': [200, 'one\ntwo\n'],
    '/logs/out': [403, '403 Forbidden\n'],
    '/logs/%2e%2e%2f': [403, '403 Forbidden\n'],
    '/logs/none': [404, '404 page not found\n'],
    '/logs/last/x': [404, '404 page not found\n'],
    '/logs/%': [404, '404 page not found\n'],
  };
  for (const [path, [status, text]] of Object.entries(answers)) {
    expect({ path, ...(await ask(path)) }).toEqual({ path, status, text });
  }
  expect((await ask('/logs/last', 'all', { method: 'POST' })).status).toBe(405);
  expect((await ask('/metrics')).text).toContain(
    'kubelet_http_requests_total{method="GET",path="logs",server_type="readwrite",long_running="false"} 12\n',
  );
});
