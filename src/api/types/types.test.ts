import type { KubeObject } from '../object.js';
import { expect, test } from '@jest/globals';
import type { Pod, Service } from './core.js';
import type { Deployment } from './workloads.js';

/** Compiles only when the inferred types are usable by the API's client. */
function nameOf<T extends KubeObject>(object: T): string {
  return object.metadata.name;
}

test('kinds fit the client and can be written down', () => {
  const pod: Pod = {
    metadata: { name: 'a', labels: { app: 'x' } },
    spec: {
      containers: [{ name: 'c', image: 'i', ports: [{ containerPort: 80 }], resources: {} }],
      nodeName: undefined,
    },
  };
  const service: Service = { metadata: { name: 's' }, spec: { ports: [{ port: 80 }] } };
  const deployment: Deployment = {
    metadata: { name: 'd' },
    spec: { selector: { matchLabels: {} }, template: { spec: pod.spec } },
  };
  const state: string | undefined =
    pod.status?.containerStatuses?.[0]?.state?.waiting?.reason ?? pod.status?.phase;
  expect([nameOf(pod), nameOf(service), nameOf(deployment), state]).toEqual([
    'a',
    's',
    'd',
    undefined,
  ]);
});
