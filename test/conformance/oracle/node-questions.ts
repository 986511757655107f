/**
 * The questions about a node's rights: every resource with its subresources, by every verb, about its own, others' and
 * new objects.
 */

/** One object, or a collection where the name is empty, that all verbs are asked about. */
export interface Question {
  readonly group: string;
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
}

export const matrixNode = 'matrix-a';
export const verbs = [
  'get',
  'list',
  'watch',
  'create',
  'update',
  'patch',
  'delete',
  'deletecollection',
  'impersonate',
  'bind',
  'escalate',
  'approve',
  'sign',
  'proxy',
] as const;

const [home, away] = ['node-matrix-1', 'node-matrix-2'];
type Place = readonly [namespace: string, name: string];
const anywhere: readonly Place[] = [
  ['', ''],
  [home, ''],
  [home, 'new'],
];
const clusterWide: readonly Place[] = [
  ['', ''],
  ['', 'new'],
];
const inHome = (...names: readonly string[]): readonly Place[] =>
  names.map((name): Place => [home, name]);

/** `group/resource` and its subresources, and where they are asked about. */
const asked: readonly (readonly [string, readonly string[], readonly Place[]])[] = [
  [
    'secrets',
    ['', 'status', 'scale', 'invented'],
    [
      ...anywhere,
      ...inHome('env', 'pull', 'volume', 'projected', 'other', 'unused'),
      [away, 'env'],
      ['', 'env'],
    ],
  ],
  [
    'configmaps',
    ['', 'invented'],
    [...anywhere, ...inHome('env', 'other'), [away, 'env'], ['', 'env']],
  ],
  [
    'persistentvolumeclaims',
    ['', 'status', 'invented'],
    [...anywhere, ...inHome('used', 'other'), [away, 'used']],
  ],
  [
    'persistentvolumes',
    ['', 'status'],
    [...clusterWide, ['', 'matrix-used'], ['', 'matrix-other']],
  ],
  [
    'serviceaccounts',
    ['', 'token', 'invented'],
    [...anywhere, ...inHome('used', 'other', 'unused'), [away, 'used']],
  ],
  [
    'pods',
    [
      '',
      'attach',
      'binding',
      'ephemeralcontainers',
      'eviction',
      'exec',
      'log',
      'portforward',
      'proxy',
      'resize',
      'status',
      'invented',
    ],
    [...anywhere, ...inHome('own', 'other', 'unbound')],
  ],
  [
    'nodes',
    ['', 'proxy', 'status', 'log', 'metrics', 'stats'],
    [...clusterWide, ['', 'matrix-a'], ['', 'matrix-b']],
  ],
  [
    'namespaces',
    ['', 'finalize', 'status'],
    [
      ['', ''],
      ['', home],
    ],
  ],
  ['services', ['', 'proxy', 'status'], anywhere],
  ['endpoints', [''], anywhere],
  ['events', [''], anywhere],
  ...['bindings', 'limitranges', 'podtemplates', 'replicationcontrollers', 'resourcequotas'].map(
    (name) => [name, [''], anywhere] as const,
  ),
  ...['users', 'groups'].map((name) => [name, [''], clusterWide] as const),
  ...['deployments', 'daemonsets', 'replicasets', 'statefulsets', 'controllerrevisions'].map(
    (name) => [`apps/${name}`, ['', 'scale', 'status'], anywhere] as const,
  ),
  ['batch/jobs', ['', 'status'], anywhere],
  ['authentication.k8s.io/tokenreviews', [''], clusterWide],
  ['authentication.k8s.io/userextras', ['', 'scopes'], clusterWide],
  ['authorization.k8s.io/subjectaccessreviews', [''], clusterWide],
  ['authorization.k8s.io/localsubjectaccessreviews', [''], anywhere],
  [
    'certificates.k8s.io/certificatesigningrequests',
    ['', 'approval', 'status', 'nodeclient', 'selfnodeclient'],
    clusterWide,
  ],
  [
    'certificates.k8s.io/signers',
    [''],
    [
      ['', ''],
      ['', 'kubernetes.io/kubelet-serving'],
      ['', 'kubernetes.io/*'],
    ],
  ],
  [
    'coordination.k8s.io/leases',
    ['', 'invented'],
    [
      ...anywhere,
      [home, 'matrix-a'],
      ['kube-node-lease', ''],
      ['kube-node-lease', 'matrix-a'],
      ['kube-node-lease', 'matrix-b'],
      ['kube-system', ''],
      ['kube-system', 'kube-scheduler'],
    ],
  ],
  ['discovery.k8s.io/endpointslices', [''], anywhere],
  ['events.k8s.io/events', [''], anywhere],
  ['networking.k8s.io/ingresses', ['', 'status'], anywhere],
  ['networking.k8s.io/ingressclasses', [''], clusterWide],
  ['networking.k8s.io/networkpolicies', [''], anywhere],
  ['node.k8s.io/runtimeclasses', [''], clusterWide],
  ['policy/poddisruptionbudgets', [''], anywhere],
  ...['clusterroles', 'clusterrolebindings'].map(
    (name) => [`rbac.authorization.k8s.io/${name}`, [''], clusterWide] as const,
  ),
  ...['roles', 'rolebindings'].map(
    (name) => [`rbac.authorization.k8s.io/${name}`, [''], anywhere] as const,
  ),
  ['apiextensions.k8s.io/customresourcedefinitions', ['', 'status'], clusterWide],
  ['admissionregistration.k8s.io/mutatingwebhookconfigurations', [''], clusterWide],
  ['scheduling.k8s.io/priorityclasses', [''], clusterWide],
  ['storage.k8s.io/csidrivers', [''], clusterWide],
  ['storage.k8s.io/csinodes', ['', 'status'], [...clusterWide, ['', 'matrix-a'], ['', 'matrix-b']]],
  ['storage.k8s.io/storageclasses', [''], clusterWide],
  [
    'storage.k8s.io/volumeattachments',
    ['', 'status'],
    [...clusterWide, ['', 'matrix-a'], ['', 'matrix-b']],
  ],
];

/** All questions, in a fixed order. */
export function questions(): Question[] {
  return asked.flatMap(([full, subresources, places]) => {
    const slash = full.indexOf('/');
    const group = slash < 0 ? '' : full.slice(0, slash);
    const resource = full.slice(slash + 1);
    return subresources.flatMap((subresource) =>
      places.map(([namespace, name]) => ({ group, resource, subresource, namespace, name })),
    );
  });
}

/** Formats one line: the object, then each answer with the verbs that get it. */
export function answerLine(
  { group, resource, subresource, namespace, name }: Question,
  answers: ReadonlyMap<string, string>,
): string {
  const full = subresource === '' ? resource : `${resource}/${subresource}`;
  const what = group === '' ? full : `${full}.${group}`;
  const byAnswer = new Map<string, string[]>();
  for (const [verb, answer] of answers) {
    byAnswer.set(answer, [...(byAnswer.get(answer) ?? []), verb]);
  }
  const groups = [...byAnswer].map(([answer, list]) => `${answer} = ${list.join(' ')}`);
  return `${what} ${namespace || '*'} ${name || '*'}: ${groups.join('; ')}`;
}
