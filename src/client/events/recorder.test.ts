import { expect, test } from '@jest/globals';
import type { Event } from '../../api/types/core.js';
import { ManualClock } from '../../lib/clock.js';
import { createLogger } from '../../lib/create-logger.js';
import { resources } from '../resources.js';
import { FakeApi } from '../testkit/fake.js';
import { ApiError } from '../types.js';
import type { EventSubject } from './correlator.js';
import { EventSink } from './recorder.js';

const log = createLogger({ component: 'test', level: 'silent' });
const pod: EventSubject = {
  kind: 'Pod',
  metadata: { namespace: 'a', name: 'web', uid: 'u1', resourceVersion: '7' },
  fieldPath: 'spec.containers{web}',
};

interface Bench {
  readonly api: FakeApi;
  readonly clock: ManualClock;
  readonly sink: EventSink;
}

function bench(host?: string): Bench {
  const api = new FakeApi();
  const clock = new ManualClock();
  const sink = new EventSink({ client: api, clock, log, ...(host === undefined ? {} : { host }) });
  return { api, clock, sink };
}

/** The API in memory answers in microtasks: when they are done, so are all writes. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function eventsOf({ api }: Bench): Promise<Event[]> {
  await settled();
  return (await api.list<Event>(resources.events)).items;
}

test('an event has all that Kubernetes writes of it', async () => {
  const made = bench('n1');
  made.sink.recorder('kubelet').normal(pod, 'Started', 'Started container web');
  const [event] = await eventsOf(made);
  expect(event).toMatchObject({
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { namespace: 'a' },
    involvedObject: {
      apiVersion: 'v1',
      kind: 'Pod',
      namespace: 'a',
      name: 'web',
      uid: 'u1',
      resourceVersion: '7',
      fieldPath: 'spec.containers{web}',
    },
    type: 'Normal',
    reason: 'Started',
    message: 'Started container web',
    source: { component: 'kubelet', host: 'n1' },
    reportingComponent: 'kubelet',
    reportingInstance: 'n1',
    count: 1,
  });
});

test('events about objects without a namespace are in default', async () => {
  const made = bench();
  const node = { apiVersion: '', kind: 'Node', metadata: { name: 'n1', uid: 'n1' } };
  made.sink.recorder('node-controller').warning(node, 'NodeNotReady', 'not ready');
  const [event] = await eventsOf(made);
  expect(event?.metadata.namespace).toBe('default');
  expect(event?.involvedObject).toEqual({ kind: 'Node', name: 'n1', uid: 'n1' });
  expect(event?.source).toEqual({ component: 'node-controller' });
});

test('equal events at once become one object with a count', async () => {
  const made = bench();
  const recorder = made.sink.recorder('kubelet');
  for (let n = 0; n < 3; n++) recorder.normal(pod, 'Pulled', 'same');
  const events = await eventsOf(made);
  expect(events.map(({ count }) => count)).toEqual([3]);
});

test('an event that has expired is made anew with its count and its first time', async () => {
  const made = bench();
  const recorder = made.sink.recorder('kubelet');
  recorder.normal(pod, 'Pulled', 'same');
  const [first] = await eventsOf(made);
  await made.api.delete(resources.events, { namespace: 'a', name: first?.metadata.name ?? '' });
  made.clock.advance(60_000);
  recorder.normal(pod, 'Pulled', 'same');
  const [again] = await eventsOf(made);
  expect(again?.count).toBe(2);
  expect(again?.firstTimestamp).toBe(first?.firstTimestamp);
  expect(again?.lastTimestamp).not.toBe(first?.lastTimestamp);
});

test('an event that cannot be written is dropped, and the next ones are written', async () => {
  const made = bench();
  const recorder = made.sink.recorder('kubelet');
  made.api.intercept = () => {
    throw new ApiError(403, 'Forbidden', 'namespace a is being terminated');
  };
  recorder.normal(pod, 'Pulled', 'lost');
  await settled();
  made.api.intercept = () => undefined;
  recorder.normal(pod, 'Started', 'kept');
  expect((await eventsOf(made)).map(({ message }) => message)).toEqual(['kept']);
});
