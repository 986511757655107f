import { expect, test } from '@jest/globals';
import type { KubeObject } from '../../api/object.js';
import {
  changeEnvironment,
  changeResources,
  listEnvironment,
  parseVariables,
  podSpecOf,
  variableName,
  variablesFrom,
} from './changes.js';

const pod = (env?: object[]): KubeObject =>
  ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web' },
    spec: { containers: [{ name: 'a', image: 'x', ...(env === undefined ? {} : { env }) }] },
  }) as KubeObject;

test.each([
  ['a pod', pod()],
  ['a workload', { kind: 'Deployment', metadata: { name: 'w' }, spec: { template: pod() } }],
  [
    'a cron job',
    {
      kind: 'CronJob',
      metadata: { name: 'c' },
      spec: { jobTemplate: { spec: { template: pod() } } },
    },
  ],
])('the containers of %s', (_, object) => {
  expect(podSpecOf(object as KubeObject).containers).toHaveLength(1);
});

// The names that kubectl 1.32 makes of keys.
test.each([
  ['app.size-x', 'APP_SIZE_X'],
  ['a--b', 'A_B'],
  ['A_b', 'A_B'],
  ['1', '1'],
])('the key %s is the variable %s', (key, name) => {
  expect(variableName(key)).toBe(name);
});

test('keys come in their order, as far as they are wanted', () => {
  const map = { kind: 'ConfigMap', metadata: { name: 'm' }, data: { b: '1', a: '2', c: '3' } };
  const found = variablesFrom(map, { keys: ['b', 'a', 'none'], prefix: 'p_' });
  expect(found.map(({ variable }) => variable)).toEqual([
    { name: 'p_A', valueFrom: { configMapKeyRef: { name: 'm', key: 'a' } } },
    { name: 'p_B', valueFrom: { configMapKeyRef: { name: 'm', key: 'b' } } },
  ]);
});

test('variables that go, change and come keep their places', () => {
  const object = pod([
    { name: 'A', value: '1' },
    { name: 'B', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
    { name: 'C', value: '3' },
  ]);
  const changes = parseVariables(['B=2', 'A-', 'D=a=b']);
  expect(changeEnvironment(object, changes, { containers: '*', overwrite: true })).toBe(true);
  expect(listEnvironment(object, '*')).toBe('# Pod web, container a\nB=2\nC=3\nD=a=b\n');
});

test('a container without variables gets no empty list of them', () => {
  const object = pod();
  changeEnvironment(object, parseVariables(['A-']), { containers: '*', overwrite: true });
  expect(object).toEqual(pod());
});

test('a pattern that fits no container changes nothing', () => {
  const object = pod();
  const changes = parseVariables(['A=1']);
  expect(changeEnvironment(object, changes, { containers: 'b*', overwrite: true })).toBe(false);
  expect(object).toEqual(pod());
});

// As kubectl: an amount of nothing is an amount, and amounts are canonical.
test('amounts replace those of their names', () => {
  const object = pod();
  changeResources(object, '*', { limits: 'cpu=1,memory=1024Mi', requests: undefined });
  changeResources(object, 'a', { limits: 'cpu=0', requests: 'cpu=1500m' });
  expect(podSpecOf(object).containers[0]?.resources).toEqual({
    limits: { cpu: '0', memory: '1Gi' },
    requests: { cpu: '1500m' },
  });
});
