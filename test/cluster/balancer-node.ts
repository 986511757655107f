/** The netproxy of one node of two, with a load balancer of the pool, told by load-balancer.test.ts what happens. */
import { netproxyAnnotation } from '../../src/api/facts/node-network.js';
import { poolCondition } from '../../src/api/facts/load-balancers.js';
import type { Node, Service } from '../../src/api/types/core.js';
import type { EndpointSlice } from '../../src/api/types/networking.js';
import { createInformerFactory } from '../../src/client/index.js';
import { resources } from '../../src/client/resources.js';
import { FakeApi } from '../../src/client/testkit/fake.js';
import { systemClock } from '../../src/lib/clock.js';
import { createLogger } from '../../src/lib/create-logger.js';
import type { ProxyMode } from '../../src/netproxy/index.js';
import { startNetproxy } from '../../src/netproxy/index.js';

/** What a node is told of the cluster. */
export interface Told {
  /** Node → what its agent says of its netproxy. */
  readonly netproxies?: Readonly<Record<string, string>>;
  /** Nodes with an endpoint. */
  readonly endpoints?: readonly string[];
  readonly policy?: 'Cluster' | 'Local';
}

const [nodeName = '', dataDir = '', mode = '', address = ''] = process.argv.slice(2);
const api = new FakeApi();
const clock = systemClock();
const log = createLogger({ component: nodeName, level: 'warn' });
const informers = createInformerFactory({ client: api, clock, log });
const ports = [{ port: 8080, protocol: 'TCP' as const }];
const numberOf = (node: string): string => node.slice(1);

function node(name: string, netproxy: string): Node {
  const addresses = [{ type: 'InternalIP', address: `192.168.98.${numberOf(name)}` }];
  return {
    metadata: { name, annotations: { [netproxyAnnotation]: netproxy } },
    spec: {},
    status: { conditions: [{ type: 'Ready', status: 'True' }], addresses },
  };
}

function slice(nodes: readonly string[]): EndpointSlice {
  const labels = { 'kubernetes.io/service-name': 'web' };
  const endpoints = nodes.map((name) => ({
    addresses: [`10.244.${numberOf(name)}.1`],
    nodeName: name,
    conditions: { ready: true },
  }));
  return {
    metadata: { namespace: 'default', name: 'web-1', labels },
    addressType: 'IPv4',
    ports,
    endpoints,
  };
}

function service(externalTrafficPolicy: string): Service {
  const condition = { type: poolCondition, status: 'True' as const, reason: 'x', message: '' };
  return {
    metadata: { namespace: 'default', name: 'web' },
    spec: {
      type: 'LoadBalancer',
      clusterIP: '10.96.5.5',
      ports: [{ port: 80, protocol: 'TCP', targetPort: 8080 }],
      externalTrafficPolicy,
    },
    status: {
      loadBalancer: { ingress: [{ ip: address }] },
      conditions: [{ ...condition, lastTransitionTime: '2026-01-01T00:00:00Z' }],
    },
  };
}

async function change({ netproxies = {}, endpoints, policy }: Told): Promise<void> {
  for (const [name, netproxy] of Object.entries(netproxies)) {
    const { metadata } = await api.get<Node>(resources.nodes, { name });
    const wanted = node(name, netproxy);
    await api.update(resources.nodes, { ...wanted, metadata: { ...metadata, ...wanted.metadata } });
  }
  if (endpoints !== undefined) {
    const held = await api.get<EndpointSlice>(resources.endpointSlices, {
      namespace: 'default',
      name: 'web-1',
    });
    await api.update(resources.endpointSlices, { ...held, endpoints: slice(endpoints).endpoints });
  }
  if (policy !== undefined) {
    const held = await api.get<Service>(resources.services, { namespace: 'default', name: 'web' });
    await api.update(resources.services, { ...held, spec: service(policy).spec });
  }
}

async function start(): Promise<void> {
  for (const name of ['n1', 'n2']) await api.create(resources.nodes, node(name, `running ${mode}`));
  await api.create(resources.services, service('Cluster'));
  await api.create(resources.endpointSlices, slice(['n1', 'n2']));
  const proxy = startNetproxy({
    informers,
    nodeName,
    nodeIp: `192.168.98.${numberOf(nodeName)}`,
    clusterCidr: '10.244.0.0/16',
    serviceCidr: '10.96.0.0/16',
    dataDir,
    clock,
    log,
    clusterDns: '10.96.0.10',
    mode: mode as ProxyMode,
    client: api,
  });
  await proxy.ready;
  process.send?.('ready');
}

process.on('message', (told: Told) => void change(told));
process.on('disconnect', () => process.exit());
await start();
