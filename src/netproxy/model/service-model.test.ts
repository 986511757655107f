import { describe, expect, test } from '@jest/globals';
import type { Service } from '../../api/types/core.js';
import type { EndpointSlice } from '../../api/types/networking.js';
import type { EndpointFields, ServiceFields } from '../testkit/service-cluster.js';
import { serviceOf, sliceOf } from '../testkit/service-cluster.js';
import type { Endpoint, ServicePort } from './service-model.js';
import { buildServicePorts, endpointsOfPort, usable } from './service-model.js';

const plain: ServiceFields = { clusterIP: '10.96.5.5', ports: [{ port: 80 }] };
const ports: EndpointFields['ports'] = [{ port: 8080 }];

function portsOf(fields: ServiceFields, at: readonly string[] = []): ServicePort[] {
  const slice = sliceOf('default/web', { ports, at });
  return buildServicePorts(serviceOf('default/web', fields), [slice], 'n1');
}

const addresses = (endpoints: readonly Endpoint[] | undefined): string[] =>
  (endpoints ?? []).map(({ ip, port }) => `${ip}:${port}`);

describe('a service port', () => {
  test('has Kubernetes’ defaults', () => {
    expect(portsOf(plain)).toEqual([
      {
        key: 'default/web',
        namespace: 'default',
        name: 'web',
        portName: '',
        protocol: 'TCP',
        port: 80,
        clusterIp: '10.96.5.5',
        nodePort: 0,
        externalIps: [],
        loadBalancerIps: [],
        loadBalancerSourceRanges: [],
        affinitySeconds: 0,
        internalLocal: false,
        externalLocal: false,
        healthCheckNodePort: 0,
        cluster: [],
        local: [],
      },
    ]);
  });

  test('is one of several by its name', () => {
    const named = {
      ...plain,
      ports: [
        { name: 'a', port: 1 },
        { name: 'b', port: 2 },
      ],
    };
    expect(portsOf(named).map(({ key }) => key)).toEqual(['default/web:a', 'default/web:b']);
  });

  test.each<[string, ServiceFields]>([
    ['a headless service', { ...plain, clusterIP: 'None' }],
    ['one that waits for its address', { ...plain, clusterIP: '' }],
    ['ExternalName', { ...plain, type: 'ExternalName', externalName: 'x.example' }],
    ['IPv6 alone', { ...plain, clusterIP: 'fd00::5', clusterIPs: ['fd00::5'] }],
    ['a service without ports', { clusterIP: '10.96.5.5' }],
  ])('none for %s', (_, fields) => {
    expect(portsOf(fields)).toEqual([]);
  });

  test.each(['service.kubernetes.io/service-proxy-name', 'service.kubernetes.io/headless'])(
    'is not this proxy’s where the service, or a slice, has the label %s',
    (label) => {
      const labelled = <T extends Service | EndpointSlice>(object: T): T => ({
        ...object,
        metadata: { ...object.metadata, labels: { [label]: '' } },
      });
      const service = serviceOf('default/web', plain);
      const slice = sliceOf('default/web', { ports, at: ['10.244.1.5 n1'] });
      expect(buildServicePorts(labelled(service), [slice], 'n1')).toEqual([]);
      expect(buildServicePorts(service, [labelled(slice)], 'n1')[0]?.cluster).toEqual([]);
    },
  );

  test('of both families is the one of IPv4', () => {
    const both = { ...plain, clusterIP: 'fd00::5', clusterIPs: ['fd00::5', '10.96.5.9'] };
    expect(portsOf(both)[0]?.clusterIp).toBe('10.96.5.9');
  });

  test.each<[string, ServiceFields, Partial<ServicePort>]>([
    [
      'a node port only of types that have one',
      { ...plain, ports: [{ port: 80, nodePort: 30080 }] },
      { nodePort: 0 },
    ],
    [
      'a node port',
      { ...plain, type: 'NodePort', ports: [{ port: 80, nodePort: 30080 }] },
      { nodePort: 30080 },
    ],
    [
      'external IPs of IPv4, whatever the type',
      { ...plain, externalIPs: ['203.0.113.7', 'fd00::7'] },
      { externalIps: ['203.0.113.7'] },
    ],
    [
      'balancers’ addresses only of type LoadBalancer',
      { ...plain, type: 'NodePort', balancer: ['198.51.100.9'] },
      { loadBalancerIps: [] },
    ],
    [
      'balancers’ addresses',
      { ...plain, type: 'LoadBalancer', balancer: ['198.51.100.9', 'fd00::9'] },
      { loadBalancerIps: ['198.51.100.9'] },
    ],
    [
      'affinity of three hours',
      { ...plain, sessionAffinity: 'ClientIP' },
      { affinitySeconds: 10_800 },
    ],
    [
      'affinity of its own length',
      {
        ...plain,
        sessionAffinity: 'ClientIP',
        sessionAffinityConfig: { clientIP: { timeoutSeconds: 5 } },
      },
      { affinitySeconds: 5 },
    ],
    [
      'source ranges in their one form; one that cannot be read lets nobody in',
      { ...plain, loadBalancerSourceRanges: ['10.1.2.3/8', ' 192.0.2.7 ', 'fd00::/8', 'all'] },
      { loadBalancerSourceRanges: ['10.0.0.0/8', '192.0.2.7/32', '0.0.0.0/32', '0.0.0.0/32'] },
    ],
    [
      'its policies',
      { ...plain, internalTrafficPolicy: 'Local', externalTrafficPolicy: 'Local' },
      { internalLocal: true, externalLocal: true },
    ],
  ])('has %s', (_, fields, wanted) => {
    expect(portsOf(fields)[0]).toMatchObject(wanted);
  });

  test('leaves out a balancer that wants its traffic for itself (ipMode Proxy)', () => {
    const service: Service = {
      ...serviceOf('default/web', { ...plain, type: 'LoadBalancer' }),
      status: {
        loadBalancer: {
          ingress: [
            { ip: '198.51.100.1', ipMode: 'Proxy' },
            { ip: '198.51.100.2', ipMode: 'VIP' },
            { hostname: 'balancer.example' },
          ],
        },
      },
    };
    const [port] = buildServicePorts(service, [], 'n1');
    expect(port?.loadBalancerIps).toEqual(['198.51.100.2']);
  });
});

describe('endpoints', () => {
  test('are all, and those of this node', () => {
    const [port] = portsOf(plain, ['10.244.2.5 n2', '10.244.1.5 n1']);
    expect(addresses(port?.cluster)).toEqual(['10.244.1.5:8080', '10.244.2.5:8080']);
    expect(addresses(port?.local)).toEqual(['10.244.1.5:8080']);
  });

  test.each<[string, readonly string[], readonly string[]]>([
    ['ready ones', ['10.0.0.1 n1', '10.0.0.2 n1 ending', '10.0.0.3 n1 unready'], ['10.0.0.1:8080']],
    [
      'else those that end and serve on',
      ['10.0.0.2 n1 ending', '10.0.0.4 n1 gone'],
      ['10.0.0.2:8080'],
    ],
    ['else none: one that is not ready yet does not serve', ['10.0.0.3 n1 unready'], []],
  ])('take traffic: %s', (_, at, wanted) => {
    expect(addresses(portsOf(plain, at)[0]?.cluster)).toEqual(wanted);
  });

  test('of this node are chosen by themselves: an ending one here serves though another node has a ready one', () => {
    const [port] = portsOf(plain, ['10.244.1.5 n1 ending', '10.244.2.5 n2']);
    expect(addresses(port?.cluster)).toEqual(['10.244.2.5:8080']);
    expect(addresses(port?.local)).toEqual(['10.244.1.5:8080']);
  });

  /** kube-proxy topology_test.go; endpoints as "zone of the node it is on, zones of the hint, ready". */
  test.each<[string, string, readonly [string | undefined, boolean?][], readonly number[]]>([
    ['the node’s own', 'a', [['a'], ['b'], ['a']], [1, 3]],
    ['all, without hints', 'a', [[undefined], [undefined]], [1, 2]],
    ['all, where one has no hint', 'a', [['a'], [undefined]], [1, 2]],
    ['all, where none is for the zone', 'c', [['a'], ['b']], [1, 2]],
    ['all, on a node without a zone', '', [['a'], ['b']], [1, 2]],
    ['all that are ready, where none of the zone is', 'a', [['a', false], ['b']], [2]],
    [
      'its own, whatever those that are not ready say',
      'a',
      [['a'], [undefined, false], ['b']],
      [1],
    ],
  ])('by zone: %s', (_, zone, hinted, wanted) => {
    const endpoints = hinted.map(([name, ready = true], at) => ({
      addresses: [`10.0.0.${at + 1}`],
      conditions: { ready, serving: ready },
      nodeName: 'n1',
      ...(name !== undefined && { hints: { forZones: [{ name }] } }),
    }));
    const slices = [{ ...sliceOf('default/web', { ports, at: [] }), endpoints }];
    const [port] = buildServicePorts(serviceOf('default/web', plain), slices, 'n1', zone);
    expect(addresses(port?.cluster)).toEqual(wanted.map((at) => `10.0.0.${at}:8080`));
    const isReady = ([, ready = true]: readonly [unknown, boolean?]): boolean => ready;
    expect(port?.local).toHaveLength(hinted.filter(isReady).length);
  });

  const slice = (change: Partial<EndpointSlice>, at: readonly string[]): EndpointSlice => ({
    ...sliceOf('default/web', { ports, at }),
    ...change,
  });

  test('come from all slices, each once; ready wins where slices disagree', () => {
    const slices = [
      slice({}, ['10.0.0.1 n1 unready', '10.0.0.2 n1']),
      slice({}, ['10.0.0.1 n1', '10.0.0.2 n1 unready', '10.0.0.3 n2']),
    ];
    const found = endpointsOfPort(slices, '', 'TCP', 'n1');
    expect(found.map(({ ip, ready, local }) => [ip, ready, local])).toEqual([
      ['10.0.0.1', true, true],
      ['10.0.0.2', true, true],
      ['10.0.0.3', true, false],
    ]);
  });

  test('are those of the port’s name and protocol', () => {
    const slices = [
      slice(
        {
          ports: [
            { name: 'http', port: 8080 },
            { name: 'dns', port: 53, protocol: 'UDP' },
          ],
        },
        ['10.0.0.1 n1'],
      ),
    ];
    expect(addresses(endpointsOfPort(slices, 'http', 'TCP', 'n1'))).toEqual(['10.0.0.1:8080']);
    expect(addresses(endpointsOfPort(slices, 'dns', 'UDP', 'n1'))).toEqual(['10.0.0.1:53']);
    expect(endpointsOfPort(slices, 'dns', 'TCP', 'n1')).toEqual([]);
    expect(endpointsOfPort(slices, '', 'TCP', 'n1')).toEqual([]);
  });

  test('may have another number in each slice, as with a port that pods name', () => {
    const slices = [
      slice({ ports: [{ port: 8080 }] }, ['10.0.0.1 n1']),
      slice({ ports: [{ port: 9090 }] }, ['10.0.0.2 n1']),
    ];
    const found = endpointsOfPort(slices, '', 'TCP', 'n1');
    expect(addresses(found)).toEqual(['10.0.0.1:8080', '10.0.0.2:9090']);
  });

  test('are none of slices for IPv6 or names, of ports without a number, of what is no address', () => {
    expect(
      endpointsOfPort([slice({ addressType: 'FQDN' }, ['10.0.0.1 n1'])], '', 'TCP', 'n1'),
    ).toEqual([]);
    expect(endpointsOfPort([slice({ ports: [{}] }, ['10.0.0.1 n1'])], '', 'TCP', 'n1')).toEqual([]);
    expect(endpointsOfPort([slice({}, ['somewhere n1'])], '', 'TCP', 'n1')).toEqual([]);
  });

  test('are ready and serve when nothing is said of it', () => {
    const silent = slice({ endpoints: [{ addresses: ['10.0.0.1'] }] }, []);
    expect(endpointsOfPort([silent], '', 'TCP', 'n1')).toMatchObject([
      { ready: true, serving: true, terminating: false, local: false },
    ]);
    expect(usable(endpointsOfPort([silent], '', 'TCP', 'n1'))).toHaveLength(1);
  });
});
