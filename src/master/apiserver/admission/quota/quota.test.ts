import { describe, expect, test } from '@jest/globals';
import { builtInRegistry } from '../../../../api/kinds.js';
import type { KubeObject } from '../../../../api/object.js';
import { amountsOf, formatAmounts, listOf } from '../../../../api/facts/amounts.js';
import type { ResourceQuota, Pod } from '../../../../api/types/core.js';
import { checkCharge } from './ledger.js';
import { isInScope } from '../../../../api/facts/quota-scopes.js';
import { missingInPod, usageOf } from '../../../../api/facts/quota-usage.js';

const kinds = builtInRegistry();

function usage(group: string, plural: string, object: object): Record<string, string> {
  const kind = kinds.byResource(group, '', plural);
  if (kind === undefined) throw new Error(plural);
  return listOf(usageOf(kind, object as KubeObject));
}

const container = (requests: object, limits: object = {}): object => ({
  name: 'c',
  resources: { requests, limits },
});

describe('what objects use', () => {
  test('a pod: its containers together, or a larger init container', () => {
    const spec = {
      containers: [
        container({ cpu: '100m', memory: '1Gi' }, { cpu: '1' }),
        container({ cpu: '1' }),
      ],
      initContainers: [container({ cpu: '500m', memory: '2Gi' })],
      overhead: { cpu: '10m' },
    };
    expect(usage('', 'pods', { spec })).toEqual({
      'count/pods': '1',
      cpu: '1110m',
      'limits.cpu': '1010m',
      memory: '2Gi',
      pods: '1',
      'requests.cpu': '1110m',
      'requests.memory': '2Gi',
    });
  });

  test('a pod that has ended: only itself', () => {
    const ended = { spec: { containers: [container({ cpu: '1' })] }, status: { phase: 'Failed' } };
    expect(usage('', 'pods', ended)).toEqual({ 'count/pods': '1' });
  });

  test.each([
    ['ClusterIP', { type: 'ClusterIP', ports: [{}, {}] }, {}],
    ['NodePort', { type: 'NodePort', ports: [{}, {}] }, { 'services.nodeports': '2' }],
    [
      'LoadBalancer',
      { type: 'LoadBalancer', ports: [{}] },
      { 'services.loadbalancers': '1', 'services.nodeports': '1' },
    ],
    [
      'LoadBalancer without node ports',
      { type: 'LoadBalancer', ports: [{}], allocateLoadBalancerNodePorts: false },
      { 'services.loadbalancers': '1', 'services.nodeports': '0' },
    ],
  ])('a service: %s', (_name, spec, more) => {
    expect(usage('', 'services', { spec })).toEqual({
      'count/services': '1',
      services: '1',
      ...more,
    });
  });

  test('a claim, with its class', () => {
    const spec = { storageClassName: 'fast', resources: { requests: { storage: '5Gi' } } };
    expect(usage('', 'persistentvolumeclaims', { metadata: {}, spec })).toEqual({
      'count/persistentvolumeclaims': '1',
      'fast.storageclass.storage.k8s.io/persistentvolumeclaims': '1',
      'fast.storageclass.storage.k8s.io/requests.storage': '5Gi',
      persistentvolumeclaims: '1',
      'requests.storage': '5Gi',
    });
  });

  test('anything else: its number', () => {
    expect(usage('apps', 'deployments', {})).toEqual({ 'count/deployments.apps': '1' });
    expect(usage('', 'secrets', {})).toEqual({ 'count/secrets': '1', secrets: '1' });
  });
});

test('what a pod must state', () => {
  const spec = { containers: [container({ cpu: '1' }), { name: 'b' }] };
  expect(missingInPod({ spec } as Pod, ['limits.memory', 'requests.cpu', 'pods'])).toBe(
    'must specify limits.memory for: b,c; requests.cpu for: b',
  );
});

test.each([
  [{ scopes: ['BestEffort'] }, {}, true],
  [{ scopes: ['BestEffort'] }, { containers: [container({ cpu: '1' })] }, false],
  [{ scopes: ['NotBestEffort'] }, { containers: [container({ cpu: '1' })] }, true],
  [{ scopes: ['Terminating'] }, { activeDeadlineSeconds: 5 }, true],
  [{ scopes: ['NotTerminating'] }, { activeDeadlineSeconds: 5 }, false],
  [{ scopes: ['NotTerminating', 'BestEffort'] }, {}, true],
  [
    {
      scopeSelector: {
        matchExpressions: [{ scopeName: 'PriorityClass', operator: 'In', values: ['high'] }],
      },
    },
    { priorityClassName: 'high' },
    true,
  ],
  [
    {
      scopeSelector: {
        matchExpressions: [{ scopeName: 'PriorityClass', operator: 'DoesNotExist' }],
      },
    },
    { priorityClassName: 'high' },
    false,
  ],
])('scopes %j of pod %j: %s', (quota, pod, expected) => {
  const kind = kinds.byResource('', 'v1', 'pods');
  if (kind === undefined) throw new Error('pods');
  const spec = { containers: [], ...pod };
  const matches = isInScope({ spec: quota }, kind, {
    spec,
  } as unknown as KubeObject);
  expect(matches).toBe(expected);
});

describe('charges', () => {
  const quota = (used: Record<string, string>): ResourceQuota =>
    ({
      metadata: { name: 'q' },
      status: { hard: { pods: '2', 'requests.cpu': '1' }, used },
    }) as unknown as ResourceQuota;

  test('that fit are taken', () => {
    const asked = amountsOf({ pods: '1', 'requests.cpu': '300m' });
    expect(checkCharge(quota({ pods: '1', 'requests.cpu': '700m' }), asked)).toBe('');
  });

  test('that do not are refused with what is short', () => {
    const asked = amountsOf({ pods: '1', 'requests.cpu': '301m' });
    expect(checkCharge(quota({ pods: '1', 'requests.cpu': '700m' }), asked)).toBe(
      'exceeded quota: q, requested: requests.cpu=301m, used: requests.cpu=700m, limited: requests.cpu=1',
    );
  });
});

test('amounts are written with sorted names', () => {
  expect(formatAmounts(amountsOf({ memory: '2048Ki', cpu: '0.5' }))).toBe('cpu=500m,memory=2Mi');
});
