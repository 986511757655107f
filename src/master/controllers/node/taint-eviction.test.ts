import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Event, Node, Pod, Taint, Toleration } from '../../../api/types/core.js';
import { resources } from '../../../client/resources.js';
import type { RunningControllers } from '../testkit/run-controllers.js';
import { runControllers } from '../testkit/run-controllers.js';
import { evictionDelayMs, wantedTaints } from './taints.js';

const at = '2026-01-01T00:00:00Z';
const atMs = Date.parse(at);
const taint = { key: 'k', effect: 'NoExecute', timeAdded: at };
const bare = { key: 'k', effect: 'NoExecute' };
const tolerate = (tolerationSeconds?: number): Toleration => ({
  key: 'k',
  operator: 'Exists',
  ...(tolerationSeconds === undefined ? {} : { tolerationSeconds }),
});

test.each([
  ['no taint', [], [], undefined],
  ['no toleration', [taint], [], 0],
  ['tolerated for ever', [taint], [tolerate()], undefined],
  ['tolerated for a while', [taint], [tolerate(30)], 20_000],
  ['the shortest counts', [taint], [tolerate(30), tolerate(15)], 5000],
  ['not below zero', [taint], [tolerate(-5)], 0],
  ['the user’s say not since when', [bare], [tolerate(30)], 25_000],
  ['the user’s, in time', [bare], [tolerate(5)], 0],
  ['other effects do not evict', [{ key: 'k', effect: 'NoSchedule' }], [], undefined],
] as const)('%s', (_name, taints, tolerations, delayMs) => {
  const times = { nowMs: atMs + 10_000, seenMs: atMs + 5_000 };
  expect(evictionDelayMs(taints, tolerations, times)).toBe(delayMs);
});

function node(ready: string | undefined, unschedulable = false): Node {
  const conditions = ready === undefined ? [] : [{ type: 'Ready', status: ready }];
  return { metadata: { name: 'n' }, spec: { unschedulable }, status: { conditions } };
}

test.each([
  ['ready', node('True'), 'begin', []],
  ['cordoned', node('True', true), 'begin', ['unschedulable:NoSchedule']],
  ['not ready', node('False'), 'begin', ['not-ready:NoSchedule', 'not-ready:NoExecute']],
  ['silent', node('Unknown'), 'begin', ['unreachable:NoSchedule', 'unreachable:NoExecute']],
  ['silent while all are', node('Unknown'), 'keep', ['unreachable:NoSchedule']],
  ['never heard of', node(undefined), 'begin', []],
] as const)('taints of a node that is %s', (_name, object, step, wanted) => {
  const taints = wantedTaints(object, step, at);
  expect(taints.map(({ key, effect }) => `${key.split('/')[1]}:${effect}`)).toEqual(wanted);
});

describe('a pod on a node that a user taints', () => {
  let running: RunningControllers;
  const key = { namespace: 'ns', name: 'p' };

  beforeEach(async () => {
    running = await runControllers(['taint-eviction-controller']);
    await running.api.create<Node>(resources.nodes, { metadata: { name: 'n' }, spec: {} });
    const spec = { nodeName: 'n', containers: [], tolerations: [tolerate(1)] };
    await running.api.create<Pod>(resources.pods, { metadata: key, spec, status: {} });
  });
  afterEach(() => running.stop());

  test('goes when the time of its toleration is over', async () => {
    const spec = { taints: [bare] };
    const merge = 'application/merge-patch+json';
    await running.api.patch(resources.nodes, { name: 'n' }, merge, { spec });
    const { status } = await running.untilObject<Pod>(
      resources.pods,
      key,
      (pod) => pod.metadata.deletionTimestamp !== undefined,
    );
    expect(status?.conditions).toMatchObject([{ reason: 'DeletionByTaintManager' }]);
  });

  test('stays when the taint goes in time, and that is told', async () => {
    const taintWith = (taints: Taint[]) =>
      running.api.patch(resources.nodes, { name: 'n' }, 'application/merge-patch+json', {
        spec: { taints },
      });
    const timed = { ...bare, timeAdded: '2999-01-01T00:00:00Z' };
    const told = await running.until('the deletion is cancelled', async () => {
      await taintWith([timed]);
      const { items } = await running.api.list<Event>(resources.events);
      await taintWith([]);
      return items.find(({ reason }) => reason === 'TaintManagerEviction');
    });
    expect(told.message).toBe('Cancelling deletion of Pod ns/p');
  });
});
