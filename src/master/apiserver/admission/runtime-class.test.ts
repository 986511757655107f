import { beforeEach, describe, expect, test } from '@jest/globals';
import type { Pod, Toleration } from '../../../api/types/core.js';
import { admit, ApiBench, refusal } from '../testkit/api-bench.js';
import type { AdmissionPlugin } from './chain.js';
import { mergeTolerations, runtimeClass } from './runtime-class.js';

let bench: ApiBench;
let plugin: AdmissionPlugin;
beforeEach(async () => {
  bench = await ApiBench.create();
  plugin = runtimeClass(bench.objects);
});

const classOf = (more: object) =>
  ({
    apiVersion: 'node.k8s.io/v1',
    kind: 'RuntimeClass',
    metadata: { name: 'kata' },
    handler: 'kata',
    ...more,
  }) as const;
const pod = (spec: object) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'p', namespace: 'ns' },
  spec: { runtimeClassName: 'kata', ...spec },
});
const overhead = { podFixed: { cpu: '100m' } };
const scheduling = {
  nodeSelector: { kata: 'yes' },
  tolerations: [{ key: 'kata', operator: 'Exists' }],
};

describe('a pod of a runtime class', () => {
  test('gets its overhead and its places', async () => {
    await bench.add(classOf({ overhead, scheduling }));
    const own = { key: 'own', operator: 'Exists' };
    const { spec } = await admit<Pod>(
      plugin,
      bench.request(pod({ nodeSelector: { disk: 'ssd' }, tolerations: [own] })),
    );
    expect(spec.overhead).toEqual({ cpu: '100m' });
    expect(spec.nodeSelector).toEqual({ disk: 'ssd', kata: 'yes' });
    expect(spec.tolerations).toEqual([own, { key: 'kata', operator: 'Exists' }]);
  });

  test('may say the same itself', async () => {
    await bench.add(classOf({ overhead, scheduling }));
    const draft = pod({ overhead: { cpu: '100m' }, nodeSelector: { kata: 'yes' } });
    expect(await refusal(plugin, bench.request(draft))).toBeUndefined();
  });

  test.each<[string, object, object, string]>([
    [
      'that is not there',
      {},
      { runtimeClassName: 'gone' },
      'pod rejected: RuntimeClass "gone" not found',
    ],
    [
      'of another overhead',
      { overhead },
      { overhead: { cpu: '1' } },
      "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead",
    ],
    [
      'of no overhead',
      {},
      { overhead: { cpu: '1' } },
      'pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead',
    ],
    [
      'in another place',
      { scheduling },
      { nodeSelector: { kata: 'no' } },
      'conflict: runtimeClass.scheduling.nodeSelector[kata] = yes; pod.spec.nodeSelector[kata] = no',
    ],
  ])('%s', async (_, kata, spec, text) => {
    await bench.add(classOf(kata));
    const given = await refusal(plugin, bench.request(pod(spec)));
    expect(given).toBe(`403 pods "p" is forbidden: ${text}`);
  });

  test('and one of none has no overhead', async () => {
    const none = { runtimeClassName: undefined };
    expect(await refusal(plugin, bench.request(pod(none)))).toBeUndefined();
    expect(await refusal(plugin, bench.request(pod({ ...none, overhead: { cpu: '1' } })))).toBe(
      '403 pods "p" is forbidden: ' +
        'pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead',
    );
  });
});

describe('tolerations of two sources', () => {
  const any: Toleration = { operator: 'Exists' };
  const key: Toleration = { key: 'a', operator: 'Exists' };
  const equal: Toleration = { key: 'a', operator: 'Equal', value: 'x' };
  const noRun: Toleration = { ...key, effect: 'NoExecute' };
  const soon: Toleration = { ...noRun, tolerationSeconds: 10 };
  const late: Toleration = { ...noRun, tolerationSeconds: 20 };

  test.each<[string, Toleration[], Toleration[], Toleration[]]>([
    ['apart', [key], [{ key: 'b', operator: 'Exists' }], [key, { key: 'b', operator: 'Exists' }]],
    ['equal ones once', [key, key], [key], [key]],
    ['the wider of two, in front', [any], [key], [any]],
    ['the wider of two, behind', [key], [any], [any]],
    ['a value under its key', [equal], [key], [key]],
    ['another value stays', [equal], [{ ...equal, value: 'y' }], [equal, { ...equal, value: 'y' }]],
    ['an effect under all of them', [noRun], [key], [key]],
    [
      'an effect does not cover all',
      [noRun],
      [{ ...key, effect: 'NoSchedule' }],
      [noRun, { ...key, effect: 'NoSchedule' }],
    ],
    ['the longer time', [soon], [late], [late]],
    ['for ever is longer than a time', [soon], [noRun], [noRun]],
    ['a time does not cover for ever', [noRun], [soon], [noRun]],
  ])('%s', (_, first, second, merged) => {
    expect(mergeTolerations(first, second)).toEqual(merged);
  });
});
