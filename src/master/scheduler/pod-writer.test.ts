import { beforeEach, expect, test } from '@jest/globals';
import { findCondition } from '../../api/facts/conditions.js';
import type { Event, Pod } from '../../api/types/core.js';
import { resources } from '../../client/resources.js';
import { FakeApi } from '../../client/testkit/fake.js';
import { ManualClock } from '../../lib/clock.js';
import { silentLogger } from '../../lib/log.js';
import { podInfo } from './pod-info.js';
import { PodWriter } from './pod-writer.js';
import { podOf } from './testkit/objects.js';

let api: FakeApi;
let writer: PodWriter;
let pod: Pod;

beforeEach(async () => {
  api = new FakeApi();
  writer = new PodWriter({
    client: api,
    clock: new ManualClock(),
    log: silentLogger,
    name: 'default-scheduler',
  });
  pod = await api.create<Pod>(resources.pods, podOf('a', {}));
});

/** Lets events be written, which nobody waits for. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const present = (): Promise<Pod> => api.get<Pod>(resources.pods, pod.metadata);
const messageOf = ({ status }: Pod): string | undefined =>
  findCondition(status?.conditions, 'PodScheduled')?.message;

/** Holds the next patch back until it is released. */
function holdPatch(): () => void {
  const patch = api.patch.bind(api);
  let release = (): void => undefined;
  const released = new Promise<void>((resolve) => (release = resolve));
  api.patch = async (...call) => {
    api.patch = patch;
    await released;
    return patch(...call) as never;
  };
  return release;
}

test('a mark that comes after the binding leaves the pod as it is', async () => {
  const release = holdPatch();
  const late = writer.markUnschedulable(pod, 'no room', '');
  await writer.bind(podInfo(pod), 'n');
  const bound = await present();
  await api.updateStatus<Pod>(resources.pods, { ...bound, status: { phase: 'Running' } });
  const running = await present();
  release();
  await late;
  expect(await present()).toEqual(running);
});

test('a mark that comes after a newer one takes nothing back', async () => {
  const release = holdPatch();
  const late = writer.markUnschedulable(pod, 'no node');
  await writer.markUnschedulable(pod, 'no room', 'n');
  release();
  await late;
  const marked = await present();
  expect(messageOf(marked)).toBe('no room');
  expect(marked.status?.nominatedNodeName).toBe('n');
});

test('a mark of a pod that another has changed is written all the same', async () => {
  await api.updateStatus<Pod>(resources.pods, {
    ...pod,
    status: { phase: 'Pending', message: 'from another' },
  });
  await writer.markUnschedulable(pod, 'no room');
  const marked = await present();
  expect(messageOf(marked)).toBe('no room');
  expect(marked.status).toHaveProperty('message', 'from another');
});

test('a victim is told in kube-scheduler’s words', async () => {
  const victim = await api.create<Pod>(resources.pods, podOf('v', {}));
  await writer.evict(podInfo(pod), 'n', [podInfo(victim)]);
  await settled();
  const { items } = await api.list<Event>(resources.events);
  expect(items).toMatchObject([
    {
      type: 'Normal',
      reason: 'Preempted',
      action: 'Preempting',
      message: `Preempted by pod ${pod.metadata.uid} on node n`,
      involvedObject: { kind: 'Pod', name: 'v' },
      related: { kind: 'Pod', name: 'a' },
      reportingComponent: 'default-scheduler',
    },
  ]);
});

test('the text of an event is cut, that of the condition is not', async () => {
  const message = `0/9 nodes are available: ${'x'.repeat(2000)}`;
  writer.failed(podInfo(pod), message);
  await writer.markUnschedulable(pod, message);
  await settled();
  const { items } = await api.list<Event>(resources.events);
  expect(items.map((event) => [event.action, event.message])).toEqual([
    ['Scheduling', `${message.slice(0, 1020)} ...`],
  ]);
  expect(messageOf(await present())).toBe(message);
});
