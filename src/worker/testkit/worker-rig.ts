/** An agent on a fake runtime and a fake API. */
import { resources } from '../../client/resources.js';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Pod, PodSpec } from '../../api/types/core.js';
import { FakeApi } from '../../client/testkit/fake.js';
import { createInformerFactory } from '../../client/index.js';
import type { InformerFactory } from '../../client/index.js';
import { delay, systemClock } from '../../lib/clock.js';
import { silentLogger } from '../../lib/log.js';
import { FakeRuntime } from './fake-runtime.js';
import { HollowNetwork } from '../run/hollow-network.js';
import { readMachine } from '../node/facts.js';
import type { WorkerNode } from '../agent/worker-node.js';
import { startWorkerNode } from '../agent/worker-node.js';

export const clock = systemClock();
export const cleanups: (() => Promise<void>)[] = [];

/** Ends what the rigs of a test have begun; for `afterEach`. */
export async function cleanUp(): Promise<void> {
  for (const clean of cleanups.splice(0).toReversed()) await clean();
}

interface Rig {
  readonly api: FakeApi;
  readonly runtime: FakeRuntime;
  readonly dataDir: string;
  node: WorkerNode;
}

export async function start(
  rig: Omit<Rig, 'node'>,
  others: (informers: InformerFactory) => void = () => undefined,
): Promise<WorkerNode> {
  const { api, runtime, dataDir } = rig;
  const informers = createInformerFactory({ client: api, clock, log: silentLogger });
  others(informers);
  const node = await startWorkerNode({
    name: 'n1',
    ips: ['10.0.0.1'],
    dataDir,
    client: api,
    informers,
    runtime,
    network: new HollowNetwork('10.0.0.1'),
    dns: () => ({ address: '10.96.0.10', domain: 'cluster.local' }),
    machine: await readMachine('/'),
    labels: {},
    taints: [],
    agentPort: 10250,
    podsMax: 110,
    leaseRenewMs: 3000,
    leaseSeconds: 40,
    imported: new Set(),
    clock,
    log: silentLogger,
    signal: new AbortController().signal,
  });
  cleanups.push(async () => {
    await node.stop();
    informers.stop();
  });
  return node;
}

export async function rigged(): Promise<Rig> {
  const dataDir = await mkdtemp(join(tmpdir(), 'worker-node-'));
  cleanups.push(() => rm(dataDir, { recursive: true, force: true }));
  const base = { api: new FakeApi(), runtime: new FakeRuntime(clock), dataDir };
  return { ...base, node: await start(base) };
}

export async function until(what: string, condition: () => Promise<boolean>): Promise<void> {
  const giveUpMs = clock.monotonicMs() + 5000;
  while (!(await condition())) {
    if (clock.monotonicMs() > giveUpMs) throw new Error(`not in time: ${what}`);
    await delay(clock, 5);
  }
}

export function create(api: FakeApi, name: string, spec: Partial<PodSpec> = {}): Promise<Pod> {
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default' },
    spec: { nodeName: 'n1', containers: [{ name: 'main', image: 'web:1' }], ...spec },
  };
  return api.create(resources.pods, pod) as Promise<Pod>;
}

export function get(api: FakeApi, name: string): Promise<Pod> {
  return api.get<Pod>(resources.pods, { namespace: 'default', name });
}

export function conditionOf(pod: Pod, type: string): string | undefined {
  return pod.status?.conditions?.find((condition) => condition.type === type)?.status;
}

export async function untilReady(api: FakeApi, name: string): Promise<Pod> {
  await until(`${name} ready`, async () => conditionOf(await get(api, name), 'Ready') === 'True');
  return get(api, name);
}
