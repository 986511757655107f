import { describe, expect, test } from '@jest/globals';
import type { Event, Pod } from '../../api/types/core.js';
import { podSteps } from './pod-steps.js';
import { podWords } from './pod-words.js';

const at = (seconds: number): string =>
  new Date(Date.UTC(2026, 0, 1, 12, 0, seconds)).toISOString().replace('.000', '');
const condition = (type: string, seconds: number, status = 'True') => ({
  type,
  status,
  lastTransitionTime: at(seconds),
});
const event = (reason: string, message: string, seconds: number): Event =>
  ({ reason, message, firstTimestamp: at(seconds) }) as Event;

const conditions = [
  condition('Ready', 9),
  condition('ContainersReady', 9),
  condition('Initialized', 3),
  condition('PodReadyToStartContainers', 2),
  condition('PodScheduled', 1),
];
const pod = (status: object = {}): Pod =>
  ({
    metadata: { name: 'web-0', namespace: 'shop', creationTimestamp: at(0) },
    spec: { nodeName: 'n1', containers: [] },
    status: {
      phase: 'Running',
      startTime: at(1),
      conditions,
      containerStatuses: [
        { name: 'web', restartCount: 0, state: { running: { startedAt: at(7) } } },
      ],
      ...status,
    },
  }) as unknown as Pod;
const events = [
  event('Started', 'Started container web', 7),
  event('Pulling', 'Pulling image "nginx:1"', 3),
  event(
    'Pulled',
    'Successfully pulled image "nginx:1" in 3.4s (3.9s including waiting). Image size: 1 bytes.',
    7,
  ),
  event('Scheduled', 'Successfully assigned shop/web-0 to n1', 1),
];
const nowMs = Date.parse(at(100));
const words = (of: Pod, and = events): string => podWords(of, podSteps(of, and), nowMs);
const steps = (of: Pod, and = events): string[] => podSteps(of, and).map(({ what }) => what);

test('the steps of a pod stand in the order of their times', () => {
  expect(steps(pod())).toEqual([
    'created',
    'scheduled to n1',
    'seen by the node',
    'sandbox and volumes ready',
    'pulling image "nginx:1"',
    'init containers done',
    'image nginx:1 pulled',
    'container web started',
    'containers ready',
    'ready',
  ]);
});

test('what took longest is said first: by who measured it, else by the times', () => {
  expect(words(pod())).toMatch(
    /^web-0 became ready 9s after it was created; the longest step: image nginx:1 pulled, 3\.4s\n/,
  );
  expect(words(pod())).toMatch(/^image nginx:1 pulled +2026-01-01T12:00:07Z +3\.4s +7s +event/m);
  expect(words(pod(), [])).toContain('the longest step: container web started, 4s\n');
});

test.each([
  ['912ms', 912],
  ['1m2.5s', 62_500],
  ['1h0m3s', 3_603_000],
])('a pull that took %s', (took, tookMs) => {
  const message = `Successfully pulled image "a" in ${took} (${took} including waiting). Image size: 1 bytes.`;
  const found = podSteps(pod(), [event('Pulled', message, 7)]);
  expect(found.find(({ what }) => what === 'image a pulled')).toMatchObject({ tookMs });
});

describe('a pod', () => {
  test('that is not ready says what came last, and since when', () => {
    const waiting = pod({ phase: 'Pending', conditions: [condition('PodScheduled', 1)] });
    waiting.status = { ...waiting.status, containerStatuses: [] } as never;
    expect(words(waiting, events.slice(1, 2))).toMatch(
      /^web-0 is not ready, 100s after it was created; 97s since: pulling image "nginx:1"\. What keeps it: trireme why pod\/web-0\n/,
    );
  });

  test('that is not scheduled has one step', () => {
    const waiting = pod({ phase: 'Pending', startTime: undefined, conditions: [] });
    waiting.status = { ...waiting.status, containerStatuses: [] } as never;
    expect(steps(waiting, [])).toEqual(['created']);
  });

  test('whose container was started again has the first start from its event', () => {
    const again = pod({
      containerStatuses: [
        { name: 'web', restartCount: 2, state: { running: { startedAt: at(50) } } },
      ],
    });
    const found = podSteps(again, events).find(({ what }) => what === 'container web started');
    expect(found).toMatchObject({ from: 'event Started', atMs: Date.parse(at(7)) });
    expect(words(again)).toContain('containers were started again since');
    expect(steps(again, [])).not.toContain('container web started');
  });

  test('that has ended says so', () => {
    const ended = pod({ phase: 'Succeeded', conditions: [condition('Ready', 9, 'False')] });
    expect(words(ended)).toMatch(/^web-0 has ended \(Succeeded\)\n/);
  });

  test('whose image was there did not pull it', () => {
    const there = [event('Pulled', 'Container image "nginx:1" already present on machine', 3)];
    expect(steps(pod(), there)).toContain('image nginx:1 was there');
  });
});
