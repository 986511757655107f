/**
 * Pods bound per second on the in-memory API: 1,000 pods of one template, and 1,000 of a Deployment, over 100 nodes.
 * Run: `node dist/bench/scheduler.js`. The costs of the API server and the store are not included.
 */
import { FakeApi } from '../src/client/testkit/fake.js';
import { createInformerFactory } from '../src/client/index.js';
import { delay, systemClock } from '../src/lib/clock.js';
import { silentLogger } from '../src/lib/log.js';
import { Prng } from '../src/lib/prng.js';
import type { Node, Pod } from '../src/api/types/core.js';
import { resources } from '../src/client/resources.js';
import { startControllers } from '../src/master/controllers/start.js';
import { startScheduler } from '../src/master/scheduler/scheduler.js';

const clock = systemClock();
const count = 1000;

async function run(name: string, fill: (api: FakeApi) => Promise<void>): Promise<void> {
  const api = new FakeApi();
  for (let index = 0; index < 100; index++) {
    await api.create<Node>(resources.nodes, {
      metadata: { name: `node-${index}` },
      spec: {},
      status: { allocatable: { cpu: '32', memory: '64Gi', pods: '110' } },
    });
  }
  const informers = createInformerFactory({ client: api, clock, log: silentLogger });
  const parts = { client: api, informers, clock, prng: new Prng(1), log: silentLogger };
  const controllers = await startControllers({
    ...parts,
    flags: { controllers: ['deployment-controller', 'replicaset-controller'] },
  });
  const scheduler = await startScheduler(parts);
  const start = clock.monotonicMs();
  await fill(api);
  let bound = 0;
  while (bound < count && clock.monotonicMs() - start < 60_000) {
    await delay(clock, 20);
    bound = api.writes.filter(({ verb }) => verb === 'binding').length;
    if (bound === 0) bound = await countBound(api);
  }
  const seconds = (clock.monotonicMs() - start) / 1000;
  console.log(
    `${name}: ${bound} bound in ${seconds.toFixed(2)} s, ${(bound / seconds).toFixed(0)}/s`,
  );
  await scheduler.stop();
  await controllers.stop();
  informers.stop();
}

async function countBound(api: FakeApi): Promise<number> {
  const { items } = await api.list<Pod>(resources.pods);
  return items.filter((pod) => (pod.spec.nodeName ?? '') !== '').length;
}

const template = {
  metadata: { labels: { app: 'web' } },
  spec: {
    containers: [
      { name: 'c', image: 'c:1', resources: { requests: { cpu: '10m', memory: '10Mi' } } },
    ],
  },
};

await run('pods', async (api) => {
  for (let index = 0; index < count; index++) {
    await api.create<Pod>(resources.pods, {
      metadata: { name: `pod-${index}`, namespace: 'default', labels: { app: 'web' } },
      spec: template.spec,
    });
  }
});
await run('deployment', async (api) => {
  await api.create(resources.deployments, {
    metadata: { name: 'web', namespace: 'default' },
    spec: { replicas: count, selector: { matchLabels: { app: 'web' } }, template },
  } as never);
});
