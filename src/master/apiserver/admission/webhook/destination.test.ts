import { PassThrough } from 'node:stream';
import { beforeEach, describe, expect, test } from '@jest/globals';
import type { BackingPod } from '../../subresources/dial-pod.js';
import type { Draft } from '../../testkit/api-bench.js';
import { ApiBench } from '../../testkit/api-bench.js';
import type { Destination } from './call.js';
import { destinationOf } from './destination.js';

type ClientConfig = Parameters<typeof destinationOf>[0];

let bench: ApiBench;
let dialled: string[];
beforeEach(async () => {
  bench = await ApiBench.create();
  dialled = [];
});

function find(clientConfig: ClientConfig): Destination {
  const dialPod = (pod: BackingPod, port: number) => () => {
    dialled.push(`${pod.node} ${pod.namespace}/${pod.name} ${pod.uid}:${port}`);
    return new PassThrough();
  };
  return destinationOf(clientConfig, { watchCache: bench.watchCache, dialPod }, 7);
}

describe('a hook at a URL', () => {
  test('is called there, and told how long it has', () => {
    const { url, ca, address } = find({ url: 'https://example.com:8443/check?a=b' });
    expect(url.href).toBe('https://example.com:8443/check?a=b&timeout=7s');
    expect([ca, address]).toEqual([undefined, undefined]);
  });

  test('is trusted by the authority that is given', () => {
    const pem = 'PEM';
    const caBundle = Buffer.from(pem).toString('base64');
    expect(find({ url: 'https://a', caBundle }).ca?.toString()).toBe(pem);
    expect(find({ url: 'https://a', caBundle: '' }).ca).toBeUndefined();
  });
});

describe('a hook behind a Service', () => {
  const at = (more: object = {}): ClientConfig => ({
    service: { namespace: 'ns', name: 'svc', ...more },
  });
  const service = (spec: object) => ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'svc', namespace: 'ns' },
    spec: { ports: [{ name: 'web', port: 443, targetPort: 'https' }], ...spec },
  });
  const slice = (name: string, endpoints: object[], more: object = {}) => ({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name, namespace: 'ns', labels: { 'kubernetes.io/service-name': 'svc' } },
    addressType: 'IPv4',
    ports: [{ name: 'web', port: 8443 }],
    endpoints,
    ...more,
  });
  const ready = (address: string, more: object = {}): object => ({
    addresses: [address],
    conditions: { ready: true },
    ...more,
  });
  const pod = { kind: 'Pod', namespace: 'ns', name: 'p', uid: 'u' };
  const add = (...drafts: object[]): Promise<void> => bench.add(...(drafts as Draft[]));

  test('is called by the name of its certificate at a ready endpoint, through the pod’s node', async () => {
    const endpoint = ready('10.0.0.2', { nodeName: 'n1', targetRef: pod });
    await add(service({}), slice('s', [endpoint]));
    const { url, address, connect } = find(at({ path: '/check?a=b' }));
    expect(url.href).toBe('https://svc.ns.svc/check?a=b&timeout=7s');
    expect(address).toEqual({ host: '10.0.0.2', port: 8443 });
    connect?.();
    expect(dialled).toEqual(['n1 ns/p u:8443']);
  });

  test('is called directly where no pod is behind it', async () => {
    await add(service({}), slice('s', [ready('192.0.2.1', { nodeName: 'n1' })]));
    const { address, connect } = find(at());
    expect([address?.host, connect]).toEqual(['192.0.2.1', undefined]);
  });

  test('is not called at endpoints that are not ready, of other ports or of other services', async () => {
    const other = { 'kubernetes.io/service-name': 'other' };
    await add(
      service({}),
      slice('a', [ready('10.0.0.1', { conditions: { ready: false } })]),
      slice('b', [ready('10.0.0.2')], { ports: [{ name: 'metrics', port: 9 }] }),
      {
        ...slice('c', [ready('10.0.0.3')]),
        metadata: { name: 'c', namespace: 'ns', labels: other },
      },
      slice('d', [{ addresses: ['10.0.0.4'] }]),
    );
    // An endpoint that says nothing of its state is ready.
    expect(find(at()).address?.host).toBe('10.0.0.4');
  });

  test('by an external name is called there', async () => {
    await add(
      service({ type: 'ExternalName', externalName: 'example.com', ports: [{ port: 9443 }] }),
    );
    const { url, address } = find(at({ port: 9443 }));
    expect(url.host).toBe('svc.ns.svc:9443');
    expect(address).toEqual({ host: 'example.com', port: 9443 });
  });

  test('that cannot be found is said by its URL', async () => {
    const head = 'Post "https://svc.ns.svc:443/?timeout=7s": ';
    expect(() => find(at())).toThrow(`${head}service "svc" not found`);
    await add(service({}));
    expect(() => find(at())).toThrow(`${head}no endpoints available for service "svc"`);
    expect(() => find(at({ port: 9 }))).toThrow(
      'Post "https://svc.ns.svc:9/?timeout=7s": no service port 9 found for service "svc"',
    );
  });
});
