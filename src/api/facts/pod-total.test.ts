import { expect, test } from '@jest/globals';
import type { Container, Pod } from '../types/core.js';
import { listOf, podAmounts } from './amounts.js';
import { podRequests } from './pod-requests.js';

const container = (cpu: string): Container => ({ name: 'c', resources: { requests: { cpu } } });
const sidecar = (cpu: string): Container => ({ ...container(cpu), restartPolicy: 'Always' });

/** Containers, init containers in order, overhead; and the milli-CPU that the pod requests. */
test.each<[string, string[], Container[], string | undefined, number]>([
  ['containers run together', ['1', '500m'], [], undefined, 1500],
  [
    'init containers run one after another',
    ['1'],
    [container('700m'), container('2')],
    undefined,
    2000,
  ],
  ['less than the containers, they cost nothing', ['1'], [container('700m')], undefined, 1000],
  ['sidecars stay', ['1'], [sidecar('300m')], undefined, 1300],
  [
    'sidecars that started before an init container',
    ['1'],
    [sidecar('300m'), container('2')],
    undefined,
    2300,
  ],
  ['not those that start after it', ['1'], [container('2'), sidecar('300m')], undefined, 2000],
  ['many sidecars', ['1'], [sidecar('1'), container('1'), sidecar('1')], undefined, 3000],
  ['the overhead comes on top', ['1'], [container('2')], '250m', 2250],
])('%s, in both forms of amounts', (_name, cpus, initContainers, overhead, milli) => {
  const pod: Pod = {
    metadata: { name: 'p' },
    spec: {
      containers: cpus.map(container),
      initContainers,
      ...(overhead === undefined ? {} : { overhead: { cpu: overhead } }),
    },
  };
  expect(podRequests(pod)).toEqual({ cpu: milli });
  const quantity = podAmounts(pod.spec, 'requests').get('cpu');
  expect(quantity?.milliValue()).toBe(milli);
});

test('an overhead is limited only where the containers are', () => {
  const limits = (cpu: string | undefined) => ({
    containers: [{ name: 'c', ...(cpu === undefined ? {} : { resources: { limits: { cpu } } }) }],
    overhead: { cpu: '100m', memory: '1Mi' },
  });
  expect(listOf(podAmounts(limits('1'), 'limits'))).toEqual({ cpu: '1100m' });
  expect(listOf(podAmounts(limits(undefined), 'limits'))).toEqual({});
});
