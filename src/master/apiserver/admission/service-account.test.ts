import { beforeEach, describe, expect, test } from '@jest/globals';
import type { Pod } from '../../../api/types/core.js';
import { admit, ApiBench, refusal } from '../testkit/api-bench.js';
import type { AdmissionPlugin } from './chain.js';
import { serviceAccount } from './service-account.js';

const tokenPath = '/var/run/secrets/kubernetes.io/serviceaccount';
let bench: ApiBench;
let plugin: AdmissionPlugin;
beforeEach(async () => {
  bench = await ApiBench.create();
  plugin = serviceAccount(bench.objects);
});

const account = (name: string, more: object = {}) => ({
  apiVersion: 'v1',
  kind: 'ServiceAccount',
  metadata: { name, namespace: 'ns' },
  ...more,
});

function pod(spec: object = {}, metadata: object = {}) {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'p', namespace: 'ns', ...metadata },
    spec: { containers: [{ name: 'c', image: 'i' }], ...spec },
  };
}

const create = (draft: ReturnType<typeof pod>): Promise<Pod> =>
  admit<Pod>(plugin, bench.request(draft));
const refused = (draft: ReturnType<typeof pod>): Promise<string | undefined> =>
  refusal(plugin, bench.request(draft));

describe('a pod', () => {
  test('without an account is the default one, whose token all its containers get', async () => {
    await bench.add(account('default'));
    const { spec } = await create(
      pod({ initContainers: [{ name: 'i', image: 'i' }], volumes: [{ name: 'v', emptyDir: {} }] }),
    );
    expect(spec.serviceAccountName).toBe('default');
    expect(spec.serviceAccount).toBe('default');
    const name = spec.volumes?.[1]?.name ?? '';
    expect(name).toMatch(/^kube-api-access-[a-z0-9]{5}$/);
    const mount = { name, readOnly: true, mountPath: tokenPath };
    expect(spec.containers[0]?.volumeMounts).toEqual([mount]);
    expect(spec.initContainers?.[0]?.volumeMounts).toEqual([mount]);
    expect(spec.volumes?.[1]).toEqual({
      name,
      projected: {
        defaultMode: 420,
        sources: [
          { serviceAccountToken: { expirationSeconds: 3607, path: 'token' } },
          { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
          {
            downwardAPI: {
              items: [
                {
                  path: 'namespace',
                  fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' },
                },
              ],
            },
          },
        ],
      },
    });
  });

  test('of an account that is not there is refused; one that just came is found', async () => {
    expect(await refused(pod({ serviceAccountName: 'builder' }))).toBe(
      '403 pods "p" is forbidden: error looking up service account ns/builder: ' +
        'serviceaccount "builder" not found',
    );
    await bench.objects.create(bench.place(account('builder')), account('builder'));
    expect((await create(pod({ serviceAccountName: 'builder' }))).spec.serviceAccount).toBe(
      'builder',
    );
  });

  test.each<[pod: boolean | undefined, account: boolean | undefined, mounts: boolean]>([
    [undefined, undefined, true],
    [undefined, false, false],
    [undefined, true, true],
    [true, false, true],
    [false, true, false],
    [false, undefined, false],
  ])('that says %s, of an account that says %s, about its token', async (own, theirs, mounts) => {
    await bench.add(account('default', { automountServiceAccountToken: theirs }));
    const { spec } = await create(pod({ automountServiceAccountToken: own }));
    expect(spec.volumes !== undefined).toBe(mounts);
    expect(spec.containers[0]?.volumeMounts !== undefined).toBe(mounts);
  });

  test('keeps what it mounts in the place of the token', async () => {
    await bench.add(account('default'));
    const own = { name: 'mine', mountPath: tokenPath };
    const volumes = [{ name: 'mine', emptyDir: {} }];
    const containers = [{ name: 'c', image: 'i', volumeMounts: [own] }];
    const { spec } = await create(pod({ containers, volumes }));
    expect(spec.volumes).toEqual(volumes);
    expect(spec.containers[0]?.volumeMounts).toEqual([own]);
  });

  test('that has the volume of the token already gets no second one', async () => {
    await bench.add(account('default'));
    const volumes = [{ name: 'kube-api-access-abcde', projected: { sources: [] } }];
    const { spec } = await create(pod({ volumes }));
    expect(spec.volumes).toEqual(volumes);
    expect(spec.containers[0]?.volumeMounts?.[0]?.name).toBe('kube-api-access-abcde');
  });

  test('pulls its images with the secrets of its account, unless it names its own', async () => {
    const imagePullSecrets = [{ name: 'registry' }];
    await bench.add(account('default', { imagePullSecrets }));
    expect((await create(pod())).spec.imagePullSecrets).toEqual(imagePullSecrets);
    const own = [{ name: 'own' }];
    expect((await create(pod({ imagePullSecrets: own }))).spec.imagePullSecrets).toEqual(own);
  });

  test('that lost its account on the way is refused', async () => {
    const request = bench.request(pod());
    await expect(plugin.validate?.(request)).rejects.toMatchObject({
      message: 'pods "p" is forbidden: no service account specified for pod ns/p',
    });
  });
});

describe('a mirror pod', () => {
  const mirror = { annotations: { 'kubernetes.io/config.mirror': 'x' } };
  const head = '403 pods "p" is forbidden: a mirror pod may not ';

  test('is left as it is', async () => {
    const draft = pod({}, mirror);
    expect(await create(draft)).toEqual(draft);
  });

  test.each<[object, string]>([
    [{ serviceAccountName: 'default' }, 'reference service accounts'],
    [{ volumes: [{ name: 'v', secret: { secretName: 's' } }] }, 'reference secrets'],
    [{ imagePullSecrets: [{ name: 's' }] }, 'reference secrets'],
    [
      {
        volumes: [{ name: 'v', projected: { sources: [{ serviceAccountToken: { path: 't' } }] } }],
      },
      'use ServiceAccountToken volume projections',
    ],
  ])('opens nothing: %j', async (spec, text) => {
    expect(await refused(pod(spec, mirror))).toBe(head + text);
  });
});

describe('an account that limits its secrets', () => {
  const limited = (value: string): object => ({
    metadata: {
      name: 'default',
      namespace: 'ns',
      annotations: { 'kubernetes.io/enforce-mountable-secrets': value },
    },
    secrets: [{ name: 'listed' }],
  });
  const uses = (name: string): object[] => [
    { name: 'd', image: 'i', envFrom: [{ secretRef: { name } }] },
  ];
  const text =
    'referencing secret.secretName="other" is not allowed because ' +
    'service account default does not reference that secret';

  test.each([
    ['true', true],
    ['1', true],
    ['T', true],
    ['false', false],
    ['yes', false],
    ['', false],
  ])('by the annotation %j', async (value, enforced) => {
    await bench.add(account('default', limited(value)));
    const head = '403 pods "p" is forbidden: container d with envFrom ';
    expect(await refused(pod({ containers: uses('other') }))).toBe(
      enforced ? head + text : undefined,
    );
    expect(await refused(pod({ containers: uses('listed') }))).toBeUndefined();
  });

  test('limits the ephemeral containers that are added, and these alone', async () => {
    await bench.add(account('default', limited('true')));
    const old = pod({ serviceAccountName: 'default', containers: uses('other') });
    const add = (name: string): Promise<string | undefined> => {
      const next = pod({ ...old.spec, ephemeralContainers: uses(name) });
      const request = bench.request(next, { old, subresource: 'ephemeralcontainers' });
      return refusal(plugin, request);
    };
    expect(await add('listed')).toBeUndefined();
    expect(await add('other')).toBe(
      `403 pods "p" is forbidden: ephemeral container d with envFrom ${text}`,
    );
  });
});

test('other writes of pods are none of its concern', async () => {
  const old = pod();
  expect(plugin.handles(bench.request(pod(), { old }))).toBe(false);
  expect(plugin.handles(bench.request(pod(), { old, subresource: 'status' }))).toBe(false);
  expect(plugin.handles(bench.request(pod(), { subresource: 'binding' }))).toBe(false);
});
