import { expect, test } from '@jest/globals';
import { formatFieldError } from './field-error.js';
import { builtInRegistry } from './kinds.js';
import type { KubeObject } from './object.js';
import {
  applyDefaults,
  validateCreate,
  validateSubresourceUpdate,
  validateUpdate,
} from './strategy.js';

function declared(name: string) {
  const kind = builtInRegistry().byName(name);
  if (kind === undefined) throw new Error(name);
  return kind;
}

function made(name: string, fields: object): KubeObject {
  const metadata = { name: 'a', namespace: 'ns', resourceVersion: '1' };
  const object = { metadata, ...fields } as unknown as KubeObject;
  applyDefaults(declared(name), object);
  return object;
}

const containers = [{ name: 'c', image: 'i' }];
const template = (more: object, replicas = 1): object => ({
  spec: {
    replicas,
    selector: { matchLabels: { a: 'b' } },
    template: { metadata: { labels: { a: 'b' } }, spec: { containers, ...more } },
  },
});
const twice = { schedulingGates: [{ name: 'x' }, { name: 'x' }] };
const gate = 'spec.template.spec.schedulingGates[1]: Duplicate value: "x"';
const counted = (hard: object): object => ({ spec: { hard }, status: { hard: { foo: '1' } } });
const ports = [{ port: 80, protocol: 'TCP', targetPort: 80 }];
const balanced = { type: 'NodePort', ports, allocateLoadBalancerNodePorts: true };

test.each<[string, object, object, string[]]>([
  ['replicaset', template(twice), template(twice, 0), []],
  ['replicaset', template({}), template(twice), [gate]],
  [
    'replicaset',
    template(twice),
    template({ ...twice, hostname: 'A' }),
    [expect.stringContaining('spec.template.spec.hostname: Invalid value: "A"') as never],
  ],
  ['resourcequota', counted({ foo: '1' }), counted({ pods: '1' }), []],
  ['service', { spec: balanced }, { spec: { ...balanced, selector: { a: 'b' } } }, []],
])('a %s of an earlier build, %j, becomes %j', (name, before, after, wanted) => {
  const [old, next] = [made(name, before), made(name, after)];
  const errors = validateUpdate(declared(name), next, old).map(formatFieldError);
  expect(errors).toEqual(wanted);
});

test('what is let pass of an old object is refused of a new one', () => {
  const errors = validateCreate(declared('replicaset'), made('replicaset', template(twice)));
  expect(errors.map(formatFieldError)).toEqual([gate]);
});

test.each<[string, string, object, object, string[]]>([
  [
    'pod',
    'ephemeralcontainers',
    { spec: { containers, ...twice } },
    { spec: { containers, ...twice, ephemeralContainers: [{ name: 'd', image: 'i' }] } },
    [],
  ],
  [
    'service',
    'status',
    { spec: { type: 'NodePort', ports }, status: { loadBalancer: { ingress: [{ ip: '::1' }] } } },
    {
      spec: { type: 'NodePort', ports },
      status: { loadBalancer: { ingress: [{ ip: '::1' }] }, conditions: [] },
    },
    [],
  ],
  [
    'replicaset',
    'status',
    { ...template({}), status: { replicas: 1, readyReplicas: 2 } },
    { ...template({}), status: { replicas: 1, readyReplicas: 3 } },
    ['status.readyReplicas: Invalid value: 3: cannot be greater than status.replicas'],
  ],
])('%s/%s of an earlier build, %j, becomes %j', (name, part, before, after, wanted) => {
  const kind = declared(name);
  const subresource = kind.subresources.find((item) => item.name === part);
  if (subresource === undefined) throw new Error(part);
  const [old, next] = [made(name, before), made(name, after)];
  const errors = validateSubresourceUpdate(kind, subresource, next, old).map(formatFieldError);
  expect(errors).toEqual(wanted);
});
