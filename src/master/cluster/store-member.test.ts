import { expect, test } from '@jest/globals';
import { Code } from '../../lib/grpc/index.js';
import { addStoreMember } from './store-member.js';
import { FakeStore } from './testkit/fake-store.js';

const request = { name: 'm3', peerUrl: 'https://10.0.0.3:2380' };

function storeOf(...numbers: number[]): FakeStore {
  const store = new FakeStore();
  for (const n of numbers) store.add(n);
  return store;
}

test('a new master is added as one that does not vote, and told of the others', async () => {
  const store = storeOf(1, 2);
  await expect(addStoreMember(store, request)).resolves.toEqual({
    initialCluster: 'm1=https://10.0.0.1:2380,m2=https://10.0.0.2:2380,m3=https://10.0.0.3:2380',
    storeEndpoints: ['https://10.0.0.1:2379', 'https://10.0.0.2:2379'],
  });
  expect(store.calls).toEqual(['add https://10.0.0.3:2380']);
});

test('who asks again after a broken answer gets the same member', async () => {
  const store = storeOf(1);
  const first = await addStoreMember(store, request);
  await expect(addStoreMember(store, request)).resolves.toEqual(first);
  expect(store.calls).toEqual(['add https://10.0.0.3:2380']);
});

test('a member that has not started yet is told to nobody', async () => {
  const store = storeOf(1);
  await store.memberAddAsLearner('https://10.0.0.9:2380');
  const { initialCluster } = await addStoreMember(store, request);
  expect(initialCluster).toBe('m1=https://10.0.0.1:2380,m3=https://10.0.0.3:2380');
});

test('one that lost its disk comes back as a new member', async () => {
  const store = storeOf(1, 2, 3);
  await addStoreMember(store, request);
  expect(store.calls).toEqual(['remove 3', 'add https://10.0.0.3:2380']);
});

test('a name that another member has is refused', async () => {
  const store = storeOf(1, 3);
  const elsewhere = { ...request, peerUrl: 'https://10.0.0.30:2380' };
  await expect(addStoreMember(store, elsewhere)).rejects.toMatchObject({
    code: Code.AlreadyExists,
    message:
      'a master named "m3" is a member of the store already, at https://10.0.0.3:2380; remove it first',
  });
  expect(store.calls).toEqual([]);
});

test.each([
  'etcdserver: too many learner members in cluster',
  'etcdserver: unhealthy cluster',
  'etcdserver: re-configuration failed due to not enough started members',
])('while the store says "%s" the master is to ask again', async (refusal) => {
  const store = storeOf(1);
  store.refusal = refusal;
  await expect(addStoreMember(store, request)).rejects.toMatchObject({
    code: Code.Unavailable,
    message: `another master is joining: ${refusal}`,
  });
});

test('any other refusal is told as it is', async () => {
  const store = storeOf(1);
  store.refusal = 'etcdserver: permission denied';
  await expect(addStoreMember(store, request)).rejects.toMatchObject({
    code: Code.FailedPrecondition,
  });
});
