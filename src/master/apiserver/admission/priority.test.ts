import { beforeEach, describe, expect, test } from '@jest/globals';
import type { Pod } from '../../../api/types/core.js';
import { admit, ApiBench, refusal } from '../testkit/api-bench.js';
import type { AdmissionPlugin } from './chain.js';
import { priority } from './priority.js';

let bench: ApiBench;
let plugin: AdmissionPlugin;
beforeEach(async () => {
  bench = await ApiBench.create();
  plugin = priority(bench.objects);
});

const priorityClass = (name: string, value: number, more: object = {}) => ({
  apiVersion: 'scheduling.k8s.io/v1',
  kind: 'PriorityClass',
  metadata: { name },
  value,
  ...more,
});

const pod = (spec: object = {}) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'p', namespace: 'ns' },
  spec,
});

describe('the priority of a pod', () => {
  const never = { preemptionPolicy: 'Never' };
  test.each<[string, ReturnType<typeof priorityClass>[], object, object]>([
    ['none', [], {}, { priority: 0, preemptionPolicy: 'PreemptLowerPriority' }],
    [
      'of its class',
      [priorityClass('high', 10, never)],
      { priorityClassName: 'high' },
      { priorityClassName: 'high', priority: 10, preemptionPolicy: 'Never' },
    ],
    [
      'a class without a policy preempts',
      [priorityClass('high', 10)],
      { priorityClassName: 'high' },
      { priorityClassName: 'high', priority: 10, preemptionPolicy: 'PreemptLowerPriority' },
    ],
    [
      'of the default class',
      [priorityClass('high', 10), priorityClass('usual', 5, { globalDefault: true })],
      {},
      { priorityClassName: 'usual', priority: 5, preemptionPolicy: 'PreemptLowerPriority' },
    ],
    [
      'of the lower of two default classes',
      [
        priorityClass('a', 7, { globalDefault: true }),
        priorityClass('b', -5, { globalDefault: true }),
      ],
      {},
      { priorityClassName: 'b', priority: -5, preemptionPolicy: 'PreemptLowerPriority' },
    ],
    [
      'as the pod says itself',
      [priorityClass('high', 10, never)],
      { priorityClassName: 'high', priority: 10, preemptionPolicy: 'Never' },
      { priorityClassName: 'high', priority: 10, preemptionPolicy: 'Never' },
    ],
  ])('%s', async (_, classes, spec, wanted) => {
    await bench.add(...classes);
    const admitted = await admit<Pod>(plugin, bench.request(pod(spec)));
    expect(admitted.spec).toEqual(wanted);
  });

  const tail = 'from the given PriorityClass name';
  test.each<[object, string]>([
    [{ priorityClassName: 'low' }, 'no PriorityClass with name low was found'],
    [
      { priorityClassName: 'high', priority: 11 },
      'the integer value of priority (11) must not be provided in pod spec; ' +
        `priority admission controller computed 10 ${tail}`,
    ],
    [
      { priority: 1 },
      'the integer value of priority (1) must not be provided in pod spec; ' +
        `priority admission controller computed 0 ${tail}`,
    ],
    [
      { priorityClassName: 'high', preemptionPolicy: 'PreemptLowerPriority' },
      'the string value of PreemptionPolicy (PreemptLowerPriority) must not be provided in pod ' +
        `spec; priority admission controller computed Never ${tail}`,
    ],
    [
      { preemptionPolicy: 'Never' },
      'the string value of PreemptionPolicy (Never) must not be provided in pod spec; ' +
        `priority admission controller computed PreemptLowerPriority ${tail}`,
    ],
  ])('refused: %j', async (spec, text) => {
    await bench.add(priorityClass('high', 10, never));
    const given = await refusal(plugin, bench.request(pod(spec)));
    expect(given).toBe(`403 pods "p" is forbidden: ${text}`);
  });

  test('is that of its creation', async () => {
    const old = pod({ priority: 10, preemptionPolicy: 'Never' });
    const { spec } = await admit<Pod>(plugin, bench.request(pod(), { old }));
    expect(spec).toEqual({ priority: 10, preemptionPolicy: 'Never' });
    expect(plugin.handles(bench.request(pod(), { subresource: 'eviction' }))).toBe(false);
  });
});

describe('a default class', () => {
  const marked = { globalDefault: true };
  const text = 'PriorityClass first is already marked as default. Only one default can exist';
  const head = '403 priorityclasses.scheduling.k8s.io "second" is forbidden: ';
  const asked = (name: string, more: object, old?: object): Promise<string | undefined> =>
    refusal(plugin, bench.request(priorityClass(name, 1, more), old === undefined ? {} : { old }));

  test('is the only one', async () => {
    expect(await asked('first', marked)).toBeUndefined();
    await bench.add(priorityClass('first', 1, marked));
    const second = priorityClass('second', 1);
    expect(await asked('second', marked)).toBe(head + text);
    expect(await asked('second', marked, second)).toBe(head + text);
    expect(await asked('second', {})).toBeUndefined();
    expect(await asked('second', {}, second)).toBeUndefined();
  });

  test('may be written again, and be given up', async () => {
    const first = priorityClass('first', 1, marked);
    await bench.add(first);
    expect(await asked('first', { ...marked, description: 'd' }, first)).toBeUndefined();
    expect(await asked('first', { globalDefault: false }, first)).toBeUndefined();
    const gone = bench.request(first, { operation: 'DELETE', old: first });
    expect(plugin.handles(gone)).toBe(false);
  });
});
