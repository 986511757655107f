import { describe, expect, test } from '@jest/globals';
import type { Node, Pod, Service } from '../../api/types/core.js';
import type { KubeObject } from '../../api/object.js';
import { changeImages } from '../set/changes.js';
import { declaredCommands } from '../kube-commands.js';
import { parseSide } from './cp.js';
import { parsePairs } from './metadata-pairs.js';
import { parsePair } from './port-forward.js';
import { changeTaints, parseTaints } from './taint.js';
import { parseCondition } from './wait.js';

test('the list of commands says what they say themselves', async () => {
  const said: string[] = [];
  // One after the other: Jest's modules do not load side by side.
  for (const { load } of Object.values(declaredCommands)) {
    const { name, summary } = await load();
    said.push(`${name}: ${summary}`);
  }
  expect(said).toEqual(
    Object.entries(declaredCommands).map(([name, { summary }]) => `${name}: ${summary}`),
  );
});

test('pairs of labels', () => {
  expect(parsePairs(['pod', 'web', 'a=b', 'd-', 'e='], 'label')).toEqual({
    words: ['pod', 'web'],
    pairs: { a: 'b', d: null, e: '' },
  });
  expect(parsePairs(['pod', 'web', 'a=b=c', 'f=a text'], 'annotation').pairs).toEqual({
    a: 'b=c',
    f: 'a text',
  });
  expect(() => parsePairs(['pod', 'a=b', 'a-'], 'label')).toThrow(
    'can not both modify and remove a label',
  );
});

test.each([
  ['a=b=c', 'invalid label spec: a=b=c'],
  ['=b', 'at least one label update is required'],
  ['a=not good', 'invalid label value: "a=not good": a valid label must be'],
  ['a=-b', 'invalid label value: "a=-b"'],
])('%s is no label, before the server is asked', (word, words) => {
  expect(() => parsePairs(['pod', 'web', word], 'label')).toThrow(words);
});

describe('taints', () => {
  const node = {
    metadata: { name: 'n' },
    spec: { taints: [{ key: 'a', value: 'b', effect: 'NoSchedule' }] },
  } as Node;

  test('are added, changed and removed', () => {
    const add = changeTaints(node, parseTaints(['x=y:NoExecute']), false);
    expect(add).toEqual({
      word: 'tainted',
      taints: [
        { key: 'x', value: 'y', effect: 'NoExecute' },
        { key: 'a', value: 'b', effect: 'NoSchedule' },
      ],
    });
    expect(changeTaints(node, parseTaints(['a-']), false)).toEqual({
      word: 'untainted',
      taints: [],
    });
    expect(() => changeTaints(node, parseTaints(['a=c:NoSchedule']), false)).toThrow(
      '--overwrite is false',
    );
    expect(() => changeTaints(node, parseTaints(['b-']), false)).toThrow('taint "b" not found');
  });

  test.each([
    ['a=b', 'invalid taint spec: a=b, name part must consist of'],
    ['a', 'invalid taint spec: a, expected key=value:effect'],
    ['a=b:Nothing', 'invalid taint effect: Nothing, unsupported taint effect'],
    [':NoSchedule', 'invalid taint spec: :NoSchedule, name part must be non-empty'],
    ['=b:NoSchedule', 'invalid taint spec: =b:NoSchedule, name part must be non-empty'],
    ['a b:NoSchedule', 'invalid taint spec: a b:NoSchedule, name part must consist of'],
    ['a=b=c:NoSchedule', 'invalid taint spec: a=b=c:NoSchedule'],
    ['a:b:c', 'invalid taint spec: a:b:c'],
    ['a=b c:NoSchedule', 'invalid taint spec: a=b c:NoSchedule, a valid label must be'],
  ])('%s is none', (word, words) => {
    expect(() => parseTaints([word])).toThrow(words);
  });

  test.each([
    [
      ['a=b:NoSchedule', 'a=c:NoSchedule'],
      'duplicated taints with the same key and effect: {a c NoSchedule <nil>}',
    ],
    [['a=b:NoSchedule', 'a:NoSchedule-'], 'in the same command: a=NoSchedule'],
    [['a=b:NoSchedule', 'a-'], 'in the same command: a=NoSchedule'],
  ])('%j contradict each other', (words, message) => {
    expect(() => parseTaints(words)).toThrow(message);
  });

  test('of one key and two effects go together', () => {
    const { added, removed } = parseTaints(['a:NoSchedule', 'a:NoExecute', 'b:NoSchedule-']);
    expect(added).toHaveLength(2);
    expect(removed).toEqual([{ key: 'b', effect: 'NoSchedule' }]);
    expect(parseTaints(['a=b:NoSchedule', 'a:NoExecute-']).removed).toHaveLength(1);
  });

  test('that replace others are told so', () => {
    const changed = changeTaints(node, parseTaints(['a=c:NoSchedule']), true);
    expect(changed.word).toBe('modified');
    expect(changed.taints).toEqual([{ key: 'a', value: 'c', effect: 'NoSchedule' }]);
  });
});

describe('conditions', () => {
  const pod = {
    metadata: { name: 'a', generation: 2 },
    status: {
      phase: 'Running',
      conditions: [{ type: 'Ready', status: 'True', observedGeneration: 2 }],
    },
  } as KubeObject;

  test.each([
    ['condition=ready', true],
    ['condition=Ready=false', false],
    ['condition=Other', false],
    ["jsonpath='{.status.phase}'=Running", true],
    ['jsonpath={.status.phase}', true],
    ['jsonpath={.status.none}', false],
    ['create', true],
    ['delete', false],
  ])('%s', (text, holds) => {
    expect(parseCondition(text).holds(pod)).toBe(holds);
  });

  test('one of an older spec does not count', () => {
    const old = structuredClone(pod);
    old.metadata.generation = 3;
    expect(parseCondition('condition=Ready').holds(old)).toBe(false);
  });
});

test.each([
  ['web:/a', { pod: { namespace: undefined, name: 'web' }, path: '/a' }],
  ['n/web:a', { pod: { namespace: 'n', name: 'web' }, path: 'a' }],
  ['./a:b', { pod: undefined, path: './a:b' }],
  ['a', { pod: undefined, path: 'a' }],
])('%s is a side of a copy', (text, side) => {
  expect(parseSide(text)).toEqual(side);
});

describe('pairs of ports', () => {
  const pod = {
    metadata: { name: 'p' },
    spec: { containers: [{ name: 'c', ports: [{ name: 'http', containerPort: 8080 }] }] },
  } as Pod;
  const service = {
    metadata: { name: 's' },
    spec: { ports: [{ name: 'web', port: 80, targetPort: 'http' }] },
  } as Service;

  test.each([
    ['80', { local: 80, remote: 80 }],
    [':80', { local: 0, remote: 80 }],
    ['5000:http', { local: 5000, remote: 8080 }],
    ['http', { local: 8080, remote: 8080 }],
    // kubectl too passes over what follows.
    ['80:1:2', { local: 80, remote: 1 }],
  ])('%s of a pod', (word, pair) => {
    expect(parsePair(word, pod, undefined)).toEqual(pair);
  });

  test('of a service they lead to the target port', () => {
    expect(parsePair('9000:80', pod, service)).toEqual({ local: 9000, remote: 8080 });
    expect(() => parsePair('81', pod, service)).toThrow(
      'Service s does not have a service port 81',
    );
  });
});

describe('set', () => {
  const workload = (): KubeObject =>
    ({
      kind: 'Deployment',
      metadata: { name: 'web' },
      spec: {
        template: {
          spec: {
            containers: [
              { name: 'a', image: 'x', env: [{ name: 'A', value: '1' }] },
              { name: 'b', image: 'y' },
            ],
          },
        },
      },
    }) as unknown as KubeObject;
  const containers = (object: KubeObject): unknown[] =>
    (object as unknown as { spec: { template: { spec: { containers: unknown[] } } } }).spec.template
      .spec.containers;

  test('images', () => {
    const object = workload();
    changeImages(object, ['*=z', 'b=w']);
    expect(containers(object)).toMatchObject([{ image: 'z' }, { image: 'w' }]);
    expect(() => changeImages(object, ['c=z'])).toThrow('unable to find container named "c"');
  });
});
