import type { CannedAnswers } from './served-cluster.js';

const usage = (name: string, cpu: string, memory: string): object => ({
  metadata: { name },
  timestamp: '2026-01-01T12:00:00Z',
  window: '10s',
  usage: { cpu, memory },
});

const podUsage = (namespace: string, name: string, containers: readonly object[]): object => ({
  metadata: { name, namespace, labels: { app: name } },
  timestamp: '2026-01-01T12:00:00Z',
  window: '10s',
  containers,
});

const container = (name: string, cpu: string, memory: string): object => ({
  name,
  usage: { cpu, memory },
});

const pods: readonly {
  readonly namespace: string;
  readonly name: string;
  readonly object: object;
}[] = [
  {
    namespace: 'home',
    name: 'two',
    object: podUsage('home', 'two', [container('a', '250m', '64Mi'), container('b', '5m', '8Mi')]),
  },
  {
    namespace: 'home',
    name: 'one',
    object: podUsage('home', 'one', [container('a', '1n', '900Ki')]),
  },
  {
    namespace: 'other',
    name: 'far',
    object: podUsage('other', 'far', [container('c', '1500m', '2Gi')]),
  },
];

const group = '/apis/metrics.k8s.io/v1beta1';
const list = (kind: string, items: readonly object[]): object => ({
  kind,
  apiVersion: 'metrics.k8s.io/v1beta1',
  metadata: {},
  items,
});

const nodes: Readonly<Record<string, object>> = {
  'node-1': usage('node-1', '1200m', '3Gi'),
  'node-2': usage('node-2', '90m', '512Mi'),
};

const notFound = (resource: string, name: string): object => ({
  kind: 'Status',
  apiVersion: 'v1',
  status: 'Failure',
  code: 404,
  reason: 'NotFound',
  message: `${resource}.metrics.k8s.io "${name}" not found`,
  details: { name, group: 'metrics.k8s.io', kind: resource },
});

/** What containers printed, by `POD/CONTAINER`. */
const logs: Readonly<Record<string, string>> = {
  'two/a': 'one\ntwo\nthree\n',
  'two/b': 'bee\n',
  'one/a': 'hello\n',
};

/** Answers of a node with two pods that run, and of what measures them. */
export const cannedAnswers: CannedAnswers = (path, query) => {
  const log = /\/pods\/([^/]+)\/log$/.exec(path);
  if (log !== null) {
    const lines = (logs[`${log[1]}/${query.get('container') ?? ''}`] ?? '').split(/(?<=\n)/);
    const tail = Number(query.get('tailLines') ?? lines.length);
    return lines.slice(Math.max(0, lines.length - tail)).join('');
  }
  if (!path.startsWith(`${group}/`)) return undefined;
  const words = path.slice(group.length + 1).split('/');
  if (words[0] === 'nodes') {
    const [, name] = words;
    if (name === undefined) return list('NodeMetricsList', Object.values(nodes));
    return {
      kind: 'NodeMetrics',
      apiVersion: 'metrics.k8s.io/v1beta1',
      ...(nodes[name] ?? notFound('nodes', name)),
    };
  }
  const [first, namespace, , name] = words;
  const within = pods.filter((pod) => first === 'pods' || pod.namespace === namespace);
  if (name === undefined) {
    const label = query.get('labelSelector') ?? '';
    const chosen = within.filter((pod) => label === '' || label === `app=${pod.name}`);
    return list(
      'PodMetricsList',
      chosen.map(({ object }) => object),
    );
  }
  const found = within.find((pod) => pod.name === name);
  return {
    kind: 'PodMetrics',
    apiVersion: 'metrics.k8s.io/v1beta1',
    ...(found?.object ?? notFound('pods', name)),
  };
};
