import { describe, expect, test } from '@jest/globals';
import { Prng } from '../../lib/prng.js';
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

  test('a list that was not there is taken as it is, with all items of one key', () => {
    const ports = [
      { containerPort: 53, protocol: 'UDP' },
      { containerPort: 53, protocol: 'TCP' },
    ];
    const patch = { spec: { containers: [{ name: 'one', ports }] } };
    expect(apply(patch).spec.containers[0]).toMatchObject({ name: 'one', ports });
  });

  test('a field that the patch sets and does not retain makes the patch a bad one', () => {
    const volumes = (keys: readonly string[]) => ({
      spec: { volumes: [{ name: 'v', $retainKeys: keys, hostPath: { path: '/' } }] },
    });
    expect(apply(volumes(['name', 'hostPath'])).spec.volumes).toEqual([
      { name: 'v', hostPath: { path: '/' } },
    ]);
    expect(() => apply(volumes(['name']))).toThrow('invalid patch format of retainKeys');
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

  test.each<[object, string, string]>([
    [
      { spec: { containers: [{ image: 'x' }] } },
      'BadRequest',
      'map: map[image:x] does not contain declared merge key: name',
    ],
    [{ spec: { $patch: 'x' } }, 'BadRequest', 'unknown patch type: x in map: map[$patch:x]'],
    [
      { spec: { '$setElementOrder/containers': 5 } },
      'BadRequest',
      'expected a []interface {}, but received a int64',
    ],
    [
      { metadata: { '$deleteFromPrimitiveList/finalizers': 5 } },
      'BadRequest',
      'invalid patch format of $deleteFromPrimitiveList/',
    ],
  ])('%j is refused: %s', (patch, reason, message) => {
    expect(() => apply(patch)).toThrow(expect.objectContaining({ reason, message }));
  });

  test('nothing is taken out of a list that is not there', () => {
    const gone = { spec: { '$deleteFromPrimitiveList/imagePullSecrets': 5 } };
    expect(apply(gone).spec).toEqual(pod.spec);
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
    [[{ op: 'replace', path: '/new', value: 1 }], { ...target, new: 1 }],
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
      [{ op: 'replace', path: '/list/nope', value: 2 }],
      'strconv.Atoi: parsing "nope": invalid syntax',
    ],
    [{}, 'json: cannot unmarshal object into Go value of type jsonpatch.Patch'],
    [2n ** 53n, 'json: cannot unmarshal number into Go value of type jsonpatch.Patch'],
  ])('%j fails', (patch, text) => {
    expect(() => applyJsonPatch(target, patch)).toThrow(text);
  });
});

test('a long integer in the place of a patch or of a directive is refused by its digits', () => {
  const long = 2n ** 53n + 1n;
  const strategic = (patch: unknown) => () => applyStrategicMergePatch(serviceSchema, {}, patch);
  expect(strategic({ $patch: long })).toThrow(
    'unknown patch type: %!s(int64=9007199254740993) in map: map[$patch:9007199254740993]',
  );
  expect(strategic({ spec: { $patch: long } })).toThrow('9007199254740993');
  expect(strategic(long)).toThrow('cannot unmarshal number into Go value of type map');
  expect(() => applyMergePatch({}, long)).toThrow('cannot unmarshal number into Go value');
});

describe('the cost of a patch', () => {
  test('copies add up to a limit, in the words of Kubernetes’ library', () => {
    const grow = Array.from({ length: 40 }, () => ({ op: 'copy', from: '/a', path: '/a/-' }));
    expect(() => applyJsonPatch({ a: ['x'] }, grow)).toThrow(
      /^Unable to complete the copy, the accumulated size increase of copy is \d+, exceeding the limit 3145728$/,
    );
    const few = Array.from({ length: 100 }, () => ({ op: 'copy', from: '/a/0', path: '/a/-' }));
    expect(applyJsonPatch({ a: ['x'] }, few)).toEqual({ a: Array(101).fill('x') });
  });

  test('what is moved aside in lists adds up to a limit', () => {
    const target = { a: Array<number>(100_000).fill(1) };
    const patch = Array.from({ length: 1_000 }, () => ({ op: 'add', path: '/a/0', value: 2 }));
    expect(() => applyJsonPatch(target, patch)).toThrow('moves more than');
  });

  test('moves nest no deeper than a body may be', () => {
    const deeper = [
      { op: 'add', path: '/b', value: {} },
      { op: 'move', from: '/a', path: '/b/a' },
      { op: 'move', from: '/b', path: '/a' },
    ];
    const patch = Array.from({ length: 3_000 }, () => deeper).flat();
    expect(() => applyJsonPatch({ a: {} }, patch)).toThrow('exceeded max depth');
    expect(applyJsonPatch({ a: {} }, deeper)).toEqual({ a: { a: {} } });
  });

  test('a field named __proto__ is a field', () => {
    const patched = applyJsonPatch({ a: {} }, [{ op: 'add', path: '/a/__proto__', value: {} }]);
    expect(Object.keys((patched as { a: object }).a)).toEqual(['__proto__']);
  });
});

describe('large strategic merges', () => {
  /** Lists merged by key in the plainest way: look for each among all. */
  function naive(original: readonly Item[], patch: readonly Item[]): Item[] {
    let out = [...original];
    for (const item of patch) {
      if (item.$patch === 'delete') out = out.filter((other) => other.name !== item.name);
      else {
        const index = out.findIndex((other) => other.name === item.name);
        if (index < 0) out.push(item);
        else out[index] = { ...out[index], ...item };
      }
    }
    const wanted = (item: Item): number => patch.findIndex((other) => other.name === item.name);
    const server = (item: Item): number => original.findIndex((other) => other.name === item.name);
    const named = out.filter((item) => wanted(item) >= 0).sort((a, b) => wanted(a) - wanted(b));
    const kept = out.filter((item) => wanted(item) < 0).sort((a, b) => server(a) - server(b));
    const merged: Item[] = [];
    for (const item of named) {
      const place = server(item);
      const before = place < 0 ? 0 : kept.filter((other) => server(other) < place).length;
      merged.push(...kept.splice(0, before));
      merged.push(item);
    }
    return [...merged, ...kept];
  }
  interface Item {
    readonly name: string;
    readonly image?: string;
    readonly $patch?: string;
  }

  test('agree with a naive merge on random lists', () => {
    const prng = new Prng(7);
    for (let round = 0; round < 300; round += 1) {
      const names = (most: number): string[] => [
        ...new Set(Array.from({ length: prng.below(most) }, () => `c${prng.below(12)}`)),
      ];
      const original = names(10).map((name): Item => ({ name, image: 'old' }));
      const patch = names(10).map((name): Item => {
        return prng.below(4) === 0 ? { name, $patch: 'delete' } : { name, image: `new-${round}` };
      });
      const pod = { spec: { containers: original } };
      const merged = applyStrategicMergePatch(podSchema, pod, { spec: { containers: patch } });
      expect(merged).toEqual({ spec: { containers: naive(original, patch) } });
    }
  });
});
