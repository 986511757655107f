/** The levels and FlowSchemas of a new cluster (apiserver's `flowcontrol/bootstrap`); its owner may change them. */
import type { FlowRule } from '../../../api/flowcontrol/mandatory.js';
import {
  everythingOf,
  flowSchema,
  groupSubjects,
  priorityLevel,
} from '../../../api/flowcontrol/mandatory.js';
import type { FlowSchema, PriorityLevelConfiguration } from '../../../api/types/policy.js';

type Subjects = FlowRule['subjects'];

function users(...names: readonly string[]): Subjects {
  return names.map((name) => ({ kind: 'User', user: { name } }));
}

function accounts(...names: readonly string[]): Subjects {
  return names.map((name) => ({
    kind: 'ServiceAccount',
    serviceAccount: { name, namespace: 'kube-system' },
  }));
}

function queued(
  name: string,
  shares: number,
  lendablePercent: number,
  [queues, handSize]: readonly [number, number],
): PriorityLevelConfiguration {
  return priorityLevel(name, {
    type: 'Limited',
    limited: {
      nominalConcurrencyShares: shares,
      lendablePercent,
      limitResponse: { type: 'Queue', queuing: { queues, handSize, queueLengthLimit: 50 } },
    },
  });
}

/** The levels. */
export const suggestedLevels: readonly PriorityLevelConfiguration[] = [
  queued('system', 30, 33, [64, 6]),
  queued('node-high', 40, 25, [64, 6]),
  queued('leader-election', 10, 0, [16, 4]),
  queued('workload-high', 40, 50, [128, 6]),
  queued('workload-low', 100, 90, [128, 6]),
  queued('global-default', 20, 50, [128, 6]),
];

const coordination = 'coordination.k8s.io';
const controllerManager = 'system:kube-controller-manager';
const scheduler = 'system:kube-scheduler';
const nodes = groupSubjects('system:nodes');
const anybody = groupSubjects('system:unauthenticated', 'system:authenticated');
const election = ['get', 'create', 'update'];

function on(verbs: string[], group: string, resources: string[], clusterScope: boolean) {
  return { verbs, apiGroups: [group], resources, namespaces: ['*'], clusterScope };
}

/** The FlowSchemas. */
export const suggestedFlowSchemas: readonly FlowSchema[] = [
  flowSchema('system-nodes', {
    level: 'system',
    precedence: 500,
    method: 'ByUser',
    rules: [everythingOf(nodes)],
  }),
  flowSchema('system-node-high', {
    level: 'node-high',
    precedence: 400,
    method: 'ByUser',
    rules: [
      {
        subjects: nodes,
        resourceRules: [
          on(['*'], '', ['nodes', 'nodes/status'], true),
          on(['*'], coordination, ['leases'], false),
        ],
      },
    ],
  }),
  flowSchema('probes', {
    level: 'exempt',
    precedence: 2,
    rules: [
      {
        subjects: anybody,
        nonResourceRules: [{ verbs: ['get'], nonResourceURLs: ['/healthz', '/readyz', '/livez'] }],
      },
    ],
  }),
  flowSchema('system-leader-election', {
    level: 'leader-election',
    precedence: 100,
    method: 'ByUser',
    rules: [
      {
        subjects: [...users(controllerManager, scheduler), ...accounts('*')],
        resourceRules: [on(election, coordination, ['leases'], false)],
      },
    ],
  }),
  flowSchema('workload-leader-election', {
    level: 'leader-election',
    precedence: 200,
    method: 'ByUser',
    rules: [
      {
        subjects: accounts('*'),
        resourceRules: [
          on(election, '', ['endpoints', 'configmaps'], false),
          on(election, coordination, ['leases'], false),
        ],
      },
    ],
  }),
  flowSchema('endpoint-controller', {
    level: 'workload-high',
    precedence: 150,
    method: 'ByUser',
    rules: [
      {
        subjects: [
          ...users(controllerManager),
          ...accounts('endpoint-controller', 'endpointslicemirroring-controller'),
        ],
        resourceRules: [on(election, '', ['endpoints'], false)],
      },
    ],
  }),
  flowSchema('kube-controller-manager', {
    level: 'workload-high',
    precedence: 800,
    method: 'ByNamespace',
    rules: [everythingOf(users(controllerManager))],
  }),
  flowSchema('kube-scheduler', {
    level: 'workload-high',
    precedence: 800,
    method: 'ByNamespace',
    rules: [everythingOf(users(scheduler))],
  }),
  flowSchema('kube-system-service-accounts', {
    level: 'workload-high',
    precedence: 900,
    method: 'ByNamespace',
    rules: [everythingOf(accounts('*'))],
  }),
  flowSchema('service-accounts', {
    level: 'workload-low',
    precedence: 9_000,
    method: 'ByUser',
    rules: [everythingOf(groupSubjects('system:serviceaccounts'))],
  }),
  flowSchema('global-default', {
    level: 'global-default',
    precedence: 9_900,
    method: 'ByUser',
    rules: [everythingOf(anybody)],
  }),
];
