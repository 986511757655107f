import { expect, test } from '@jest/globals';
import type { Pod } from '../../../api/types/core.js';
import type { Job } from '../../../api/types/workloads.js';
import { createInformerFactory } from '../../../client/index.js';
import { resources } from '../../../client/resources.js';
import { FakeApi } from '../../../client/testkit/fake.js';
import { systemClock } from '../../../lib/clock.js';
import { silentLogger as log } from '../../../lib/log.js';
import { Prng } from '../../../lib/prng.js';
import { startControllers } from '../start.js';

// Seed 20 of the simulated control plane: the pods' last change came before their job went, and nobody looked at them
// again.
test('pods of a job that goes lose its finalizer, also when nothing happens to them afterwards', async () => {
  const client = new FakeApi();
  const clock = systemClock();
  const informers = createInformerFactory({ client, clock, log });
  const flags = { controllers: ['job-controller'] };
  const controllers = await startControllers({
    client,
    informers,
    clock,
    log,
    flags,
    prng: new Prng(1),
  });
  const job = await client.create<Job>(resources.jobs, {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: 'sums', namespace: 'default' },
    // Somebody else's: this controller leaves the pods alone while the job is there.
    spec: { managedBy: 'example.com/other', template: { spec: { containers: [{ name: 'c' }] } } },
  });
  const { name, uid = '' } = job.metadata;
  await client.create<Pod>(resources.pods, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: 'sums-1',
      namespace: 'default',
      finalizers: ['batch.kubernetes.io/job-tracking'],
      ownerReferences: [{ apiVersion: 'batch/v1', kind: 'Job', name, uid, controller: true }],
    },
    spec: { containers: [{ name: 'c' }] },
  });
  const seen = informers.informer<Pod>(resources.pods);
  const changed = new Promise<Pod>((resolve) => {
    seen.onChange(({ type, object }) => {
      if (type === 'add') void client.delete(resources.jobs, job.metadata);
      else resolve(object);
    });
  });
  expect((await changed).metadata.finalizers ?? []).toEqual([]);
  await controllers.stop();
  informers.stop();
});

test('an orphan that a job selects is adopted, with its finalizer, as soon as it comes', async () => {
  const client = new FakeApi();
  const clock = systemClock();
  const informers = createInformerFactory({ client, clock, log });
  const flags = { controllers: ['job-controller'] };
  const prng = new Prng(1);
  const controllers = await startControllers({ client, informers, clock, log, flags, prng });
  const labels = { sum: 'of-all' };
  const job = await client.create<Job>(resources.jobs, {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: 'sums', namespace: 'default' },
    spec: {
      manualSelector: true,
      parallelism: 1,
      completions: 1,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: 'c' }] } },
    },
  });
  const seen = informers.informer<Pod>(resources.pods);
  const first = new Promise<void>((resolve) => {
    seen.onChange(({ type }) => type === 'add' && resolve());
  });
  // The job has a pod of its own: nothing but the orphan brings it back.
  await first;
  const adopted = new Promise<Pod>((resolve) => {
    seen.onChange(({ type, object }) => {
      const isOrphan = object.metadata.name === 'lost';
      if (isOrphan && type === 'update' && object.metadata.ownerReferences?.length) resolve(object);
    });
  });
  await client.create<Pod>(resources.pods, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'lost', namespace: 'default', labels },
    spec: { containers: [{ name: 'c' }] },
  });
  const { ownerReferences, finalizers } = (await adopted).metadata;
  expect(ownerReferences).toMatchObject([{ kind: 'Job', uid: job.metadata.uid, controller: true }]);
  expect(finalizers).toEqual(['batch.kubernetes.io/job-tracking']);
  await controllers.stop();
  informers.stop();
});
