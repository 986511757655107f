import { beforeEach, describe, expect, test } from '@jest/globals';
import type { PersistentVolumeClaim } from '../../../api/types/core.js';
import type { Ingress } from '../../../api/types/networking.js';
import { admit, ApiBench, refusal } from '../testkit/api-bench.js';
import type { AdmissionPlugin } from './chain.js';
import { claimResize } from './claim-resize.js';
import { storageDefaults } from './storage-defaults.js';

let bench: ApiBench;
beforeEach(async () => {
  bench = await ApiBench.create();
});

const stable = 'storageclass.kubernetes.io/is-default-class';
const beta = 'storageclass.beta.kubernetes.io/is-default-class';

function storageClass(name: string, annotations: object, created = '2026-01-01T00:00:00Z') {
  return {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: { name, annotations, creationTimestamp: created },
    provisioner: 'example.com/disk',
  };
}

const claim = (spec: object = {}, annotations: object = {}) => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name: 'c', namespace: 'ns', annotations },
  spec,
});

describe('the class of a claim', () => {
  let plugin: AdmissionPlugin;
  beforeEach(() => {
    [plugin] = storageDefaults(bench.objects) as [AdmissionPlugin];
  });
  const classOf = async (draft = claim()): Promise<string | undefined> =>
    (await admit<PersistentVolumeClaim>(plugin, bench.request(draft))).spec.storageClassName;

  test.each<[string, ReturnType<typeof storageClass>[], string | undefined]>([
    [
      'none is the default',
      [storageClass('a', {}), storageClass('b', { [stable]: 'false' })],
      undefined,
    ],
    ['the default', [storageClass('a', {}), storageClass('b', { [stable]: 'true' })], 'b'],
    ['the default by its old name', [storageClass('b', { [beta]: 'true' })], 'b'],
    [
      'the newest of several',
      [
        storageClass('a', { [stable]: 'true' }, '2026-01-01T00:00:00Z'),
        storageClass('b', { [stable]: 'true' }, '2026-01-03T00:00:00Z'),
        storageClass('c', { [stable]: 'true' }, '2026-01-02T00:00:00Z'),
      ],
      'b',
    ],
    [
      'the first by name of equals',
      [storageClass('z', { [stable]: 'true' }), storageClass('b', { [beta]: 'true' })],
      'b',
    ],
  ])('%s', async (_, classes, name) => {
    await bench.add(...classes);
    expect(await classOf()).toBe(name);
  });

  test('is its own where it names one, be it none or by the old annotation', async () => {
    await bench.add(storageClass('b', { [stable]: 'true' }));
    expect(await classOf(claim({ storageClassName: 'own' }))).toBe('own');
    expect(await classOf(claim({ storageClassName: '' }))).toBe('');
    const old = claim({}, { 'volume.beta.kubernetes.io/storage-class': 'old' });
    expect(await classOf(old)).toBeUndefined();
  });

  test('does not change afterwards', () => {
    expect(plugin.handles(bench.request(claim(), { old: claim() }))).toBe(false);
  });
});

describe('the class of an ingress', () => {
  const ingress = (spec: object = {}, annotations: object = {}) => ({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: { name: 'i', namespace: 'ns', annotations },
    spec,
  });
  test('is the default one, unless it names one in either way', async () => {
    const [, plugin] = storageDefaults(bench.objects) as [AdmissionPlugin, AdmissionPlugin];
    const classOf = async (draft = ingress()): Promise<string | undefined> =>
      (await admit<Ingress>(plugin, bench.request(draft))).spec.ingressClassName;
    expect(await classOf()).toBeUndefined();
    await bench.add({
      apiVersion: 'networking.k8s.io/v1',
      kind: 'IngressClass',
      metadata: {
        name: 'edge',
        annotations: { 'ingressclass.kubernetes.io/is-default-class': 'true' },
      },
    } as never);
    expect(await classOf()).toBe('edge');
    expect(await classOf(ingress({ ingressClassName: 'own' }))).toBe('own');
    expect(await classOf(ingress({}, { 'kubernetes.io/ingress.class': 'old' }))).toBeUndefined();
  });
});

describe('a claim that grows', () => {
  const sized = (storage: string, more: object = {}, phase = 'Bound') => ({
    ...claim({ storageClassName: 'grows', resources: { requests: { storage } }, ...more }),
    status: { phase },
  });
  const text =
    'only dynamically provisioned pvc can be resized and ' +
    'the storageclass that provisions the pvc must support resize';
  const bound = 'Only bound persistent volume claims can be expanded';

  test.each<[string, ReturnType<typeof sized>, ReturnType<typeof sized>, string | undefined]>([
    ['in a class that lets it', sized('1Gi'), sized('2Gi'), undefined],
    ['by nothing', sized('1Gi', {}, 'Pending'), sized('1024Mi', {}, 'Pending'), undefined],
    ['backwards is not its concern', sized('2Gi'), sized('1Gi'), undefined],
    ['before it is bound', sized('1Gi', {}, 'Pending'), sized('2Gi', {}, 'Pending'), bound],
    [
      'in a class that does not say so',
      sized('1Gi', { storageClassName: 'silent' }),
      sized('2Gi', { storageClassName: 'silent' }),
      text,
    ],
    [
      'in a class that is not there',
      sized('1Gi', { storageClassName: 'gone' }),
      sized('2Gi', { storageClassName: 'gone' }),
      text,
    ],
    [
      'in no class',
      sized('1Gi', { storageClassName: '' }),
      sized('2Gi', { storageClassName: '' }),
      text,
    ],
    ['into another class', sized('1Gi', { storageClassName: '' }), sized('2Gi'), text],
  ])('%s', async (_, old, next, refused) => {
    await bench.add(
      { ...storageClass('grows', {}), allowVolumeExpansion: true } as never,
      storageClass('silent', {}),
    );
    const wanted =
      refused === undefined ? undefined : `403 persistentvolumeclaims "c" is forbidden: ${refused}`;
    const plugin = claimResize(bench.objects);
    expect(await refusal(plugin, bench.request(next, { old }))).toBe(wanted);
    const status = bench.request(next, { old, subresource: 'status' });
    expect(await refusal(plugin, status)).toBeUndefined();
  });
});
