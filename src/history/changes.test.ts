import { describe, expect, test } from '@jest/globals';
import type { KubeObject } from '../api/object.js';
import { changedFields, isStatusOnly, writersOf } from './changes.js';
import { changeText } from './history.js';
import { parseMoment } from './moment.js';

const object = (fields: object, metadata: object = {}): KubeObject => ({
  kind: 'Deployment',
  metadata: { name: 'web', ...metadata },
  ...fields,
});
const pod = (...containers: object[]): object => ({ spec: { template: { spec: { containers } } } });

test('elements of lists are told apart by their names', () => {
  const before = pod({ name: 'app', image: 'a:1' }, { name: 'log', image: 'l:1' });
  const after = pod({ name: 'log', image: 'l:1' }, { name: 'app', image: 'a:2' });
  expect(changedFields(object(before), object(after))).toEqual([
    { path: 'spec.template.spec.containers[app].image', from: 'a:1', to: 'a:2' },
  ]);
});

test('lists of plain values, and those whose names are not their own, are compared as wholes', () => {
  const lists = (args: string[], ports: object[]): object => ({ args, ports });
  const twice = [
    { name: 'a', port: 1 },
    { name: 'a', port: 2 },
  ];
  const changes = changedFields(object(lists(['x'], twice)), object(lists(['x', 'y'], [])));
  expect(changes).toEqual([
    { path: 'args', from: ['x'], to: ['x', 'y'] },
    { path: 'ports', from: twice, to: [] },
  ]);
});

test('whole numbers beyond a double are told, and tell elements apart', () => {
  const numbers = (id: bigint, wanted: bigint): KubeObject =>
    object({
      spec: [
        { name: id, wanted },
        { name: 1, wanted: 2 },
      ],
    });
  const [change, ...others] = changedFields(
    numbers(2n ** 53n + 1n, 2n ** 60n),
    numbers(2n ** 53n + 1n, 2n ** 60n + 1n),
  );
  expect(others).toEqual([]);
  expect(change && changeText(change)).toBe(
    'spec[9007199254740993].wanted: 1152921504606846976 -> 1152921504606846977',
  );
});

test('fields that come and go; names that are no words', () => {
  const before = object({ spec: { paused: true } }, { annotations: { 'a.b/c': '1' } });
  const after = object({ spec: { replicas: 0 } }, { annotations: { 'a.b/c': '2' } });
  expect(changedFields(before, after)).toEqual([
    { path: 'metadata.annotations["a.b/c"]', from: '1', to: '2' },
    { path: 'spec.paused', from: true, to: undefined },
    { path: 'spec.replicas', from: undefined, to: 0 },
  ]);
});

test('the noise of each write is left out, and the values of Secrets', () => {
  const secret = (password: string, resourceVersion: string): KubeObject & { data: object } => ({
    kind: 'Secret',
    metadata: {
      name: 's',
      resourceVersion,
      generation: Number(resourceVersion),
      managedFields: [{ manager: resourceVersion }],
      annotations: {
        'kubectl.kubernetes.io/last-applied-configuration': password,
        note: resourceVersion,
      },
    },
    data: { password },
  });
  expect(changedFields(secret('a', '1'), secret('b', '2'))).toEqual([
    { path: 'metadata.annotations.note', from: '1', to: '2' },
    { path: 'data.password', from: '***', to: '***' },
  ]);
});

test('an added Secret field is told without its value, whole maps too', () => {
  const bare: KubeObject = { kind: 'Secret', metadata: { name: 's' } };
  const full = { ...bare, data: { password: 'a' } } as KubeObject;
  expect(changedFields(bare, full)).toEqual([{ path: 'data', from: undefined, to: '***' }]);
});

test('a Secret that is applied for the first time does not tell its values by the annotation of it', () => {
  const secret = (annotations: Record<string, string> | undefined): KubeObject => ({
    kind: 'Secret',
    metadata: { name: 's', ...(annotations === undefined ? {} : { annotations }) },
  });
  const applied = {
    'kubectl.kubernetes.io/last-applied-configuration': '{"data":{"password":"cGFzcw=="}}',
  };
  expect(changedFields(secret(undefined), secret(applied))).toEqual([]);
  expect(changedFields(secret(applied), secret(undefined))).toEqual([]);
  expect(changedFields(secret(undefined), secret({ ...applied, note: 'x' }))).toEqual([
    { path: 'metadata.annotations', from: undefined, to: { note: 'x' } },
  ]);
});

test.each([
  [['status.replicas', 'status'], true],
  [['status.conditions[Ready].status'], true],
  [['status.replicas', 'spec.replicas'], false],
  [['statusText'], false],
])('%j is the status only: %s', (paths, only) => {
  expect(isStatusOnly(paths.map((path) => ({ path })))).toBe(only);
});

test('writers are those whose entry of managed fields changed', () => {
  const entry = (manager: string, time: string, more: object = {}): object => ({
    manager,
    operation: 'Update',
    time,
    ...more,
  });
  const before = object({}, { managedFields: [entry('kubectl', 't1'), entry('hpa', 't1')] });
  const after = object(
    {},
    {
      managedFields: [
        entry('kubectl', 't1'),
        entry('hpa', 't2'),
        entry('kubelet', 't2', { subresource: 'status' }),
      ],
    },
  );
  expect(writersOf(before, after)).toEqual([
    { name: 'hpa', time: 't2' },
    { name: 'kubelet (status)', time: 't2' },
  ]);
});

test.each([
  ['data.colour', ['kubectl']],
  ['spec.template.spec.containers[app].image', ['hpa']],
  ['metadata.annotations["a.b/c"]', ['kubectl']],
  ['spec.replicas', ['hpa']],
  ['other', []],
])('within one second the owner of %s is the writer', (path, names) => {
  const managedFields = [
    {
      manager: 'kubectl',
      time: 't',
      fieldsV1: {
        'f:data': { 'f:colour': {} },
        'f:metadata': { 'f:annotations': { 'f:a.b/c': {} } },
      },
    },
    {
      manager: 'hpa',
      time: 't',
      fieldsV1: {
        'f:spec': {
          'f:template': { 'f:spec': { 'f:containers': { 'k:{"name":"app"}': { 'f:image': {} } } } },
        },
      },
    },
  ];
  const version = object({}, { managedFields });
  expect(writersOf(version, version, [{ path }]).map(({ name }) => name)).toEqual(names);
});

describe('moments', () => {
  const nowMs = Date.UTC(2026, 0, 1, 12);

  test.each([
    ['1234', { type: 'revision', revision: '1234' }],
    ['10m', { type: 'time', timeMs: nowMs - 600_000 }],
    ['1h30m ago', { type: 'time', timeMs: nowMs - 5_400_000 }],
    ['2026-01-01T11:00:00Z', { type: 'time', timeMs: nowMs - 3_600_000 }],
  ])('%s', (text, moment) => {
    expect(parseMoment(text, nowMs)).toEqual(moment);
  });

  test.each(['', '0', 'yesterday', '-5m', '12:00'])('"%s" is none', (text) => {
    expect(parseMoment(text, nowMs)).toBeUndefined();
  });
});
