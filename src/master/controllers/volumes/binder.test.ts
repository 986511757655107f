import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { Event, PersistentVolume, PersistentVolumeClaim } from '../../../api/types/core.js';
import { resources } from '../../../client/resources.js';
import type { RunningControllers } from '../testkit/run-controllers.js';
import { runControllers } from '../testkit/run-controllers.js';

let running: RunningControllers;
beforeEach(async () => {
  running = await runControllers(['persistentvolume-binder-controller']);
});
afterEach(() => running.stop());

function volume(name: string, storage: string, extra: object = {}): PersistentVolume {
  return {
    metadata: { name },
    spec: {
      capacity: { storage },
      accessModes: ['ReadWriteOnce'],
      persistentVolumeReclaimPolicy: 'Retain',
      ...extra,
    },
  };
}

function claim(name: string, extra: object = {}): PersistentVolumeClaim {
  return {
    metadata: { name, namespace: 'ns' },
    spec: {
      accessModes: ['ReadWriteOnce'],
      storageClassName: '',
      resources: { requests: { storage: '1Gi' } },
      ...extra,
    },
  };
}

const untilVolume = (
  name: string,
  holds: (volume: PersistentVolume) => boolean,
): Promise<PersistentVolume> => running.untilObject(resources.volumes, { name }, holds);

const untilClaim = (
  name: string,
  holds: (claim: PersistentVolumeClaim) => boolean,
): Promise<PersistentVolumeClaim> =>
  running.untilObject(resources.claims, { namespace: 'ns', name }, holds);

test('a claim and a volume are bound both ways, and say so', async () => {
  const { api } = running;
  await api.create(resources.volumes, volume('large', '8Gi'));
  await api.create(resources.volumes, volume('fits', '2Gi'));
  for (const name of ['large', 'fits']) {
    await untilVolume(name, ({ status }) => status?.phase === 'Available');
  }
  await api.create(resources.claims, claim('data'));
  const bound = await untilClaim('data', ({ status }) => status?.phase === 'Bound');
  expect(bound.spec.volumeName).toBe('fits');
  expect(bound.status).toMatchObject({
    capacity: { storage: '2Gi' },
    accessModes: ['ReadWriteOnce'],
  });
  expect(bound.metadata.annotations).toEqual({
    'pv.kubernetes.io/bind-completed': 'yes',
    'pv.kubernetes.io/bound-by-controller': 'yes',
  });
  const { spec, metadata } = await untilVolume('fits', ({ status }) => status?.phase === 'Bound');
  expect(spec.claimRef).toMatchObject({
    namespace: 'ns',
    name: 'data',
    uid: bound.metadata.uid,
  });
  expect(metadata.annotations).toEqual({ 'pv.kubernetes.io/bound-by-controller': 'yes' });
});

test('a volume kept for a claim that was bound elsewhere serves the next one', async () => {
  const { api } = running;
  const first = await api.create(resources.claims, claim('first', { volumeName: 'own' }));
  const { uid } = first.metadata;
  const claimRef = { namespace: 'ns', name: 'first', uid };
  await api.create(resources.volumes, {
    ...volume('spare', '1Gi', { claimRef }),
    metadata: { name: 'spare', annotations: { 'pv.kubernetes.io/bound-by-controller': 'yes' } },
  });
  await api.create(resources.volumes, volume('own', '1Gi'));
  await untilClaim('first', ({ status }) => status?.phase === 'Bound');
  const free = await untilVolume('spare', ({ status }) => status?.phase === 'Available');
  expect(free.spec.claimRef).toBeUndefined();
  await api.create(resources.claims, claim('second'));
  const next = await untilClaim('second', ({ status }) => status?.phase === 'Bound');
  expect(next.spec.volumeName).toBe('spare');
});

test('a volume outlives its claim by its policy', async () => {
  const { api } = running;
  await api.create(resources.volumes, volume('kept', '1Gi'));
  await api.create(
    resources.volumes,
    volume('gone', '1Gi', {
      persistentVolumeReclaimPolicy: 'Delete',
      hostPath: { path: '/tmp/x' },
    }),
  );
  const lasting = { persistentVolumeReclaimPolicy: 'Delete', nfs: { server: 's', path: '/' } };
  await api.create(resources.volumes, volume('stuck', '1Gi', lasting));
  for (const name of ['kept', 'gone', 'stuck']) {
    await api.create(resources.claims, claim(name, { volumeName: name }));
    await untilClaim(name, ({ status }) => status?.phase === 'Bound');
    await untilVolume(name, ({ status }) => status?.phase === 'Bound');
    await api.delete(resources.claims, { namespace: 'ns', name });
  }
  const kept = await untilVolume('kept', ({ status }) => status?.phase === 'Released');
  expect(kept.spec.claimRef?.name).toBe('kept');
  const stuck = await untilVolume('stuck', ({ status }) => status?.phase === 'Failed');
  expect(stuck.status?.message).toContain('no deletable volume plugin matched');
  await running.until('the other volume is gone', async () =>
    (await api.get(resources.volumes, { name: 'gone' }).catch(() => undefined)) === undefined
      ? true
      : undefined,
  );
});

test('a claim whose volume is taken away is lost', async () => {
  const { api } = running;
  await api.create(resources.volumes, volume('v', '1Gi'));
  await api.create(resources.claims, claim('data', { volumeName: 'v' }));
  await untilClaim('data', ({ status }) => status?.phase === 'Bound');
  await api.delete(resources.volumes, { name: 'v' });
  const lost = await untilClaim('data', ({ status }) => status?.phase === 'Lost');
  expect(lost.spec.volumeName).toBe('v');
  expect(lost.status).toEqual({ phase: 'Lost' });
  await running.until('an event says so', async () => {
    const { items } = await api.list<Event>(resources.events, {});
    return items.find(({ reason }) => reason === 'ClaimLost');
  });
});

test('a volume that was unbound by hand is bound again', async () => {
  const { api } = running;
  await api.create(resources.volumes, volume('v', '1Gi'));
  const { metadata } = await api.create(resources.claims, claim('data', { volumeName: 'v' }));
  await untilClaim('data', ({ status }) => status?.phase === 'Bound');
  await untilVolume('v', ({ status }) => status?.phase === 'Bound');
  await api.patch(resources.volumes, { name: 'v' }, 'application/merge-patch+json', {
    spec: { claimRef: null },
  });
  const again = await untilVolume('v', ({ spec }) => spec.claimRef !== undefined);
  expect(again.spec.claimRef?.uid).toBe(metadata.uid);
});
