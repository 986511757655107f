import { beforeEach, describe, expect, test } from '@jest/globals';
import type { KindDeclaration } from '../../../api/kind.js';
import { ApiBench } from '../testkit/api-bench.js';
import type { Draft } from '../testkit/api-bench.js';
import { isStatusError } from '../status.js';
import { findBackend, splitProxiedName } from './backends.js';
import type { NodeAgents } from './node-agents.js';

let bench: ApiBench;
const namespace = 'n';
const addresses: Readonly<Record<string, string>> = {
  home: '127.0.0.1',
  link: '169.254.169.254',
  six: '::1',
  mapped: '::ffff:127.0.0.1',
};
const agents = {
  forNode: () => ({}),
  address: (name: string) => ({ host: addresses[name] ?? '192.0.2.9', port: 10_250 }),
} as unknown as NodeAgents;

function pod(name: string, podIP: string, ports: readonly object[] = []): Draft {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace },
    spec: { nodeName: 'node', containers: [{ name: 'c', image: 'i', ports }] },
    status: { podIP, hostIP: '192.0.2.9' },
  } as Draft;
}

beforeEach(async () => {
  bench = await ApiBench.create();
  const web = [
    { name: 'http', containerPort: 8080 },
    { name: 'tls', containerPort: 8443 },
  ];
  const targetRef = (name: string) => ({ kind: 'Pod', namespace, name });
  await bench.add(
    pod('web', '10.0.0.1', web),
    pod('six', 'fd00::1'),
    pod('loop', '127.0.0.1'),
    pod('none', ''),
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'web', namespace },
      spec: {
        ports: [
          { name: 'http', port: 80 },
          { name: 'tls', port: 443 },
        ],
      },
    } as Draft,
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'plain', namespace },
      spec: { ports: [{ port: 80 }] },
    } as Draft,
    ...['web', 'plain'].map((name) => ({
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name, namespace, labels: { 'kubernetes.io/service-name': name } },
      addressType: 'IPv4',
      ports:
        name === 'web'
          ? [
              { name: 'http', port: 8080 },
              { name: 'tls', port: 8443 },
            ]
          : [{ name: '', port: 8080 }],
      endpoints: [
        { addresses: ['198.51.100.1'] },
        { addresses: ['10.0.0.7'], targetRef: targetRef('six'), conditions: { ready: false } },
        { addresses: ['10.0.0.1'], targetRef: targetRef('web'), conditions: { ready: true } },
      ],
    })),
  );
});

async function hostOf(resource: string, name: string): Promise<string> {
  const kind = bench.kinds.byResource('', 'v1', resource) as KindDeclaration;
  const target = { kind, namespace, name, subresource: 'proxy' };
  try {
    return (await findBackend({ objects: bench.objects, agents, kinds: bench.kinds }, target)).host;
  } catch (error) {
    if (!isStatusError(error)) throw error;
    return `${error.code} ${error.message}`;
  }
}

test.each([
  ['a', { scheme: 'http', name: 'a', port: '' }],
  ['a:1', { scheme: 'http', name: 'a', port: '1' }],
  ['http:a:', { scheme: 'http', name: 'a', port: '' }],
  ['https:a:x', { scheme: 'https', name: 'a', port: 'x' }],
  [':a:1', { scheme: 'http', name: 'a', port: '1' }],
  ['ftp:a:1', undefined],
  ['https::1', undefined],
  [':1', undefined],
  ['a:1:2:3', undefined],
])('the name %s', (text, wanted) => {
  expect(splitProxiedName(text)).toEqual(wanted);
});

describe('a backend', () => {
  // The texts are those of ResourceLocation in Kubernetes' registries of pods, services and nodes.
  test.each([
    ['pods', 'web', '10.0.0.1:8080'],
    ['pods', 'web:tls', '10.0.0.1:8443'],
    ['pods', 'https:web:9', '10.0.0.1:9'],
    ['pods', 'six', '[fd00::1]:80'],
    ['pods', 'https:six:', '[fd00::1]:443'],
    [
      'pods',
      'web:70000',
      '503 error trying to reach service: dial tcp: address 70000: invalid port',
    ],
    [
      'pods',
      'web:foo',
      '503 error trying to reach service: dial tcp: lookup tcp/foo: unknown port',
    ],
    ['pods', 'ftp:web:1', '400 invalid pod request "ftp:web:1"'],
    ['pods', 'loop', '400 address not allowed'],
    ['pods', 'none', '400 address not allowed'],
    ['pods', 'gone', '404 pods "gone" not found'],
    ['services', 'web:http', '10.0.0.1:8080'],
    ['services', 'web:443', '10.0.0.1:8443'],
    ['services', 'https:web:tls', '10.0.0.1:8443'],
    ['services', 'plain', '10.0.0.1:8080'],
    ['services', 'plain:80', '10.0.0.1:8080'],
    ['services', 'web', '503 no endpoints available for service "web"'],
    ['services', 'https:web:x', '503 no endpoints available for service "https:web:x"'],
    ['services', 'web:8', '503 no service port 8 found for service "web"'],
    ['services', 'x:web:8', '400 invalid service request "x:web:8"'],
    ['services', 'gone:8', '404 services "gone" not found'],
    ['nodes', 'a', '192.0.2.9:10250'],
    ['nodes', 'a:10250', '192.0.2.9:10250'],
    ['nodes', 'https:a:9100', '192.0.2.9:9100'],
    ['nodes', 'home', '127.0.0.1:10250'],
    ['nodes', 'home:10250', '127.0.0.1:10250'],
    ['nodes', 'home:10249', '400 address not allowed'],
    ['nodes', 'https:link:80', '400 address not allowed'],
    ['nodes', 'six:80', '400 address not allowed'],
    ['nodes', 'mapped:80', '400 address not allowed'],
    ['nodes', 'a:b:c:d', '400 invalid node request "a:b:c:d"'],
  ])('%s %s is %s', async (resource, name, wanted) => {
    expect(await hostOf(resource, name)).toBe(wanted);
  });
});

test('a name of a node that leads to this machine is not gone to', async () => {
  const kind = bench.kinds.byResource('', 'v1', 'nodes') as KindDeclaration;
  const target = { kind, namespace: '', name: 'named:9', subresource: 'proxy' };
  const named = { address: () => ({ host: 'localhost', port: 10_250 }) };
  const deps = {
    objects: bench.objects,
    agents: named as unknown as NodeAgents,
    kinds: bench.kinds,
  };
  const socket = (await findBackend(deps, target)).connect();
  const error = await new Promise((resolve) => socket.once('error', resolve));
  expect(error).toMatchObject({ message: 'address not allowed' });
});
