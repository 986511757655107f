import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { PersistentVolumeClaim, Pod } from '../../../api/types/core.js';
import { resources } from '../../../client/resources.js';
import type { RunningControllers } from '../testkit/run-controllers.js';
import { runControllers } from '../testkit/run-controllers.js';
import { ephemeralClaim } from './ephemeral.js';

let running: RunningControllers;
beforeEach(async () => {
  running = await runControllers(['ephemeral-volume-controller']);
});
afterEach(() => running.stop());

const spec = {
  accessModes: ['ReadWriteOnce'],
  resources: { requests: { storage: '1Gi' } },
};
const template = { metadata: { labels: { a: 'b' } }, spec };
const pod: Pod = {
  metadata: { name: 'p', namespace: 'ns', uid: 'u' },
  spec: {
    containers: [{ name: 'c', image: 'i' }],
    volumes: [
      { name: 'scratch', ephemeral: { volumeClaimTemplate: template } },
      { name: 'other', emptyDir: {} },
    ],
  },
};

const claim = (
  holds: (claim: PersistentVolumeClaim) => boolean = () => true,
): Promise<PersistentVolumeClaim> =>
  running.untilObject(resources.claims, { namespace: 'ns', name: 'p-scratch' }, holds);

test('only ephemeral volumes have a claim of their own', () => {
  const [scratch, other] = pod.spec.volumes!;
  expect(ephemeralClaim(pod, scratch!)?.metadata.name).toBe('p-scratch');
  expect(ephemeralClaim(pod, other!)).toBeUndefined();
});

test('the claim is made as the template has it, owned by the pod, and made again', async () => {
  const { api } = running;
  const made = await api.create<Pod>(resources.pods, pod);
  const found = await claim();
  expect(found).toMatchObject({ metadata: { labels: { a: 'b' } }, spec });
  expect(found.metadata.ownerReferences).toEqual([
    expect.objectContaining({ kind: 'Pod', name: 'p', uid: made.metadata.uid, controller: true }),
  ]);
  await api.delete(resources.claims, { namespace: 'ns', name: 'p-scratch' });
  await claim(({ metadata }) => metadata.uid !== found.metadata.uid);
});

test('a claim of that name that is somebody else’s is left alone', async () => {
  const { api } = running;
  const metadata = { namespace: 'ns', name: 'p-scratch' };
  const others = await api.create<PersistentVolumeClaim>(resources.claims, { metadata, spec });
  await api.create(resources.pods, pod);
  const second = { ...pod, metadata: { ...pod.metadata, name: 'q', uid: 'u2' } };
  await api.create(resources.pods, second);
  await running.untilObject(resources.claims, { namespace: 'ns', name: 'q-scratch' }, () => true);
  expect((await claim()).metadata.uid).toBe(others.metadata.uid);
});
