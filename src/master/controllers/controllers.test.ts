import { afterEach, describe, expect, test } from '@jest/globals';
import { FakeApi } from '../../client/testkit/fake.js';
import { createInformerFactory } from '../../client/index.js';
import { ApiError } from '../../client/types.js';
import { systemClock, delay } from '../../lib/clock.js';
import { silentLogger } from '../../lib/log.js';
import { Prng } from '../../lib/prng.js';
import { startScheduler } from '../scheduler/scheduler.js';
import type { Node, PersistentVolumeClaim, Pod } from '../../api/types/core.js';
import type {
  DaemonSet,
  Deployment,
  Job,
  ReplicaSet,
  StatefulSet,
} from '../../api/types/workloads.js';
import type { StorageClass } from '../../api/types/policy.js';
import { resources } from '../../client/resources.js';
import { startControllers } from './start.js';

const clock = systemClock();
let cleanup: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const stop of cleanup) await stop();
  cleanup = [];
});

async function until(what: string, condition: () => Promise<boolean>): Promise<void> {
  const deadline = clock.monotonicMs() + 15_000;
  while (!(await condition())) {
    if (clock.monotonicMs() > deadline) throw new Error(`never happened: ${what}`);
    await delay(clock, 5);
  }
}

/** A control plane on the fake API; pods that are bound become Ready at once, as a hollow worker would have it. */
async function cluster(nodes: number): Promise<FakeApi> {
  const api = new FakeApi();
  for (let index = 0; index < nodes; index++) {
    await api.create<Node>(resources.nodes, {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name: `node-${index}` },
      spec: {},
      status: {
        allocatable: { cpu: '64', memory: '64Gi', pods: '110' },
        conditions: [{ type: 'Ready', status: 'True' }],
      },
    });
  }
  const informers = createInformerFactory({ client: api, clock, log: silentLogger });
  const parts = { client: api, informers, clock, prng: new Prng(1), log: silentLogger };
  const controllers = await startControllers(parts);
  const scheduler = await startScheduler(parts);
  const stopKubelet = hollowKubelet(api, informers);
  cleanup.push(async () => {
    stopKubelet();
    await scheduler.stop();
    await controllers.stop();
    informers.stop();
  });
  return api;
}

function hollowKubelet(
  api: FakeApi,
  informers: ReturnType<typeof createInformerFactory>,
): () => void {
  const informer = informers.informer<Pod>(resources.pods);
  let ip = 0;
  return informer.onChange(({ type, object }) => {
    if (type === 'delete' || (object.spec.nodeName ?? '') === '') return;
    if (object.metadata.deletionTimestamp !== undefined) {
      void api
        .delete(resources.pods, object.metadata, { gracePeriodSeconds: 0 })
        .catch(() => undefined);
      return;
    }
    if ((object.status?.phase ?? 'Pending') !== 'Pending') return;
    const status = {
      phase: 'Running',
      podIP: `10.0.${ip >> 8}.${ip++ & 255}`,
      conditions: [
        {
          type: 'Ready',
          status: 'True',
          lastTransitionTime: new Date(clock.nowMs()).toISOString(),
        },
      ],
    };
    void api.updateStatus(resources.pods, { ...object, status }).catch(() => undefined);
  });
}

function deployment(replicas: number, image = 'web:1'): Deployment {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', namespace: 'default' },
    spec: {
      replicas,
      progressDeadlineSeconds: 600,
      revisionHistoryLimit: 10,
      selector: { matchLabels: { app: 'web' } },
      template: {
        metadata: { labels: { app: 'web' } },
        spec: { containers: [{ name: 'web', image }] },
      },
    },
  };
}

describe('deployment to bound pods', () => {
  test('a deployment rolls out, updates and scales down', async () => {
    const api = await cluster(3);
    await api.create(resources.deployments, deployment(5));
    const settled = (image: string, count: number) => async (): Promise<boolean> => {
      const { items } = await api.list<Pod>(resources.pods, {});
      const found = await api.get<Deployment>(resources.deployments, {
        namespace: 'default',
        name: 'web',
      });
      return (
        items.length === count &&
        items.every((pod) => pod.spec.containers[0]?.image === image) &&
        (found.status?.availableReplicas ?? 0) === count &&
        found.status?.observedGeneration === found.metadata.generation &&
        found.status?.conditions?.some((c) => c.reason === 'NewReplicaSetAvailable') === true
      );
    };
    await until('five pods run', settled('web:1', 5));
    const first = await api.get<Deployment>(resources.deployments, {
      namespace: 'default',
      name: 'web',
    });
    expect(first.metadata.annotations?.['deployment.kubernetes.io/revision']).toBe('1');
    await api.update(resources.deployments, {
      ...first,
      spec: deployment(5, 'web:2').spec,
    });
    await until('the update is out', settled('web:2', 5));
    const sets = await api.list<ReplicaSet>(resources.replicaSets);
    expect(sets.items.map((set) => set.spec.replicas ?? -1).toSorted((a, b) => a - b)).toEqual([
      0, 5,
    ]);
    await api.patch(
      resources.deployments,
      { namespace: 'default', name: 'web' },
      'application/merge-patch+json',
      { spec: { replicas: 2 } },
    );
    await until('two are left', settled('web:2', 2));
  });

  test('a set whose pods are refused says so once, and tries again with back-off', async () => {
    const api = await cluster(1);
    let refused = 0;
    api.intercept = ({ verb, resource }) => {
      // A controller that does not wait between attempts would never let the test go on: the 50th is let through.
      if (verb !== 'create' || resource.resource !== 'pods' || refused >= 50) return;
      // As the API server does: the message names the pod that was not made, another one each time.
      throw new ApiError(403, 'Forbidden', `pods "web-${refused++}" is forbidden`);
    };
    await api.create(resources.deployments, deployment(1));
    await until('some attempts', () => Promise.resolve(refused >= 4));
    const { items } = await api.list<ReplicaSet>(resources.replicaSets, {});
    expect(items[0]?.status?.conditions).toMatchObject([
      { type: 'ReplicaFailure', reason: 'FailedCreate', message: 'pods "web-0" is forbidden' },
    ]);
    const statuses = api.writes.filter(
      ({ verb, resource }) => verb === 'status' && resource === 'replicasets',
    );
    expect(statuses).toHaveLength(1);
  });

  test('a pod that fits nowhere says why', async () => {
    const api = await cluster(2);
    await api.create<Pod>(resources.pods, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'big', namespace: 'default' },
      spec: { containers: [{ name: 'c', resources: { requests: { cpu: '100' } } }] },
    });
    const key = { namespace: 'default', name: 'big' };
    await until('the condition is there', async () => {
      const pod = await api.get<Pod>(resources.pods, key);
      return pod.status?.conditions?.some((c) => c.type === 'PodScheduled') === true;
    });
    const pod = await api.get<Pod>(resources.pods, key);
    expect(pod.status?.conditions?.[0]?.message).toBe(
      '0/2 nodes are available: 2 Insufficient cpu. preemption: 0/2 nodes are available: 2 No preemption victims found for incoming pod.',
    );
  });

  test('a stateful set starts in order with volumes of its own, and updates from the top', async () => {
    const api = await cluster(2);
    await api.create<StorageClass>(resources.storageClasses, {
      metadata: { name: 'local-path' },
      provisioner: 'trireme.dev/local-path',
      volumeBindingMode: 'WaitForFirstConsumer',
    });
    const set = (image: string): StatefulSet => ({
      apiVersion: 'apps/v1',
      kind: 'StatefulSet',
      metadata: { name: 'db', namespace: 'default' },
      spec: {
        replicas: 3,
        serviceName: 'db',
        selector: { matchLabels: { app: 'db' } },
        template: {
          metadata: { labels: { app: 'db' } },
          spec: { containers: [{ name: 'db', image }] },
        },
        volumeClaimTemplates: [
          {
            metadata: { name: 'data' },
            spec: {
              accessModes: ['ReadWriteOnce'],
              storageClassName: 'local-path',
              resources: { requests: { storage: '1Gi' } },
            },
          },
        ],
      },
    });
    const made = await api.create(resources.statefulSets, set('db:1'));
    const runs = (image: string) => async (): Promise<boolean> => {
      const found = await api.get<StatefulSet>(resources.statefulSets, made.metadata);
      const { items } = await api.list<Pod>(resources.pods);
      return (
        found.status?.readyReplicas === 3 &&
        found.status.currentRevision === found.status.updateRevision &&
        items.length === 3 &&
        items.every((pod) => pod.spec.containers[0]?.image === image)
      );
    };
    await until('three run', runs('db:1'));
    const claims = await api.list<PersistentVolumeClaim>(resources.claims);
    expect(claims.items.map((claim) => [claim.metadata.name, claim.status?.phase])).toEqual([
      ['data-db-0', 'Bound'],
      ['data-db-1', 'Bound'],
      ['data-db-2', 'Bound'],
    ]);
    const created = api.writes
      .filter(({ verb, resource }) => verb === 'create' && resource === 'pods')
      .map(({ key }) => key);
    expect(created).toEqual(['default/db-0', 'default/db-1', 'default/db-2']);
    await api.update(resources.statefulSets, { ...set('db:2') });
    await until('the update is out', runs('db:2'));
    const replaced = api.writes
      .filter(({ verb, resource }) => verb === 'create' && resource === 'pods')
      .map(({ key }) => key)
      .slice(3);
    expect(replaced).toEqual(['default/db-2', 'default/db-1', 'default/db-0']);
  });

  test('a job counts its pods once and completes; its pods go with it', async () => {
    const api = await cluster(2);
    const job = await api.create<Job>(resources.jobs, {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name: 'sum', namespace: 'default' },
      spec: {
        parallelism: 2,
        completions: 5,
        completionMode: 'Indexed',
        selector: { matchLabels: { job: 'sum' } },
        template: {
          metadata: { labels: { job: 'sum' } },
          spec: { containers: [{ name: 'c', image: 'c' }], restartPolicy: 'Never' },
        },
      },
    });
    await until('it is complete', async () => {
      const { items } = await api.list<Pod>(resources.pods);
      for (const pod of items) {
        if (pod.status?.phase !== 'Running') continue;
        await api.updateStatus(resources.pods, { ...pod, status: { phase: 'Succeeded' } });
      }
      const found = await api.get<Job>(resources.jobs, job.metadata);
      return found.status?.conditions?.some((c) => c.type === 'Complete') === true;
    });
    const { status } = await api.get<Job>(resources.jobs, job.metadata);
    expect(status?.succeeded).toBe(5);
    expect(status?.completedIndexes).toBe('0-4');
    await api.delete(resources.jobs, job.metadata);
    await until('the pods are gone', async () => {
      return (await api.list<Pod>(resources.pods)).items.every(
        (pod) => pod.metadata.deletionTimestamp !== undefined,
      );
    });
  });

  test('a daemon set runs on each node', async () => {
    const api = await cluster(3);
    const set = await api.create<DaemonSet>(resources.daemonSets, {
      apiVersion: 'apps/v1',
      kind: 'DaemonSet',
      metadata: { name: 'agent', namespace: 'default' },
      spec: {
        selector: { matchLabels: { app: 'agent' } },
        template: {
          metadata: { labels: { app: 'agent' } },
          spec: { containers: [{ name: 'c', image: 'a:1' }] },
        },
      },
    });
    await until('all three are ready', async () => {
      const found = await api.get<DaemonSet>(resources.daemonSets, set.metadata);
      return found.status?.numberReady === 3;
    });
    const { items } = await api.list<Pod>(resources.pods);
    expect(items.map((pod) => pod.spec.nodeName ?? '').toSorted()).toEqual([
      'node-0',
      'node-1',
      'node-2',
    ]);
  });
});
