import { describe, expect, test } from '@jest/globals';
import type { Container, Pod, Service } from '../api/types/core.js';
import { containerEnvironment, expandVariables, serviceVariables } from './env.js';
import { podField, resourceField } from './pod-fields.js';

const facts = {
  nodeName: 'n1',
  hostIps: ['10.0.0.1'],
  podIps: ['10.244.0.5'],
  allocatable: { cpu: '2', memory: '1Gi' },
};

function podWith(container: Partial<Container>, spec: object = {}): Pod {
  return {
    metadata: {
      name: 'web-0',
      namespace: 'shop',
      uid: 'u1',
      labels: { app: 'web', b: '"q"' },
    },
    spec: { containers: [{ name: 'main', ...container }], ...spec },
  };
}

function environment(container: Partial<Container>, spec: object = {}): Record<string, string> {
  const pod = podWith(container, spec);
  return Object.fromEntries(
    containerEnvironment({
      pod,
      container: pod.spec.containers[0]!,
      facts,
      services: [],
      source: {
        configMap: (name) =>
          name === 'cm' ? { metadata: { name }, data: { a: '1', b: '2' } } : undefined,
        secret: (name) =>
          name === 's'
            ? { metadata: { name }, data: { p: Buffer.from('pw').toString('base64') } }
            : undefined,
      },
    }),
  );
}

describe('expandVariables', () => {
  test.each([
    ['$(A)-$(B)', '1-$(B)'],
    ['$$(A)', '$(A)'],
    ['$$$(A)', '$1'],
    ['$A ${A} $', '$A ${A} $'],
    ['$(A', '$(A'],
    ['$()', '$()'],
  ])('%s', (text, wanted) => {
    expect(expandVariables(text, (name) => (name === 'A' ? '1' : undefined))).toBe(wanted);
  });
});

describe('containerEnvironment', () => {
  test('sources, prefixes, order and expansion', () => {
    expect(
      environment({
        envFrom: [{ configMapRef: { name: 'cm' } }, { prefix: 'S_', secretRef: { name: 's' } }],
        env: [
          { name: 'b', value: '$(a)$(b)$(missing)' },
          { name: 'pw', valueFrom: { secretKeyRef: { name: 's', key: 'p' } } },
          { name: 'ip', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
          { name: 'none', valueFrom: { configMapKeyRef: { name: 'x', key: 'y', optional: true } } },
        ],
      }),
    ).toEqual({ a: '1', b: '12$(missing)', S_p: 'pw', pw: 'pw', ip: '10.244.0.5' });
  });

  test.each([
    [{ envFrom: [{ configMapRef: { name: 'x' } }] }, 'configmap "x" not found'],
    [{ envFrom: [{ secretRef: { name: 'x' } }] }, 'secret "x" not found'],
    [
      { env: [{ name: 'v', valueFrom: { configMapKeyRef: { name: 'cm', key: 'z' } } }] },
      "couldn't find key z in ConfigMap shop/cm",
    ],
    [
      { env: [{ name: 'v', valueFrom: { secretKeyRef: { name: 's', key: 'z' } } }] },
      "couldn't find key z in Secret shop/s",
    ],
  ])('what is missing is named: %j', (container, message) => {
    expect(() => environment(container as Partial<Container>)).toThrow(message);
  });
});

describe('the downward API', () => {
  const pod = podWith({
    resources: { limits: { cpu: '1500m' }, requests: { memory: '64Mi' } },
  });
  const container = pod.spec.containers[0]!;

  test('fields', () => {
    expect(podField(pod, "metadata.labels['app']", facts)).toBe('web');
    expect(podField(pod, 'metadata.labels', facts)).toBe('app="web"\nb="\\"q\\""');
    expect(() => podField(pod, 'spec.volumes', facts)).toThrow('unsupported fieldPath');
  });

  test.each([
    ['limits.cpu', undefined, '2'],
    ['limits.cpu', '1m', '1500'],
    ['requests.memory', '1Mi', '64'],
    ['limits.memory', '1Mi', '1024'],
    ['requests.cpu', '1m', '1500'],
  ])('%s / %s', (resource, divisor, wanted) => {
    expect(resourceField(container, { resource, divisor }, facts)).toBe(wanted);
  });
});

test('service variables: links, the API always, headless never', () => {
  const service = (namespace: string, name: string, clusterIP: string): Service => ({
    metadata: { namespace, name },
    spec: { clusterIP, ports: [{ name: 'http', port: 80, protocol: 'TCP' }] },
  });
  const services = [
    service('default', 'kubernetes', '10.96.0.1'),
    service('shop', 'my-web', '10.96.0.7'),
    service('shop', 'headless', 'None'),
    service('other', 'far', '10.96.0.8'),
  ];
  const all = Object.fromEntries(serviceVariables(podWith({}), services));
  expect(all).toMatchObject({
    KUBERNETES_SERVICE_HOST: '10.96.0.1',
    MY_WEB_SERVICE_PORT_HTTP: '80',
    MY_WEB_PORT: 'tcp://10.96.0.7:80',
    MY_WEB_PORT_80_TCP_ADDR: '10.96.0.7',
  });
  expect(Object.keys(all).some((name) => /HEADLESS|FAR/.test(name))).toBe(false);
  const without = serviceVariables(podWith({}, { enableServiceLinks: false }), services);
  expect([...without.keys()].every((name) => name.startsWith('KUBERNETES_'))).toBe(true);
});
