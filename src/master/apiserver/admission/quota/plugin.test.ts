import { beforeEach, describe, expect, test } from '@jest/globals';
import type { ResourceQuota } from '../../../../api/types/core.js';
import { admit, ApiBench, refusal } from '../../testkit/api-bench.js';
import type { AdmissionPlugin } from '../chain.js';
import { resourceQuota } from './plugin.js';

const quota = (name: string, scopes: readonly string[], hard: object, used: object): object => ({
  apiVersion: 'v1',
  kind: 'ResourceQuota',
  metadata: { name, namespace: 'ns' },
  spec: { hard, scopes },
  status: { hard, used },
});

const pod = (spec: object): never =>
  ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'p', namespace: 'ns' },
    spec: { containers: [{ name: 'c', image: 'i' }], ...spec },
  }) as never;

const sized = (cpu: string): never =>
  pod({ containers: [{ name: 'c', image: 'i', resources: { requests: { cpu } } }] });

let bench: ApiBench;
let plugin: AdmissionPlugin;
const given = async (...quotas: readonly object[]): Promise<void> => {
  bench = await ApiBench.create();
  plugin = resourceQuota(bench.objects);
  await bench.add(...(quotas as never[]));
};
const used = async (name: string): Promise<unknown> => {
  const draft = quota(name, [], {}, {}) as never;
  return (await bench.present<ResourceQuota>(draft)).status?.used;
};

describe('an update that moves a pod to another scope', () => {
  beforeEach(() =>
    given(
      quota('ending', ['Terminating'], { pods: '1' }, { pods: '0' }),
      quota('staying', ['NotTerminating'], { pods: '5' }, { pods: '1' }),
    ),
  );

  test('is charged there in full', async () => {
    const request = bench.request(pod({ activeDeadlineSeconds: 60 }), { old: pod({}) });
    await admit(plugin, request);
    expect(await used('ending')).toEqual({ pods: '1' });
    const next = bench.request(pod({ activeDeadlineSeconds: 60 }), { old: pod({}) });
    expect(await refusal(plugin, next)).toMatch(/^403 .*exceeded quota: ending, requested: pods=1/);
  });

  test('others are not', async () => {
    const old = pod({ activeDeadlineSeconds: 90 });
    await admit(plugin, bench.request(pod({ activeDeadlineSeconds: 60 }), { old }));
    expect(await used('ending')).toEqual({ pods: '0' });
  });
});

test('a pod that is resized is charged for what it asks beyond', async () => {
  await given(quota('cpu', [], { 'requests.cpu': '1' }, { 'requests.cpu': '600m' }));
  const resize = (to: string): ReturnType<ApiBench['request']> =>
    bench.request(sized(to), { old: sized('600m'), subresource: 'resize' });
  await admit(plugin, resize('900m'));
  expect(await used('cpu')).toEqual({ 'requests.cpu': '900m' });
  expect(await refusal(plugin, resize('1'))).toMatch(
    /^403 .*exceeded quota: cpu, requested: requests.cpu=400m, used: requests.cpu=900m/,
  );
});
