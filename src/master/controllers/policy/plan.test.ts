import { describe, expect, test } from '@jest/globals';
import type { KubeObject } from '../../../api/object.js';
import type { Pod, ResourceQuota } from '../../../api/types/core.js';
import type { ClusterRole, PodDisruptionBudget } from '../../../api/types/policy.js';
import { aggregatedRules } from './cluster-role-aggregation.js';
import { failedBudget, planBudget, sizeOf, unmanagedMessage } from './disruption-plan.js';
import type { CountedObjects } from './quota-plan.js';
import { isRelease, measureQuota } from './quota-plan.js';

const nowMs = Date.UTC(2026, 0, 1, 12);
const ago = (seconds: number): string => new Date(nowMs - seconds * 1000).toISOString();

function pod(name: string, state: { ready?: boolean; deleted?: boolean } = {}): Pod {
  return {
    metadata: { name, ...(state.deleted === true ? { deletionTimestamp: ago(1) } : {}) },
    spec: { containers: [] },
    status: { conditions: [{ type: 'Ready', status: state.ready === false ? 'False' : 'True' }] },
  };
}

type BudgetSpec = PodDisruptionBudget['spec'];

function budget(spec: BudgetSpec, disrupted: Record<string, string> = {}): PodDisruptionBudget {
  return {
    metadata: { name: 'b', generation: 4 },
    spec,
    status: {
      currentHealthy: 0,
      desiredHealthy: 0,
      expectedPods: 0,
      disruptionsAllowed: 0,
      disruptedPods: disrupted,
    },
  };
}

describe('the size that a budget counts against', () => {
  const controlled = (name: string, kind: string, uid: string): Pod => {
    const made = pod(name);
    const owner = { apiVersion: 'v1', kind, name: kind, uid, controller: true };
    return { ...made, metadata: { ...made.metadata, ownerReferences: [owner] } };
  };
  const replicas = new Map([
    ['u1', 3],
    ['u2', 4],
  ]);
  const scaleOf = ({ metadata }: Pod) => {
    const uid = metadata.ownerReferences?.[0]?.uid ?? '';
    const found = replicas.get(uid);
    return found === undefined ? undefined : { uid, replicas: found };
  };
  const mixed = [
    controlled('a', 'ReplicaSet', 'u1'),
    controlled('b', 'ReplicaSet', 'u1'),
    controlled('c', 'StatefulSet', 'u2'),
    pod('lone'),
  ];
  test.each([
    ['controllers once each, and pods without', mixed, { scale: 7, unmanaged: ['lone'] }],
    [
      'a controller that is not there',
      [controlled('a', 'ReplicaSet', 'u3')],
      { failure: 'found no controllers for pod "a"' },
    ],
    [
      'a controller without a size',
      [controlled('a', 'Job', 'u3')],
      { failure: 'jobs.batch does not implement the scale subresource' },
    ],
  ])('%s', (_, pods, size) => {
    expect(sizeOf(budget({ maxUnavailable: 1 }), pods, scaleOf)).toEqual(size);
    expect(sizeOf(budget({ minAvailable: '50%' }), pods, scaleOf)).toEqual(size);
    expect(sizeOf(budget({ minAvailable: 1 }), pods, scaleOf)).toEqual({ scale: 0, unmanaged: [] });
  });

  test('nothing may be evicted while nobody knows it', () => {
    const before = planBudget(budget({ minAvailable: 0 }), [pod('a')], 0, nowMs).status;
    const status = failedBudget({ ...budget({}), status: before }, 'no idea', nowMs);
    expect(before.disruptionsAllowed).toBe(1);
    expect(status).toMatchObject({
      currentHealthy: 1,
      disruptionsAllowed: 0,
      conditions: [
        { type: 'DisruptionAllowed', status: 'False', reason: 'SyncFailed', message: 'no idea' },
      ],
    });
  });

  test('the selector in the words about pods without a controller', () => {
    const matchExpressions = [{ key: 'k', operator: 'In', values: ['a', 'b'] }];
    const selector = { matchLabels: { b: '2', a: '1' }, matchExpressions };
    expect(unmanagedMessage(budget({ selector }))).toContain(
      '(selector: &LabelSelector{MatchLabels:map[string]string{a: 1,b: 2,},' +
        'MatchExpressions:[]LabelSelectorRequirement{' +
        'LabelSelectorRequirement{Key:k,Operator:In,Values:[a b],},},}) were found to be unmanaged. ',
    );
  });
});

describe('disruption budgets', () => {
  const five = ['a', 'b', 'c', 'd', 'e'].map((name) => pod(name));
  const oneDown = [...five.slice(1), pod('a', { ready: false })];
  test.each([
    [
      'minAvailable as a number counts the pods that are there',
      { minAvailable: 3 },
      five,
      9,
      [5, 3, 2],
    ],
    ['all of them', { minAvailable: 5 }, five, 9, [5, 5, 0]],
    [
      'a share counts what their controllers want, rounded up',
      { minAvailable: '50%' },
      five,
      9,
      [9, 5, 0],
    ],
    ['maxUnavailable', { maxUnavailable: 1 }, five, 5, [5, 4, 1]],
    ['and one is down already', { maxUnavailable: 1 }, oneDown, 5, [5, 4, 0]],
    ['a share of them, rounded up', { maxUnavailable: '30%' }, five, 5, [5, 3, 2]],
    ['more than there are', { maxUnavailable: 9 }, five, 5, [5, 0, 5]],
    ['the controller wants more than are there', { maxUnavailable: 1 }, five, 7, [7, 6, 0]],
    ['nobody wants any', { maxUnavailable: 1 }, five, 0, [0, 0, 0]],
    ['no pods', { minAvailable: 0 }, [], 0, [0, 0, 0]],
  ])('%s', (_, spec, pods, scale, [expectedPods, desiredHealthy, disruptionsAllowed]) => {
    expect(planBudget(budget(spec), pods, scale, nowMs).status).toMatchObject({
      expectedPods,
      desiredHealthy,
      disruptionsAllowed,
      observedGeneration: 4,
    });
  });

  test('the condition says whether there is room', () => {
    const reasonOf = (spec: BudgetSpec) =>
      planBudget(budget(spec), five, 5, nowMs).status.conditions?.[0];
    expect(reasonOf({ minAvailable: 4 })).toMatchObject({
      type: 'DisruptionAllowed',
      status: 'True',
      reason: 'SufficientPods',
    });
    expect(reasonOf({ minAvailable: 5 })).toMatchObject({
      status: 'False',
      reason: 'InsufficientPods',
    });
  });

  test('pods that are being deleted are not healthy', () => {
    const pods = [...five.slice(1), pod('a', { deleted: true })];
    expect(planBudget(budget({ minAvailable: 3 }), pods, 5, nowMs).status.currentHealthy).toBe(4);
  });

  test('an eviction that was let through counts until the pod goes, for two minutes at most', () => {
    const disrupted = { a: ago(30), b: ago(121), gone: ago(10) };
    const { status, left, recheckMs } = planBudget(
      budget({ minAvailable: 3 }, disrupted),
      five,
      5,
      nowMs,
    );
    expect(status.disruptedPods).toEqual({ a: disrupted.a });
    expect(status.currentHealthy).toBe(4);
    expect(recheckMs).toBe(90_000);
    expect(left.map(({ metadata }) => metadata.name)).toEqual(['b']);
  });
});

describe('quotas', () => {
  const pods = { group: '', plural: 'pods' };
  const running = (name: string, cpu: string | undefined, phase = 'Running'): KubeObject => {
    const requests = cpu === undefined ? {} : { resources: { requests: { cpu } } };
    const made: Pod = {
      metadata: { name },
      spec: { containers: [{ name: 'c', ...requests }] },
      status: { phase },
    };
    return made;
  };
  const all: CountedObjects[] = [
    {
      counted: pods,
      objects: [
        running('a', '500m'),
        running('b', '1500m'),
        running('free', undefined),
        running('over', '8', 'Succeeded'),
      ],
    },
    {
      counted: { group: '', plural: 'configmaps' },
      objects: [{ metadata: { name: 'm' } }, { metadata: { name: 'n' } }],
    },
    { counted: { group: 'apps', plural: 'deployments' }, objects: [{ metadata: { name: 'd' } }] },
  ];
  const used = (spec: ResourceQuota['spec']) =>
    measureQuota({ metadata: { name: 'q' }, spec }, all);

  test('what is limited is counted, and nothing else', () => {
    const hard = { pods: '9', 'requests.cpu': '9', cpu: '9', configmaps: '9', secrets: '9' };
    expect(used({ hard })).toEqual({
      pods: '3',
      'requests.cpu': '2',
      cpu: '2',
      configmaps: '2',
      secrets: '0',
    });
  });

  test('any resource may be counted by its name', () => {
    const hard = { 'count/deployments.apps': '1', 'count/configmaps': '1', 'count/pods': '9' };
    expect(used({ hard })).toEqual({
      'count/deployments.apps': '1',
      'count/configmaps': '2',
      'count/pods': '4',
    });
  });

  test('what nobody can count is not said to be none', () => {
    const hard = { 'count/gadgets.example.com': '1', 'count/deployments.apps': '1' };
    expect(used({ hard })).toEqual({ 'count/deployments.apps': '1' });
  });

  test('scopes choose pods; other things are not counted then', () => {
    const hard = { pods: '9' };
    expect(used({ hard, scopes: ['BestEffort'] })).toEqual({ pods: '1' });
    expect(used({ hard, scopes: ['NotBestEffort'] })).toEqual({ pods: '2' });
    expect(used({ hard: { ...hard, configmaps: '9' }, scopes: ['NotTerminating'] })).toEqual({
      pods: '3',
      configmaps: '0',
    });
  });

  const object = running('a', '1');
  const ended = running('a', '1', 'Failed');
  const ending = { ...object, spec: { activeDeadlineSeconds: 60 } };
  test.each([
    ['a pod that gets an end', 'pods', { type: 'update', object: ending, old: object }, true],
    ['a pod with an end', 'pods', { type: 'update', object: ending, old: ending }, false],
    ['a deletion', 'configmaps', { type: 'delete', object }, true],
    ['a pod that has ended', 'pods', { type: 'update', object: ended, old: object }, true],
    ['a pod that changes', 'pods', { type: 'update', object, old: object }, false],
    ['a pod that had ended before', 'pods', { type: 'update', object: ended, old: ended }, false],
    ['a service that changes', 'services', { type: 'update', object, old: object }, true],
    ['a secret that changes', 'secrets', { type: 'update', object, old: object }, false],
  ] as const)('may free something: %s', (_, resource, change, frees) => {
    expect(isRelease(resource, change)).toBe(frees);
  });
});

test('aggregated roles: the rules of those selected, by name, each once', () => {
  const rule = (...resources: string[]) => ({ apiGroups: [''], resources, verbs: ['get'] });
  const role = (
    name: string,
    label: string,
    ...rules: ClusterRole['rules'] & object
  ): ClusterRole => ({
    metadata: { name, labels: { to: label } },
    rules,
  });
  const admin: ClusterRole = {
    ...role('admin', 'admin', rule('stale')),
    aggregationRule: {
      clusterRoleSelectors: [{ matchLabels: { to: 'admin' } }, { matchLabels: { to: 'edit' } }],
    },
  };
  const all = [
    role('z', 'edit', rule('pods')),
    role('a', 'admin', rule('secrets'), rule('pods')),
    role('x', 'other', rule('nodes')),
    admin,
  ];
  expect(aggregatedRules(admin, all)).toEqual([rule('secrets'), rule('pods')]);
});
