import { describe, expect, test } from '@jest/globals';
import type { Node, Pod, Service } from '../../../api/types/core.js';
import { familiesOf, planSliceGroups, planSubsets, sliceLabels, targetPort } from './plan.js';

function service(spec: Partial<Service['spec']> = {}): Service {
  return {
    metadata: { name: 'web', namespace: 'default', labels: { team: 'blue' } },
    spec: { clusterIP: '10.96.0.9', ports: [{ port: 80, targetPort: 8080 }], ...spec },
  };
}

interface State {
  readonly ips?: string[];
  readonly ready?: boolean;
  readonly phase?: string;
  readonly deleted?: boolean;
  readonly node?: string;
  readonly spec?: Partial<Pod['spec']>;
}

function pod(name: string, state: State = {}): Pod {
  const { ips = ['10.0.0.1'], ready = true, phase = 'Running', node = 'n' } = state;
  return {
    metadata: {
      name,
      namespace: 'default',
      uid: name,
      ...(state.deleted === true ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}),
    },
    spec: { containers: [], ...(node === '' ? {} : { nodeName: node }), ...state.spec },
    status: {
      phase,
      podIPs: ips.map((ip) => ({ ip })),
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
    },
  };
}

describe('the port of a service in a pod', () => {
  const named = (name: string, containerPort: number, protocol?: string) => ({
    name,
    containerPort,
    ...(protocol === undefined ? {} : { protocol }),
  });
  const holder = pod('p', {
    spec: {
      containers: [
        { name: 'a', ports: [named('http', 8080), named('dns', 53, 'UDP')] },
        { name: 'b', ports: [named('http', 9999)] },
      ],
      initContainers: [
        { name: 's', restartPolicy: 'Always', ports: [named('metrics', 9100)] },
        { name: 'i', ports: [named('setup', 1)] },
      ],
    },
  });
  test.each([
    ['none given: its own', { port: 80 }, 80],
    ['0: its own', { port: 80, targetPort: 0 }, 80],
    ['a number', { port: 80, targetPort: 8443 }, 8443],
    ['a name: the first of that name', { port: 80, targetPort: 'http' }, 8080],
    ['a name of another protocol', { port: 53, targetPort: 'dns' }, undefined],
    ['that protocol', { port: 53, targetPort: 'dns', protocol: 'UDP' }, 53],
    ['of a sidecar', { port: 80, targetPort: 'metrics' }, 9100],
    ['of an init container', { port: 80, targetPort: 'setup' }, undefined],
    ['of nobody', { port: 80, targetPort: 'x' }, undefined],
  ])('%s', (_, port, number) => {
    expect(targetPort(port, holder)).toBe(number);
  });
});

describe('Endpoints', () => {
  const ips = (of: Service, pods: readonly Pod[]) =>
    planSubsets(of, pods).map(({ addresses = [], notReadyAddresses = [] }) => [
      addresses.map(({ ip }) => ip),
      notReadyAddresses.map(({ ip }) => ip),
    ]);
  const a = pod('a', { ips: ['10.0.0.2'] });
  const b = pod('b', { ips: ['10.0.0.1'], ready: false });
  const over = pod('c', { ips: ['10.0.0.3'], phase: 'Succeeded' });
  const going = pod('d', { ips: ['10.0.0.4'], deleted: true });
  const nowhere = pod('e', { ips: [] });
  const all = [a, b, over, going, nowhere];

  test('ready and not ready apart, by address; not those that have ended or are ending', () => {
    expect(ips(service(), all)).toEqual([[['10.0.0.2'], ['10.0.0.1']]]);
  });

  test('publishNotReadyAddresses: all but those that have ended', () => {
    expect(ips(service({ publishNotReadyAddresses: true }), all)).toEqual([
      [['10.0.0.1', '10.0.0.2', '10.0.0.4'], []],
    ]);
  });

  test('pods with other ports make another subset', () => {
    const ports = [{ port: 80, targetPort: 'http' }];
    const at = (containerPort: number) => ({
      containers: [{ name: 'c', ports: [{ name: 'http', containerPort }] }],
    });
    const subsets = planSubsets(service({ ports }), [
      pod('a', { spec: at(8080) }),
      pod('b', { spec: at(9090) }),
      pod('c', { spec: { containers: [{ name: 'c' }] } }),
    ]);
    expect(subsets.map(({ ports: found }) => found)).toEqual([
      [{ port: 8080, protocol: 'TCP' }],
      [{ port: 9090, protocol: 'TCP' }],
    ]);
  });

  test('a headless service without ports has addresses all the same', () => {
    const headless = service({ clusterIP: 'None', ports: [] });
    expect(planSubsets(headless, [a])).toEqual([
      {
        addresses: [
          {
            ip: '10.0.0.2',
            nodeName: 'n',
            targetRef: { kind: 'Pod', name: 'a', namespace: 'default', uid: 'a' },
          },
        ],
      },
    ]);
    expect(planSubsets(service({ ports: [] }), [a])).toEqual([]);
  });

  test('a hostname shows below the service of its subdomain only', () => {
    const spec = { containers: [], hostname: 'web-0', subdomain: 'web' };
    const [subset] = planSubsets(service(), [
      pod('a', { ips: ['10.0.0.1'], spec }),
      pod('b', { ips: ['10.0.0.2'], spec: { ...spec, subdomain: 'db' } }),
    ]);
    expect(subset?.addresses?.map(({ hostname }) => hostname)).toEqual(['web-0', undefined]);
  });

  test('ended pods are left out', () => {
    const ended = Array.from({ length: 1000 }, (_, at) => pod(`a${at}`, { phase: 'Failed' }));
    expect(ips(service(), [...ended, pod('z')])).toEqual([[['10.0.0.1'], []]]);
  });
});

describe('EndpointSlices', () => {
  const zone: Node = {
    metadata: { name: 'n', labels: { 'topology.kubernetes.io/zone': 'west' } },
    spec: {},
  };
  const conditions = (of: Service, state: State) =>
    planSliceGroups(of, [pod('a', state)], () => zone)[0]?.endpoints[0]?.conditions;

  test.each([
    ['ready', {}, {}, [true, true, false]],
    ['not ready', {}, { ready: false }, [false, false, false]],
    ['ending and serving', {}, { deleted: true }, [false, true, true]],
    [
      'not ready, published',
      { publishNotReadyAddresses: true },
      { ready: false },
      [true, false, false],
    ],
    [
      'ending, published',
      { publishNotReadyAddresses: true },
      { deleted: true },
      [true, true, true],
    ],
  ])('%s', (_, spec, state, [ready, serving, terminating]) => {
    expect(conditions(service(spec), state)).toEqual({ ready, serving, terminating });
  });

  test.each([
    ['PreferClose', {}, [{ name: 'west' }]],
    ['PreferClose', { ready: false }, undefined],
    ['PreferClose', { deleted: true }, undefined],
    [undefined, {}, undefined],
  ])('zones: %s %j', (trafficDistribution, state, wanted) => {
    const of = service(trafficDistribution === undefined ? {} : { trafficDistribution });
    const hints = (node: () => Node | undefined) =>
      planSliceGroups(of, [pod('a', state)], node)[0]?.endpoints[0]?.hints?.forZones;
    expect(hints(() => zone)).toEqual(wanted);
    expect(hints(() => undefined)).toBeUndefined();
  });

  test('node and zone are told; who has none, or has ended, is left out', () => {
    const pods = [pod('a'), pod('b', { node: '' }), pod('c', { phase: 'Failed' })];
    const [group, ...others] = planSliceGroups(service(), pods, () => zone);
    expect(others).toEqual([]);
    expect(group?.ports).toEqual([{ name: '', port: 8080, protocol: 'TCP' }]);
    expect(group?.endpoints).toMatchObject([
      { addresses: ['10.0.0.1'], nodeName: 'n', zone: 'west', targetRef: { name: 'a' } },
    ]);
  });

  test('a service of two families has slices of both', () => {
    const both = service({ ipFamilies: ['IPv6', 'IPv4'] });
    const groups = planSliceGroups(
      both,
      [pod('a', { ips: ['10.0.0.1', 'fd00::1'] }), pod('b', { ips: ['10.0.0.2'] })],
      () => undefined,
    );
    expect(
      groups.map(({ addressType, endpoints }) => [
        addressType,
        endpoints.map(({ addresses }) => addresses[0]),
      ]),
    ).toEqual([
      ['IPv6', ['fd00::1']],
      ['IPv4', ['10.0.0.1', '10.0.0.2']],
    ]);
  });

  test.each([
    [{ ipFamilies: ['IPv6'] }, ['IPv6']],
    [{ clusterIP: 'fd00::9' }, ['IPv6']],
    [{ clusterIP: 'None' }, ['IPv4']],
  ])('families of %j', (spec, families) => {
    expect(familiesOf(service(spec))).toEqual(families);
  });

  test('labels: the service’s own, who it is, and who manages them', () => {
    expect(sliceLabels(service({ clusterIP: 'None' }), 'me')).toEqual({
      team: 'blue',
      'service.kubernetes.io/headless': '',
      'kubernetes.io/service-name': 'web',
      'endpointslice.kubernetes.io/managed-by': 'me',
    });
  });
});
