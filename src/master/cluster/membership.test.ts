import { beforeEach, expect, test } from '@jest/globals';
import { promoteMember, removeMember, transferLeader } from './membership.js';
import { FakeStore } from './testkit/fake-store.js';

let store = new FakeStore();

beforeEach(() => {
  store = new FakeStore();
  for (const n of [1, 2, 3]) store.add(n);
});

const learner = {
  id: 0xabcn,
  name: '',
  peerUrls: ['https://10.0.0.4:2380'],
  clientUrls: [],
  learner: true,
};

test('the member that leads is asked to hand over, and no other one', async () => {
  expect(await transferLeader(store, 'm3')).toEqual({ from: 'm1', to: 'm3' });
  expect(store.calls).toEqual(['move https://10.0.0.1:2379 3']);
});

test('one that leads already is left alone', async () => {
  expect(await transferLeader(store, 'm1')).toEqual({ from: 'm1', to: 'm1' });
  expect(store.calls).toEqual([]);
});

test('leadership goes to no master that is unknown, joining or silent, and from none when nobody leads', async () => {
  store.members.push(learner);
  await expect(transferLeader(store, 'm9')).rejects.toThrow(
    'there is no master "m9": there are abc, m1, m2, m3',
  );
  await expect(transferLeader(store, 'abc')).rejects.toThrow('abc does not vote yet');
  store.silent.add('https://10.0.0.2:2379');
  await expect(transferLeader(store, 'm2')).rejects.toThrow(/^m2 cannot lead, it does not answer/);
  store.leader = 2n;
  await expect(transferLeader(store, 'm3')).rejects.toThrow('no master leads at this moment');
  expect(store.calls).toEqual([]);
});

test('members are removed by name or by id, the last that votes never', async () => {
  store.members.push(learner);
  expect(await removeMember(store, 'm2')).toEqual({ name: 'm2', id: 2n });
  expect(await removeMember(store, '3')).toEqual({ name: 'm3', id: 3n });
  await expect(removeMember(store, 'm1')).rejects.toThrow('m1 is the only master that votes');
  expect(await removeMember(store, 'ABC')).toEqual({ name: '', id: 0xabcn });
  expect(store.calls).toEqual(['remove 2', 'remove 3', 'remove 2748']);
});

test('who is joining may be promoted, who votes need not be', async () => {
  store.members.push(learner);
  expect(await promoteMember(store, 'abc')).toEqual({ name: '', id: 0xabcn });
  await expect(promoteMember(store, 'm1')).rejects.toThrow('m1 votes already');
  expect(store.calls).toEqual(['promote 2748']);
});
