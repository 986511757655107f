import { beforeEach, describe, expect, test } from '@jest/globals';
import type { KindDeclaration, ScalePaths } from '../../../api/kind.js';
import type { KubeObject } from '../../../api/object.js';
import type { Deployment } from '../../../api/types/workloads.js';
import { Writer } from '../registry/writer.js';
import { ApiBench } from '../testkit/api-bench.js';
import { changeScale, scaleOf } from './scale.js';

const paths: ScalePaths = {
  specReplicasPath: '.spec.replicas',
  statusReplicasPath: '.status.replicas',
  labelSelectorPath: '.spec.selector',
};

let bench: ApiBench;
let deployments: KindDeclaration;
const deployment = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'd', namespace: 'ns', uid: 'u', creationTimestamp: '2026-01-01T00:00:00Z' },
  spec: {
    replicas: 3,
    selector: { matchLabels: { app: 'web' } },
    template: {
      metadata: { labels: { app: 'web' } },
      spec: { containers: [{ name: 'c', image: 'i' }] },
    },
  },
  status: { replicas: 2 },
};

beforeEach(async () => {
  bench = await ApiBench.create();
  deployments = bench.kind('apps/v1', 'Deployment');
  await bench.add(deployment);
});

const object = (more: object): KubeObject => ({ ...deployment, ...more });

describe('the scale of an object', () => {
  test('is what it wants, what it has, and what it selects', () => {
    expect(scaleOf(deployments, object({}), paths)).toMatchObject({
      kind: 'Scale',
      apiVersion: 'autoscaling/v1',
      metadata: deployment.metadata,
      spec: { replicas: 3 },
      status: { replicas: 2, selector: 'app=web' },
    });
  });

  test.each<[string, object, ScalePaths, object]>([
    ['nothing wanted is left out', { spec: { replicas: 0 } }, paths, { spec: {} }],
    [
      'nothing said is nothing',
      { spec: undefined, status: undefined },
      paths,
      { status: { replicas: 0 } },
    ],
    [
      'a selector as text',
      { status: { picks: 'a in (b)' } },
      { ...paths, labelSelectorPath: '.status.picks' },
      { status: { selector: 'a in (b)' } },
    ],
    [
      'an int64 loses its upper half, as in Go',
      { spec: { replicas: 2n ** 53n + 1n }, status: { replicas: 2 ** 32 + 5 } },
      paths,
      { spec: { replicas: 1 }, status: { replicas: 5 } },
    ],
    [
      'inherited names are no fields',
      {},
      { ...paths, specReplicasPath: '.constructor.length' },
      { spec: {} },
    ],
  ])('%s', (_, more, by, scale) => {
    expect(scaleOf(deployments, object(more), by)).toMatchObject(scale);
  });

  test('of a ReplicationController has a plain selector', () => {
    const controllers = bench.kind('v1', 'ReplicationController');
    const scale = scaleOf(controllers, object({ spec: { selector: { a: 'b', c: 'd' } } }), paths);
    expect(scale).toMatchObject({ status: { selector: 'a=b,c=d' } });
  });
});

describe('a change of scale', () => {
  const change = (wanted: unknown, by = paths): Promise<KubeObject> => {
    const admission = { mutate: () => Promise.resolve(), validate: () => Promise.resolve() };
    const { objects } = bench;
    const writer = new Writer({ objects, admission, mayCreate: () => Promise.resolve() });
    const context = bench.context(deployment, { subresource: 'scale' });
    return changeScale(context, by, () => wanted, { objects, writer, kinds: bench.kinds });
  };
  const named = (wanted: { metadata?: object }): object => ({
    ...wanted,
    metadata: { name: 'd', ...wanted.metadata },
  });
  const present = (): Promise<Deployment> => bench.present<Deployment>(deployment);

  test('changes the replicas alone', async () => {
    const answer = await change(
      named({ spec: { replicas: 7, other: 1 }, metadata: { labels: { a: 'b' } } } as object),
    );
    expect(answer).toMatchObject({ kind: 'Scale', spec: { replicas: 7 } });
    const { spec, metadata } = await present();
    expect(spec.replicas).toBe(7);
    expect(metadata.labels).toBeUndefined();
  });

  test.each<[object, string]>([
    [
      { metadata: {} },
      'the name of the object (d based on URL) was undeterminable: name must be provided',
    ],
    [
      { metadata: { name: 'e' } },
      'the name of the object (e) does not match the name on the URL (d)',
    ],
    [
      { kind: 'Deployment', metadata: { name: 'd' } },
      'Deployment in version "v1" cannot be handled as a Scale: no kind "Deployment" is ' +
        'registered for version "autoscaling/v1" in scheme "pkg/api/legacyscheme/scheme.go:30"',
    ],
    [
      { apiVersion: 'apps/v1', metadata: { name: 'd' } },
      'Scale in version "v1" cannot be handled as a Scale: no kind "Scale" is ' +
        'registered for version "apps/v1" in scheme "pkg/api/legacyscheme/scheme.go:30"',
    ],
  ])('to %j is none of this object', async (wanted, message) => {
    await expect(change(wanted)).rejects.toMatchObject({ code: 400, message });
    expect((await present()).spec.replicas).toBe(3);
  });

  test('without a number asks for none', async () => {
    await change(named({ spec: {} } as object));
    expect((await present()).spec.replicas).toBe(0);
  });

  test('is of the version that it names', async () => {
    const stale = { metadata: { name: 'd', resourceVersion: '1' }, spec: { replicas: 7 } };
    await expect(change(stale)).rejects.toMatchObject({ code: 409, reason: 'Conflict' });
    const { resourceVersion } = (await present()).metadata;
    await change({ metadata: { name: 'd', resourceVersion }, spec: { replicas: 7 } });
    expect((await present()).spec.replicas).toBe(7);
  });

  test.each<[unknown, number, string]>([
    ['x', 400, 'Scale must be an object'],
    [
      { spec: { replicas: -1 } },
      422,
      'Scale.autoscaling "d" is invalid: spec.replicas: ' +
        'Invalid value: -1: must be greater than or equal to 0',
    ],
    [
      { spec: { replicas: '7' } },
      400,
      'Scale in version "v1" cannot be handled as a Scale: json: cannot unmarshal string ' +
        'into Go struct field ScaleSpec.spec.replicas of type int32',
    ],
    [
      { spec: { replicas: 1.5 } },
      400,
      'Scale in version "v1" cannot be handled as a Scale: json: cannot unmarshal number 1.5 ' +
        'into Go struct field ScaleSpec.spec.replicas of type int32',
    ],
    [
      { spec: { replicas: 2 ** 31 } },
      400,
      'Scale in version "v1" cannot be handled as a Scale: json: cannot unmarshal number ' +
        '2147483648 into Go struct field ScaleSpec.spec.replicas of type int32',
    ],
  ])('%j is refused', async (wanted, code, message) => {
    const given = typeof wanted === 'string' ? wanted : named(wanted as object);
    await expect(change(given)).rejects.toMatchObject({ code, message });
    expect((await present()).spec.replicas).toBe(3);
  });

  test('by a path through what all objects inherit changes nobody else', async () => {
    const by = { ...paths, specReplicasPath: '.__proto__.polluted' };
    await change(named({ spec: { replicas: 7 } } as object), by);
    expect({}).not.toHaveProperty('polluted');
    expect((await present()).spec.replicas).toBe(3);
  });
});
