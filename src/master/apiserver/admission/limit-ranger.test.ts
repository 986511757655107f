import { beforeEach, describe, expect, test } from '@jest/globals';
import type { Pod } from '../../../api/types/core.js';
import { admit, ApiBench, refusal } from '../testkit/api-bench.js';
import type { AdmissionPlugin } from './chain.js';
import { limitRanger } from './limit-ranger.js';

let bench: ApiBench;
let plugin: AdmissionPlugin;
beforeEach(async () => {
  bench = await ApiBench.create();
  plugin = limitRanger(bench.objects);
});

const limits = (...items: readonly object[]): Promise<void> =>
  bench.add({
    apiVersion: 'v1',
    kind: 'LimitRange',
    metadata: { name: 'limits', namespace: 'ns' },
    spec: { limits: items },
  } as never);

interface Resources {
  readonly requests?: Readonly<Record<string, string>>;
  readonly limits?: Readonly<Record<string, string>>;
}

function pod(containers: Readonly<Record<string, Resources>>, init: typeof containers = {}) {
  const list = (of: typeof containers): object[] =>
    Object.entries(of).map(([name, resources]) => ({ name, image: 'i', resources }));
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'p', namespace: 'ns' },
    spec: { containers: list(containers), initContainers: list(init) },
  };
}

describe('defaults', () => {
  test('fill in what a container does not say, and say so', async () => {
    await limits({
      type: 'Container',
      default: { cpu: '1', memory: '2Gi' },
      defaultRequest: { cpu: '100m', memory: '1Gi' },
    });
    const draft = pod(
      { none: {}, some: { requests: { cpu: '200m' }, limits: { memory: '3Gi' } } },
      { first: { requests: { cpu: '1', memory: '1' }, limits: { cpu: '1', memory: '1' } } },
    );
    const { spec, metadata } = await admit<Pod>(plugin, bench.request(draft));
    expect(spec.containers.map(({ resources }) => resources)).toEqual([
      { requests: { cpu: '100m', memory: '1Gi' }, limits: { cpu: '1', memory: '2Gi' } },
      { requests: { cpu: '200m', memory: '1Gi' }, limits: { memory: '3Gi', cpu: '1' } },
    ]);
    expect(metadata.annotations).toEqual({
      'kubernetes.io/limit-ranger':
        'LimitRanger plugin set: cpu, memory request for container none; ' +
        'cpu, memory limit for container none; memory request for container some; ' +
        'cpu limit for container some',
    });
  });

  test('of init containers are named so, and a pod that says all is left alone', async () => {
    await limits({ type: 'Container', default: { cpu: '1' } });
    const full: Resources = { limits: { cpu: '2' } };
    const { metadata } = await admit<Pod>(plugin, bench.request(pod({ c: full }, { i: {} })));
    expect(metadata.annotations?.['kubernetes.io/limit-ranger']).toBe(
      'LimitRanger plugin set: cpu limit for init container i',
    );
    const untouched = pod({ c: full }, { i: full });
    expect(await admit(plugin, bench.request(untouched))).toEqual(untouched);
  });

  test('are those of its own namespace, and of containers only', async () => {
    await limits({ type: 'Pod', max: { cpu: '8' } });
    const elsewhere = { name: 'limits', namespace: 'other' };
    await bench.add({
      apiVersion: 'v1',
      kind: 'LimitRange',
      metadata: elsewhere,
      spec: { limits: [{ type: 'Container', default: { cpu: '1' } }] },
    } as never);
    const request = bench.request(pod({ c: { limits: { cpu: '2' } } }));
    const { spec } = await admit<Pod>(plugin, request);
    expect(spec.containers[0]?.resources).toEqual({ limits: { cpu: '2' } });
  });
});

const head = '403 pods "p" is forbidden: ';

describe('bounds of a pod', () => {
  test.each<[string, object, ReturnType<typeof pod>, string | undefined]>([
    [
      'at least, no request',
      { type: 'Container', min: { cpu: '100m' } },
      pod({ c: {} }),
      'minimum cpu usage per Container is 100m.  No request is specified',
    ],
    [
      'at least, exactly',
      { type: 'Container', min: { cpu: '100m' } },
      pod({ c: { requests: { cpu: '0.1' } } }),
      undefined,
    ],
    [
      'at least, a request too small',
      { type: 'Container', min: { cpu: '100m' } },
      pod({ c: { requests: { cpu: '99m' } } }),
      'minimum cpu usage per Container is 100m, but request is 99m',
    ],
    [
      'at least, a limit too small',
      { type: 'Container', min: { memory: '1Gi' } },
      pod({ c: { requests: { memory: '1Gi' }, limits: { memory: '1023Mi' } } }),
      'minimum memory usage per Container is 1Gi, but limit is 1023Mi',
    ],
    [
      'at most, no limit',
      { type: 'Container', max: { cpu: '1' } },
      pod({ c: { requests: { cpu: '1' } } }),
      'maximum cpu usage per Container is 1.  No limit is specified',
    ],
    [
      'at most, exactly',
      { type: 'Container', max: { cpu: '1' } },
      pod({ c: { limits: { cpu: '1000m' } } }),
      undefined,
    ],
    [
      'at most, a limit too large',
      { type: 'Container', max: { cpu: '1' } },
      pod({ c: { limits: { cpu: '1001m' } } }),
      'maximum cpu usage per Container is 1, but limit is 1001m',
    ],
    [
      'at most, a request too large',
      { type: 'Container', max: { cpu: '1' } },
      pod({ c: { requests: { cpu: '2' }, limits: { cpu: '1' } } }),
      'maximum cpu usage per Container is 1, but request is 2',
    ],
    [
      'init containers count as well',
      { type: 'Container', max: { cpu: '1' } },
      pod({ c: { limits: { cpu: '1' } } }, { i: { limits: { cpu: '2' } } }),
      'maximum cpu usage per Container is 1, but limit is 2',
    ],
    [
      'the containers of a pod together',
      { type: 'Pod', max: { cpu: '3' } },
      pod({ a: { limits: { cpu: '2' } }, b: { limits: { cpu: '1500m' } } }),
      'maximum cpu usage per Pod is 3, but limit is 3500m',
    ],
    [
      'init containers run one after the other',
      { type: 'Pod', max: { cpu: '3' } },
      pod({ a: { limits: { cpu: '2' } } }, { b: { limits: { cpu: '3' } } }),
      undefined,
    ],
    [
      'several at once',
      { type: 'Container', max: { cpu: '1', memory: '1Gi' } },
      pod({ c: { limits: { cpu: '2', memory: '2Gi' } } }),
      '[maximum cpu usage per Container is 1, but limit is 2, ' +
        'maximum memory usage per Container is 1Gi, but limit is 2Gi]',
    ],
    [
      'ratio, no request',
      { type: 'Container', maxLimitRequestRatio: { cpu: '2' } },
      pod({ c: { limits: { cpu: '1' } } }),
      'cpu max limit to request ratio per Container is 2, but no request is specified or request is 0',
    ],
    [
      'ratio, a request of nothing',
      { type: 'Container', maxLimitRequestRatio: { cpu: '2' } },
      pod({ c: { requests: { cpu: '0' }, limits: { cpu: '1' } } }),
      'cpu max limit to request ratio per Container is 2, but no request is specified or request is 0',
    ],
    [
      'ratio, no limit',
      { type: 'Container', maxLimitRequestRatio: { cpu: '2' } },
      pod({ c: { requests: { cpu: '1' } } }),
      'cpu max limit to request ratio per Container is 2, but no limit is specified or limit is 0',
    ],
    [
      'ratio, exactly',
      { type: 'Container', maxLimitRequestRatio: { cpu: '2' } },
      pod({ c: { requests: { cpu: '1' }, limits: { cpu: '2' } } }),
      undefined,
    ],
    [
      'ratio, a little more',
      { type: 'Container', maxLimitRequestRatio: { cpu: '1500m' } },
      pod({ c: { requests: { cpu: '1' }, limits: { cpu: '1501m' } } }),
      'cpu max limit to request ratio per Container is 1500m, but provided ratio is 1.501000',
    ],
    [
      'a bound of claims is none of pods',
      { type: 'PersistentVolumeClaim', max: { storage: '1Gi' } },
      pod({ c: {} }),
      undefined,
    ],
  ])('%s', async (_, item, draft, text) => {
    await limits(item);
    const wanted = text === undefined ? undefined : head + text;
    expect(await refusal(plugin, bench.request(draft))).toBe(wanted);
  });
});

describe('bounds of a claim', () => {
  const claim = (storage?: string, more: object = {}) => ({
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: 'c', namespace: 'ns', ...more },
    spec: { resources: { requests: storage === undefined ? {} : { storage } } },
  });
  const words = '403 persistentvolumeclaims "c" is forbidden: ';
  beforeEach(() =>
    limits({ type: 'PersistentVolumeClaim', min: { storage: '1Gi' }, max: { storage: '2Gi' } }),
  );

  test.each<[string | undefined, string | undefined]>([
    ['1Gi', undefined],
    ['2Gi', undefined],
    ['1023Mi', 'minimum storage usage per PersistentVolumeClaim is 1Gi, but request is 1023Mi'],
    ['2049Mi', 'maximum storage usage per PersistentVolumeClaim is 2Gi, but request is 2049Mi'],
    [
      undefined,
      '[minimum storage usage per PersistentVolumeClaim is 1Gi.  No request is specified, ' +
        'maximum storage usage per PersistentVolumeClaim is 2Gi.  No request is specified]',
    ],
  ])('%s', async (storage, text) => {
    const wanted = text === undefined ? undefined : words + text;
    expect(await refusal(plugin, bench.request(claim(storage)))).toBe(wanted);
    const grown = bench.request(claim(storage), { old: claim('1Gi') });
    expect(await refusal(plugin, grown)).toBe(wanted);
  });

  test('do not count for its status, nor for one that is deleted', async () => {
    const old = claim('9Gi');
    const status = bench.request(claim('9Gi'), { old, subresource: 'status' });
    expect(await refusal(plugin, status)).toBeUndefined();
    const deletionTimestamp = '2026-01-01T00:00:00Z';
    const finalizers = ['kubernetes.io/pvc-protection'];
    const ends = claim('9Gi', { deletionTimestamp, finalizers });
    const freed = bench.request(claim('9Gi', { deletionTimestamp }), { old: ends });
    expect(await refusal(plugin, freed)).toBeUndefined();
  });
});
