import { describe, expect, test } from '@jest/globals';
import { podSchema } from '../core/pod-schema.js';
import { deploymentSchema } from '../apps/schemas.js';
import { serviceSchema } from '../core/service-schema.js';
import { applyJsonPatch } from './json-patch.js';
import { applyMergePatch } from './merge-patch.js';
import { applyStrategicMergePatch } from './strategic-merge.js';

describe('strategic merge patch', () => {
  const pod = {
    metadata: { name: 'p', finalizers: ['a', 'b'], labels: { x: '1' } },
    spec: {
      containers: [
        { name: 'one', image: 'i1', args: ['a'] },
        { name: 'two', image: 'i2' },
      ],
      tolerations: [{ key: 'k' }],
      volumes: [{ name: 'v', emptyDir: {} }],
    },
  };
  const apply = (patch: unknown) =>
    applyStrategicMergePatch(podSchema, structuredClone(pod), patch) as typeof pod;

  test('containers merge by name', () => {
    const patch = { spec: { containers: [{ name: 'two', image: 'new' }, { name: 'three' }] } };
    expect(apply(patch).spec.containers).toEqual([
      { name: 'one', image: 'i1', args: ['a'] },
      { name: 'two', image: 'new' },
      { name: 'three' },
    ]);
  });

  test('an item is deleted, replaced', () => {
    const patch = {
      spec: {
        containers: [
          { name: 'two', $patch: 'delete' },
          { name: 'one', image: 'x', $patch: 'replace' },
        ],
      },
    };
    expect(apply(patch).spec.containers).toEqual([{ name: 'one', image: 'x' }]);
  });

  test('a list is replaced by a directive of its own', () => {
    const patch = { spec: { containers: [{ name: 'z' }, { $patch: 'replace' }] } };
    expect(apply(patch).spec.containers).toEqual([{ name: 'z' }]);
  });

  test('atomic lists are replaced', () => {
    expect(apply({ spec: { tolerations: [{ key: 'n' }] } }).spec.tolerations).toEqual([
      { key: 'n' },
    ]);
    const patch = { spec: { containers: [{ name: 'one', args: ['b'] }] } };
    expect(apply(patch).spec.containers[0]?.args).toEqual(['b']);
  });

  test('primitive lists merge and lose items', () => {
    expect(apply({ metadata: { finalizers: ['c', 'a'] } }).metadata.finalizers).toEqual([
      'c',
      'a',
      'b',
    ]);
    expect(
      apply({ metadata: { '$deleteFromPrimitiveList/finalizers': ['a'] } }).metadata.finalizers,
    ).toEqual(['b']);
  });

  test('order is set', () => {
    const patch = {
      spec: {
        '$setElementOrder/containers': [{ name: 'three' }, { name: 'one' }, { name: 'two' }],
        containers: [{ name: 'three', image: 'i3' }],
      },
    };
    expect(apply(patch).spec.containers.map((container) => container.name)).toEqual([
      'three',
      'one',
      'two',
    ]);
  });

  test('retainKeys drops other sources', () => {
    const patch = {
      spec: {
        volumes: [{ name: 'v', $retainKeys: ['name', 'hostPath'], hostPath: { path: '/' } }],
      },
    };
    expect(apply(patch).spec.volumes).toEqual([{ name: 'v', hostPath: { path: '/' } }]);
    const deployment = { spec: { strategy: { type: 'RollingUpdate', rollingUpdate: {} } } };
    expect(
      applyStrategicMergePatch(deploymentSchema, deployment, {
        spec: { strategy: { $retainKeys: ['type'], type: 'Recreate' } },
      }),
    ).toEqual({ spec: { strategy: { type: 'Recreate' } } });
  });

  test('nulls delete, maps merge, maps are replaced', () => {
    expect(apply({ metadata: { labels: { x: null, y: '2' } } }).metadata.labels).toEqual({
      y: '2',
    });
    expect(apply({ metadata: { labels: { $patch: 'replace', y: '2' } } }).metadata.labels).toEqual({
      y: '2',
    });
  });

  test('ports of services merge by port', () => {
    const service = { spec: { ports: [{ port: 80, targetPort: 1 }] } };
    const patch = { spec: { ports: [{ port: 80, targetPort: 2 }, { port: 81 }] } };
    expect(applyStrategicMergePatch(serviceSchema, service, patch)).toEqual({
      spec: { ports: [{ port: 80, targetPort: 2 }, { port: 81 }] },
    });
  });

  test('a missing merge key is an error', () => {
    expect(() => apply({ spec: { containers: [{ image: 'x' }] } })).toThrow(
      'map: map[image:x] does not contain declared merge key: name',
    );
  });
});

test('merge patch', () => {
  expect(applyMergePatch({ a: { b: 1, c: 2 }, d: [1] }, { a: { b: null }, d: [2] })).toEqual({
    a: { c: 2 },
    d: [2],
  });
});

describe('JSON patch', () => {
  const target = { metadata: { labels: { a: '1' } }, list: [1, 2, 3] };
  test.each<[unknown, unknown]>([
    [
      [{ op: 'add', path: '/metadata/labels/x~1y', value: '2' }],
      { metadata: { labels: { a: '1', 'x/y': '2' } }, list: [1, 2, 3] },
    ],
    [[{ op: 'add', path: '/list/-', value: 4 }], { ...target, list: [1, 2, 3, 4] }],
    [[{ op: 'remove', path: '/list/0' }], { ...target, list: [2, 3] }],
    [
      [{ op: 'move', from: '/list', path: '/metadata/l' }],
      { metadata: { labels: { a: '1' }, l: [1, 2, 3] } },
    ],
    [[{ op: 'test', path: '/list', value: [1, 2, 3] }], target],
  ])('%j', (patch, expected) => {
    expect(applyJsonPatch(target, patch)).toEqual(expected);
  });

  test.each<[unknown, string]>([
    [
      [{ op: 'remove', path: '/nope' }],
      'remove operation does not apply: doc is missing path: "/nope": missing value',
    ],
    [[{ op: 'test', path: '/list/0', value: 2 }], 'testing value /list/0 failed: test failed'],
    [
      [{ op: 'replace', path: '/metadata/nope', value: 2 }],
      'replace operation does not apply: doc is missing key: /metadata/nope: missing value',
    ],
    [{}, 'json: cannot unmarshal object into Go value of type jsonpatch.Patch'],
  ])('%j fails', (patch, text) => {
    expect(() => applyJsonPatch(target, patch)).toThrow(text);
  });
});
