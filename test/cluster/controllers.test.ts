/**
 * The scheduler and the controllers of a real master, as kubectl sees them. Its nodes are scripted: they report what a
 * kubelet would and run nothing.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { ControlPlane, until } from './lib/control-plane.js';

let cluster: ControlPlane;

beforeAll(async () => {
  cluster = await ControlPlane.start({
    basePort: 24_600,
    nodes: [{ name: 'n1' }, { name: 'n2' }, { name: 'n3' }],
    masterFlags: ['node-monitor-grace-period=3s', 'node-eviction-rate=10'].map(
      (flag) => `--controller-manager-arg=--${flag}`,
    ),
  });
}, 40_000);

afterAll(async () => {
  await cluster.stop();
}, 20_000);

function template(app: string, spec: object = {}) {
  const containers = [{ name: 'c', image: 'image:1', ports: [{ containerPort: 80 }] }];
  return { metadata: { labels: { app } }, spec: { containers, ...spec } };
}

function workload(kind: string, name: string, spec: object, pod: object = {}) {
  return {
    apiVersion: 'apps/v1',
    kind,
    metadata: { name },
    spec: {
      selector: { matchLabels: { app: name } },
      template: template(name, pod),
      ...spec,
    },
  };
}

const count = (text: string): number => text.split(' ').filter((word) => word !== '').length;

async function podsOf(app: string, namespace = 'default'): Promise<number> {
  return count(
    await cluster.read(`pods -n ${namespace} -l app=${app}`, '{.items[*].metadata.name}'),
  );
}

describe('nodes', () => {
  test('each gets a block of the pod network of its own', async () => {
    await until(async () => count(await cluster.read('nodes', '{.items[*].spec.podCIDR}')) === 3);
    const blocks = (await cluster.read('nodes', '{.items[*].spec.podCIDR}')).split(' ');
    expect(new Set(blocks).size).toBe(3);
    await until(async () => (await cluster.read('nodes', '{.items[*].spec.taints}')) === '');
  });
});

describe('workloads', () => {
  test('a Deployment rolls out, back, and scales', async () => {
    const rollout = async (verb: string): Promise<string> =>
      await cluster.kubectl('rollout', verb, 'deployment/web');
    await cluster.apply(workload('Deployment', 'web', { replicas: 3 }));
    expect(await cluster.kubectl('rollout', 'status', 'deployment/web', '--timeout=15s')).toContain(
      'successfully rolled out',
    );
    await cluster.kubectl('set', 'image', 'deployment/web', 'c=image:2');
    await cluster.kubectl('rollout', 'status', 'deployment/web', '--timeout=15s');
    expect((await rollout('history')).split('\n').slice(1)).toEqual([
      'REVISION  CHANGE-CAUSE',
      '1         <none>',
      '2         <none>',
    ]);
    await rollout('undo');
    await cluster.kubectl('rollout', 'status', 'deployment/web', '--timeout=15s');
    expect(await cluster.read('pods -l app=web', '{.items[*].spec.containers[0].image}')).toBe(
      'image:1 image:1 image:1',
    );
    await cluster.kubectl('scale', 'deployment/web', '--replicas=5');
    await cluster.kubectl('rollout', 'status', 'deployment/web', '--timeout=15s');
    expect(await podsOf('web')).toBe(5);
  }, 60_000);

  test('a StatefulSet has claims that are bound to volumes where its pods are', async () => {
    const claim = {
      metadata: { name: 'data' },
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
    };
    const spec = { replicas: 2, serviceName: 'db', volumeClaimTemplates: [claim] };
    await cluster.apply(workload('StatefulSet', 'db', spec));
    await cluster.kubectl('rollout', 'status', 'statefulset/db', '--timeout=15s');
    expect(await cluster.read('pods -l app=db', '{.items[*].metadata.name}')).toBe('db-0 db-1');
    await until(
      async () => (await cluster.read('pvc', '{.items[*].status.phase}')) === 'Bound Bound',
    );
    const volume = await cluster.read('pvc data-db-0', '{.spec.volumeName}');
    const place = '{.spec.nodeAffinity.required.nodeSelectorTerms[0].matchFields[0].values[0]}';
    expect(await cluster.read(`pv ${volume}`, place)).toBe(
      await cluster.read('pod db-0', '{.spec.nodeName}'),
    );
  }, 30_000);

  test('a DaemonSet has one pod a node', async () => {
    await cluster.apply(workload('DaemonSet', 'every', {}));
    await cluster.kubectl('rollout', 'status', 'daemonset/every', '--timeout=15s');
    const nodes = (await cluster.read('pods -l app=every', '{.items[*].spec.nodeName}')).split(' ');
    expect(nodes.toSorted()).toEqual(['n1', 'n2', 'n3']);
  }, 30_000);

  test('Jobs complete, or give up', async () => {
    const job = (name: string, args: string[], spec: object) => ({
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name },
      spec: {
        template: {
          spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'i', args }] },
        },
        ...spec,
      },
    });
    await cluster.apply(
      job('good', [], { completions: 3, parallelism: 2 }),
      job('bad', ['exit', '3'], { backoffLimit: 0 }),
    );
    await cluster.kubectl('wait', '--for=condition=Complete', 'job/good', '--timeout=15s');
    await cluster.kubectl('wait', '--for=condition=Failed', 'job/bad', '--timeout=15s');
    expect(await cluster.read('job good', '{.status.succeeded}')).toBe('3');
    expect(await cluster.read('job bad', '{.status.conditions[-1].reason}')).toBe(
      'BackoffLimitExceeded',
    );
  }, 40_000);
});

describe('services', () => {
  test('have slices and Endpoints of their ready pods', async () => {
    await cluster.kubectl('expose', 'deployment/web', '--port=80');
    const slices = async (path: string): Promise<string> =>
      await cluster.read('endpointslices -l kubernetes.io/service-name=web', path);
    const addresses = async (): Promise<number> =>
      count(await slices('{.items[*].endpoints[*].addresses[0]}'));
    await until(async () => (await addresses()) === 5);
    expect(count(await cluster.read('endpoints web', '{.subsets[*].addresses[*].ip}'))).toBe(5);
    const name = await slices('{.items[*].metadata.name}');
    await cluster.kubectl('scale', 'deployment/web', '--replicas=4');
    await until(async () => (await addresses()) === 4);
    // The slice is changed, not made anew.
    expect(await slices('{.items[*].metadata.name}')).toBe(name);
  }, 30_000);

  test('one without pods has an empty slice; hand-written Endpoints are mirrored', async () => {
    const service = (name: string, spec: object) => ({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name },
      spec: { ports: [{ name: 'http', port: 80 }], ...spec },
    });
    await cluster.apply(service('none', { selector: { app: 'none' } }), service('far', {}), {
      apiVersion: 'v1',
      kind: 'Endpoints',
      metadata: { name: 'far' },
      subsets: [{ addresses: [{ ip: '192.0.2.9' }], ports: [{ name: 'http', port: 8080 }] }],
    });
    const slice = async (name: string, path: string): Promise<string> =>
      await cluster.read(
        `endpointslices -l kubernetes.io/service-name=${name}`,
        `{.items[*]${path}}`,
      );
    await until(async () => (await slice('far', '.endpoints[*].addresses[0]')) === '192.0.2.9');
    await until(async () => (await slice('none', '.addressType')) === 'IPv4');
    expect(await slice('none', '.endpoints[*]')).toBe('');
  }, 30_000);
});

describe('deletion', () => {
  const own = async (app: string): Promise<string> =>
    await cluster.read(`pods -l app=${app}`, '{.items[*].metadata.ownerReferences[*].kind}');

  test('orphan leaves dependents, foreground goes last, background goes first', async () => {
    for (const name of ['a', 'b', 'c']) {
      await cluster.apply(workload('ReplicaSet', name, { replicas: 2 }));
    }
    await until(async () => (await podsOf('a')) + (await podsOf('b')) + (await podsOf('c')) === 6);
    await cluster.kubectl('delete', 'replicaset', 'a', '--cascade=orphan');
    await cluster.kubectl('delete', 'replicaset', 'b', '--cascade=foreground', '--timeout=15s');
    expect(await podsOf('b')).toBe(0);
    await cluster.kubectl('delete', 'replicaset', 'c');
    await until(async () => (await podsOf('c')) === 0);
    await until(async () => (await own('a')) === '');
    expect(await podsOf('a')).toBe(2);
  }, 40_000);

  test('a namespace goes with all that is in it', async () => {
    await cluster.kubectl('create', 'namespace', 'gone');
    await until(
      async () => (await cluster.refusal('get', 'serviceaccount', 'default', '-n', 'gone')) === '',
    );
    await until(
      async () =>
        (await cluster.refusal('get', 'configmap', 'kube-root-ca.crt', '-n', 'gone')) === '',
    );
    await cluster.kubectl('create', 'deployment', 'x', '--image=i', '--replicas=3', '-n', 'gone');
    await until(async () => (await podsOf('x', 'gone')) === 3);
    await cluster.kubectl('delete', 'namespace', 'gone', '--timeout=20s');
    expect(await cluster.refusal('get', 'namespace', 'gone')).toContain('not found');
  }, 40_000);
});

describe('policy', () => {
  test('an eviction that a budget forbids is refused', async () => {
    await cluster.kubectl('create', 'pdb', 'web', '--selector=app=web', '--min-available=4');
    await until(async () => (await cluster.read('pdb web', '{.status.currentHealthy}')) === '4');
    const pod = await cluster.read('pods -l app=web', '{.items[0].metadata.name}');
    const evict = cluster.client.create(
      { group: '', version: 'v1', resource: 'pods' },
      {
        apiVersion: 'policy/v1',
        kind: 'Eviction',
        metadata: { name: pod, namespace: 'default' },
      },
      { subresource: 'eviction', name: pod },
    );
    await expect(evict).rejects.toMatchObject({ code: 429, reason: 'TooManyRequests' });
    await cluster.kubectl('delete', 'pdb', 'web');
  }, 30_000);

  test('a quota counts what is there', async () => {
    await cluster.kubectl('create', 'namespace', 'small');
    await cluster.kubectl('create', 'quota', 'q', '--hard=pods=1,configmaps=9', '-n', 'small');
    await until(
      async () => (await cluster.read('quota q -n small', '{.status.used.configmaps}')) === '1',
    );
    await cluster.kubectl('run', 'one', '--image=i', '-n', 'small');
    await until(
      async () => (await cluster.read('quota q -n small', '{.status.used.pods}')) === '1',
    );
    expect(await cluster.refusal('run', 'two', '--image=i', '-n', 'small')).toContain(
      'exceeded quota',
    );
  }, 30_000);
});

describe('scheduling', () => {
  const label = (app: string) => ({ labelSelector: { matchLabels: { app } } });

  test('pods that repel each other: one a node, and the rest says why it waits', async () => {
    const term = { topologyKey: 'kubernetes.io/hostname', ...label('apart') };
    const affinity = {
      podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] },
    };
    await cluster.apply(workload('ReplicaSet', 'apart', { replicas: 4 }, { affinity }));
    const nodes = (): Promise<string> =>
      cluster.read('pods -l app=apart', '{.items[*].spec.nodeName}');
    await until(async () => count(await nodes()) === 3);
    expect((await nodes()).split(' ').toSorted()).toEqual(['n1', 'n2', 'n3']);
    const message = '{.items[*].status.conditions[?(@.reason=="Unschedulable")].message}';
    await until(async () => (await cluster.read('pods -l app=apart', message)) !== '');
    expect(await cluster.read('pods -l app=apart', message)).toContain(
      "0/3 nodes are available: 3 node(s) didn't match pod anti-affinity rules.",
    );
    await cluster.kubectl('delete', 'replicaset', 'apart');
  }, 30_000);

  test('a pod that matters more takes the place of one that matters less', async () => {
    const container = (cpu: string) => ({
      containers: [{ name: 'c', image: 'i', resources: { requests: { cpu } } }],
    });
    await cluster.apply(workload('ReplicaSet', 'low', { replicas: 3 }, container('6')));
    const names = '{.items[*].spec.nodeName}';
    await until(async () => count(await cluster.read('pods -l app=low', names)) === 3);
    await cluster.apply(
      {
        apiVersion: 'scheduling.k8s.io/v1',
        kind: 'PriorityClass',
        metadata: { name: 'high' },
        value: 1000,
      },
      {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'vip' },
        spec: { priorityClassName: 'high', ...container('4') },
      },
    );
    await until(async () => (await cluster.read('pod vip', '{.spec.nodeName}')) !== '');
    await until(async () => count(await cluster.read('pods -l app=low', names)) === 2);
    await cluster.kubectl('delete', 'replicaset/low', 'pod/vip');
  }, 30_000);
});

describe('a node that falls silent', () => {
  test('is tainted, its pods are evicted and made anew elsewhere', async () => {
    const tolerate = ['unreachable', 'not-ready'].map((key) => ({
      key: `node.kubernetes.io/${key}`,
      operator: 'Exists',
      effect: 'NoExecute',
      tolerationSeconds: 1,
    }));
    await cluster.apply(
      workload('Deployment', 'moving', { replicas: 6 }, { tolerations: tolerate }),
    );
    await cluster.kubectl('rollout', 'status', 'deployment/moving', '--timeout=15s');
    const places = async (): Promise<string[]> => {
      const path = '{range .items[*]}{.spec.nodeName}={.metadata.deletionTimestamp} {end}';
      const all = (await cluster.read('pods -l app=moving', path)).split(' ');
      return all.filter((place) => place.endsWith('='));
    };
    expect(await places()).toContain('n3=');
    cluster.kubelet.silence('n3');
    await until(
      async () => (await places()).length === 6 && !(await places()).includes('n3='),
      25_000,
    );
    expect(await cluster.read('node n3', '{.spec.taints[*].key}')).toContain('unreachable');
    expect(await cluster.read('node n3', '{.status.conditions[?(@.type=="Ready")].status}')).toBe(
      'Unknown',
    );
    await cluster.kubectl('delete', 'node', 'n3');
    await until(async () => (await podsOf('moving')) === 6);
  }, 60_000);
});
