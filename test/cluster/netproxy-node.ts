/** A node's network as a process of its own, driven by messages from netproxy.test.ts. */
import type { KubeObject } from '../../src/api/object.js';
import { execFileSync, spawnSync } from 'node:child_process';
import { FakeApi } from '../../src/client/testkit/fake.js';
import { createInformerFactory } from '../../src/client/index.js';
import { systemClock } from '../../src/lib/clock.js';
import { createLogger } from '../../src/lib/create-logger.js';
import { createPodNetwork, startNetproxy } from '../../src/netproxy/index.js';
import type { Netproxy, PodRef, ProxyMode } from '../../src/netproxy/index.js';
import type { Service } from '../../src/api/types/core.js';
import type { EndpointSlice } from '../../src/api/types/networking.js';
import { resources } from '../../src/client/resources.js';

const api = new FakeApi();
const clock = systemClock();
const log = createLogger({ component: 'netproxy-test', level: 'warn' });
const informers = createInformerFactory({ client: api, clock, log });
const common = {
  informers,
  nodeName: 'n1',
  nodeIp: '192.168.97.2',
  clusterCidr: '10.244.0.0/16',
  serviceCidr: '10.96.0.0/16',
  dataDir: process.argv[2] ?? '',
  clock,
  log,
};
let mode = process.argv[3] as ProxyMode;
let proxy: Netproxy | undefined;
const network = createPodNetwork({
  ...common,
  podCidr: '10.244.7.0/24',
  isolation: {
    isolate: async (pod) => proxy?.isolate(pod),
    adopt: (pods) => proxy?.adopt(pods),
    forget: (podUid) => proxy?.forget(podUid),
  },
});
let ips: string[] = [];

function service(name: string, clusterIP: string, type: string, more: object = {}): Service {
  const port = { name: 'http', port: 80, targetPort: 8080, protocol: 'TCP' as const };
  const nodePort = type === 'NodePort' ? { nodePort: 30080 } : {};
  return {
    metadata: { namespace: 'default', name },
    spec: { type, clusterIP, clusterIPs: [clusterIP], ports: [{ ...port, ...nodePort }], ...more },
  };
}

function slice(name: string, which: readonly number[]): EndpointSlice {
  return {
    metadata: {
      namespace: 'default',
      name: `${name}-1`,
      labels: { 'kubernetes.io/service-name': name },
    },
    addressType: 'IPv4',
    ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
    endpoints: which.map((index) => ({
      addresses: [ips[index] ?? ''],
      conditions: { ready: true },
      nodeName: 'n1',
      hostname: ['a', 'b'][index] ?? '',
    })),
  };
}

async function start(pods: readonly { name: string; netnsPath: string }[]): Promise<object> {
  const refs: PodRef[] = pods.map((pod) => ({ ...pod, podUid: pod.name, namespace: 'default' }));
  await network.recover([]);
  const all = await Promise.all(refs.map((pod) => network.setUp(pod)));
  ips = all.map((pod) => pod.ips[0] ?? '');
  const again = await network.recover(refs);
  if (again.size !== refs.length) throw new Error('a pod was not found again');
  await api.create<KubeObject>(resources.namespaces, { metadata: { name: 'default' } });
  await api.create(resources.services, service('web', '10.96.5.5', 'NodePort'));
  await api.create(resources.services, service('headless', 'None', 'ClusterIP'));
  const sessionAffinity = 'ClientIP';
  await api.create(
    resources.services,
    service('sticky', '10.96.5.7', 'ClusterIP', { sessionAffinity }),
  );
  const ranges = { loadBalancerSourceRanges: [`${ips[0] ?? ''}/32`] };
  await api.create(resources.services, {
    ...service('balanced', '10.96.5.8', 'LoadBalancer', {
      ...ranges,
      externalIPs: ['203.0.113.7'],
    }),
    status: { loadBalancer: { ingress: [{ ip: '203.0.113.9' }] } },
  });
  for (const name of ['web', 'sticky', 'balanced']) {
    await api.create(resources.endpointSlices, slice(name, [0, 1]));
  }
  await api.create(resources.endpointSlices, slice('headless', [0, 1]));
  const backend = { service: { name: 'web', port: { number: 80 } } };
  const ingress = {
    metadata: { namespace: 'default', name: 'web' },
    spec: {
      ingressClassName: 'trireme',
      rules: [{ host: 'web.test', http: { paths: [{ path: '/', pathType: 'Prefix', backend }] } }],
    },
  };
  await api.create<KubeObject>(resources.ingresses, ingress);
  await startProxy();
  return { ips };
}

async function startProxy(): Promise<void> {
  proxy = startNetproxy({ ...common, clusterDns: '10.96.0.10', mode, client: api });
  await proxy.ready;
}

/** The services go over to another way of being served. */
async function change(to: ProxyMode): Promise<void> {
  await proxy?.stop();
  mode = to;
  await startProxy();
}

async function endpoints(which: readonly number[]): Promise<void> {
  const key = { namespace: 'default', name: 'web-1' };
  const held = await api.get<EndpointSlice>(resources.endpointSlices, key);
  await api.update(resources.endpointSlices, { ...held, endpoints: slice('web', which).endpoints });
  const until = clock.monotonicMs() + 10_000;
  while (served() !== which.length) {
    if (clock.monotonicMs() > until) throw new Error(`rules were not changed: ${served()}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** The number of endpoints that the kernel has for the ClusterIP of "web"; -1 = neither those nor a refusal. */
function served(): number {
  if (mode === 'nftables') {
    // The table may be missing, where somebody else took it away.
    const { stdout } = spawnSync('nft', ['list', 'table', 'ip', 'kube-proxy'], {
      encoding: 'utf8',
    });
    if (/10\.96\.5\.5 \. tcp \. 80 .*: goto reject-chain/.test(stdout)) return 0;
    return stdout.match(/10\.96\.5\.5 \. 80 \. \d+ :/g)?.length ?? -1;
  }
  const saved = execFileSync('iptables-save', { encoding: 'utf8' });
  if (saved.includes('default/web:http has no endpoints')) return 0;
  const chain = /-A (\S+) .*"default\/web:http -> /.exec(saved)?.[1] ?? 'none';
  const targets = saved.split('\n').filter((line) => line.startsWith(`-A ${chain} `));
  return targets.filter((line) => line.includes('"default/web:http -> ')).length || -1;
}

/** Nobody may reach the second pod. */
async function policy(): Promise<void> {
  for (const [index, ip] of ips.entries()) {
    await api.create<KubeObject & { spec: object; status: object }>(resources.pods, {
      metadata: {
        namespace: 'default',
        name: `pod${index}`,
        uid: `uid-${index}`,
        labels: { index: `${index}` },
      },
      spec: { nodeName: 'n1' },
      status: { podIP: ip },
    });
  }
  await api.create<KubeObject & { spec: object }>(resources.networkPolicies, {
    metadata: { namespace: 'default', name: 'closed' },
    spec: { podSelector: { matchLabels: { index: '1' } }, policyTypes: ['Ingress'] },
  });
}

/** The first pod may reach nothing but the name server. */
async function egressPolicy(): Promise<void> {
  await api.create<KubeObject>(resources.namespaces, {
    metadata: { name: 'kube-system', labels: { name: 'kube-system' } },
  });
  const dns = {
    namespaceSelector: { matchLabels: { name: 'kube-system' } },
    podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } },
  };
  await api.create<KubeObject & { spec: object }>(resources.networkPolicies, {
    metadata: { namespace: 'default', name: 'no-way-out' },
    spec: {
      podSelector: { matchLabels: { index: '0' } },
      policyTypes: ['Egress'],
      egress: [{ to: [dns], ports: [{ protocol: 'UDP', port: 53 }] }],
    },
  });
}

/** Takes back what `policy` closed. */
function open(): Promise<void> {
  return api.delete(resources.networkPolicies, { namespace: 'default', name: 'closed' });
}

interface Command {
  readonly open?: boolean;
  readonly egressPolicy?: boolean;
  readonly policy?: boolean;
  readonly start?: { name: string; netnsPath: string }[];
  readonly endpoints?: number[];
  readonly change?: ProxyMode;
  readonly cleanUp?: boolean;
  readonly stop?: boolean;
}

async function handle(command: Command): Promise<unknown> {
  if (command.start !== undefined) return start(command.start);
  if (command.endpoints !== undefined) return endpoints(command.endpoints);
  if (command.policy === true) return policy();
  if (command.open === true) return open();
  if (command.egressPolicy === true) return egressPolicy();
  if (command.change !== undefined) return change(command.change);
  await proxy?.stop();
  if (command.cleanUp === true) return proxy?.cleanUp();
  await network.stop();
  informers.stop();
  return undefined;
}

process.on('message', (command: Command) => {
  handle(command).then(
    (value) => process.send?.({ value }),
    (error: unknown) => process.send?.({ error: String(error) }),
  );
});
