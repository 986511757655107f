import { describe, expect, test } from '@jest/globals';
import type { Node, Pod, Taint } from '../../../api/types/core.js';
import type { DaemonSet } from '../../../api/types/workloads.js';
import { ManualClock } from '../../../lib/clock.js';
import { FailedPodBackoff } from './failed-pods.js';
import { daemonTemplate, judgeNode, planDaemonSet, targetNode } from './plan.js';

const nowMs = Date.UTC(2026, 0, 1, 12);

function node(name: string, taints: Taint[] = [], labels: Record<string, string> = {}): Node {
  return { metadata: { name, labels }, spec: { taints } };
}

type Rolling = NonNullable<NonNullable<DaemonSet['spec']['updateStrategy']>['rollingUpdate']>;

function daemonSet(
  rollingUpdate: Rolling = {},
  spec: Partial<DaemonSet['spec']['template']['spec']> = {},
): DaemonSet {
  return {
    metadata: { name: 'agent', namespace: 'default', generation: 3 },
    spec: {
      selector: { matchLabels: { app: 'agent' } },
      template: { metadata: {}, spec: { containers: [{ name: 'c' }], ...spec } },
      updateStrategy: {
        type: 'RollingUpdate',
        rollingUpdate: { maxUnavailable: 1, maxSurge: 0, ...rollingUpdate },
      },
    },
  };
}

interface PodState {
  readonly hash?: string;
  readonly ready?: boolean;
  readonly phase?: string;
  readonly deleted?: boolean;
  /** Hour of its creation. */
  readonly created?: number;
  readonly unplaced?: boolean;
}

/** A ready pod of the new template, named `NODE-…`, unless said otherwise. */
function pod(name: string, state: PodState = {}): Pod {
  const { hash = 'new', ready = true, phase = 'Running', created = 1 } = state;
  const nodeName = name.split('-')[0] ?? '';
  const template = { spec: { containers: [] } };
  return {
    metadata: {
      name,
      namespace: 'default',
      labels: { 'controller-revision-hash': hash },
      creationTimestamp: `2026-01-01T0${created}:00:00Z`,
      ...(state.deleted === true ? { deletionTimestamp: '2026-01-01T11:00:00Z' } : {}),
    },
    spec:
      state.unplaced === true
        ? daemonTemplate(template, nodeName, hash).spec
        : { containers: [], nodeName },
    status: {
      phase,
      conditions: ready
        ? [{ type: 'Ready', status: 'True', lastTransitionTime: '2026-01-01T02:00:00Z' }]
        : [],
    },
  };
}

function steps(set: DaemonSet, nodes: readonly Node[], pods: readonly Pod[]) {
  const plan = planDaemonSet({ set, nodes, pods, hash: 'new', nowMs });
  const names = (list: readonly Pod[]): string[] => list.map(({ metadata }) => metadata.name);
  return { create: plan.create, delete: names(plan.delete), ended: names(plan.ended) };
}

const nothing = { create: [], delete: [], ended: [] };
const three = [node('a'), node('b'), node('c')];

describe('which nodes', () => {
  const noSchedule = { key: 'gpu', effect: 'NoSchedule' };
  const noExecute = { key: 'gpu', effect: 'NoExecute' };
  const own = (name: string, effect: string) => ({ key: `node.kubernetes.io/${name}`, effect });
  test.each([
    ['plain', node('a'), {}, true, true],
    ['NoSchedule: who is there stays', node('a', [noSchedule]), {}, false, true],
    ['NoExecute: nobody stays', node('a', [noExecute]), {}, false, false],
    [
      'tolerated',
      node('a', [noSchedule]),
      { tolerations: [{ key: 'gpu', operator: 'Exists' }] },
      true,
      true,
    ],
    ['cordoned', node('a', [own('unschedulable', 'NoSchedule')]), {}, true, true],
    ['not ready', node('a', [own('not-ready', 'NoExecute')]), {}, true, true],
    ['short of memory', node('a', [own('memory-pressure', 'NoSchedule')]), {}, true, true],
    ['without network', node('a', [own('network-unavailable', 'NoSchedule')]), {}, false, true],
    [
      'without network, hostNetwork',
      node('a', [own('network-unavailable', 'NoSchedule')]),
      { hostNetwork: true },
      true,
      true,
    ],
    ['selected', node('a', [], { disk: 'ssd' }), { nodeSelector: { disk: 'ssd' } }, true, true],
    ['not selected', node('a'), { nodeSelector: { disk: 'ssd' } }, false, false],
    ['named', node('a'), { nodeName: 'a' }, true, true],
    ['another is named', node('a'), { nodeName: 'b' }, false, false],
  ])('%s', (_, where, spec, run, keep) => {
    expect(judgeNode(daemonSet({}, spec), where)).toEqual({ run, keep });
  });

  test('the pod is pinned to its node by a field, beside its own affinity', () => {
    const zone = { key: 'zone', operator: 'Exists' };
    const nodeAffinity = {
      requiredDuringSchedulingIgnoredDuringExecution: {
        nodeSelectorTerms: [{ matchExpressions: [zone] }],
      },
    };
    const mine = { key: 'node.kubernetes.io/not-ready', effect: 'NoExecute', tolerationSeconds: 9 };
    const { spec, metadata } = daemonTemplate(
      { spec: { containers: [], affinity: { nodeAffinity }, tolerations: [mine] } },
      'a',
      'new',
      '3',
    );
    expect(spec.affinity?.nodeAffinity).toEqual({
      requiredDuringSchedulingIgnoredDuringExecution: {
        nodeSelectorTerms: [
          {
            matchExpressions: [zone],
            matchFields: [{ key: 'metadata.name', operator: 'In', values: ['a'] }],
          },
        ],
      },
    });
    expect(spec.tolerations?.filter(({ key }) => key === mine.key)).toEqual([
      { key: mine.key, operator: 'Exists', effect: 'NoExecute' },
    ]);
    expect(metadata?.labels).toEqual({
      'controller-revision-hash': 'new',
      'pod-template-generation': '3',
    });
    expect(targetNode({ metadata: { name: 'x' }, spec })).toBe('a');
  });
});

describe('one pod on each node', () => {
  const gpu = [{ key: 'gpu', effect: 'NoExecute' }];
  const cordoned = [{ key: 'gpu', effect: 'NoSchedule' }];
  test.each([
    ['missing ones are made', [node('a'), node('b')], [pod('a-1')], { create: ['b'] }],
    ['one that is ending is waited for', [node('a')], [pod('a-1', { deleted: true })], {}],
    [
      'the younger twin goes',
      [node('a')],
      [pod('a-2', { created: 2 }), pod('a-1')],
      { delete: ['a-2'] },
    ],
    [
      'a placed one before one that waits',
      [node('a')],
      [pod('a-1', { unplaced: true }), pod('a-2', { created: 2 })],
      { delete: ['a-1'] },
    ],
    ['where it may not be it goes', [node('a', gpu)], [pod('a-1')], { delete: ['a-1'] }],
    ['where it may stay it stays', [node('a', cordoned)], [pod('a-1')], {}],
    ['failed', [node('a')], [pod('a-1', { phase: 'Failed' })], { ended: ['a-1'] }],
    ['succeeded', [node('a')], [pod('a-1', { phase: 'Succeeded' })], { ended: ['a-1'] }],
    [
      'for a node that is gone',
      [node('a')],
      [pod('a-1'), pod('z-1', { unplaced: true })],
      { delete: ['z-1'] },
    ],
    ['on a node that is gone: others see to it', [node('a')], [pod('a-1'), pod('z-1')], {}],
  ])('%s', (_, nodes, pods, wanted) => {
    expect(steps(daemonSet(), nodes, pods)).toEqual({ ...nothing, ...wanted });
  });

  test('a set that is being deleted makes and deletes nothing', () => {
    const set = daemonSet();
    set.metadata.deletionTimestamp = '2026-01-01T11:00:00Z';
    expect(steps(set, three, [pod('a-1', { phase: 'Failed' })])).toEqual(nothing);
  });
});

describe('rolling update', () => {
  const old = (name: string, state: PodState = {}): Pod => pod(name, { hash: 'old', ...state });

  test.each([
    ['one at a time', {}, [old('a-1'), old('b-1'), old('c-1')], ['a-1']],
    [
      'while one is not available none',
      {},
      [pod('a-2', { ready: false }), old('b-1'), old('c-1')],
      [],
    ],
    [
      'those that are not available go at once',
      {},
      [old('a-1', { ready: false }), old('b-1', { ready: false }), old('c-1')],
      ['a-1', 'b-1'],
    ],
    [
      'maxUnavailable 2',
      { maxUnavailable: 2 },
      [old('a-1'), old('b-1'), old('c-1')],
      ['a-1', 'b-1'],
    ],
    [
      'a share, rounded up',
      { maxUnavailable: '34%' },
      [old('a-1'), old('b-1'), old('c-1')],
      ['a-1', 'b-1'],
    ],
    ['0 counts as 1', { maxUnavailable: 0 }, [old('a-1'), old('b-1'), old('c-1')], ['a-1']],
    ['done', {}, [pod('a-2'), pod('b-2'), pod('c-2')], []],
  ])('maxUnavailable: %s', (_, rolling, pods, doomed) => {
    expect(steps(daemonSet(rolling), three, pods)).toEqual({ ...nothing, delete: doomed });
  });

  const surge = { maxSurge: 1, maxUnavailable: 0 };
  test.each([
    ['a second pod comes first', surge, [old('a-1'), old('b-1'), old('c-1')], { create: ['a'] }],
    [
      'until it is available nothing else happens',
      surge,
      [old('a-1'), pod('a-2', { ready: false }), old('b-1'), old('c-1')],
      {},
    ],
    [
      'then the old one goes',
      surge,
      [old('a-1'), pod('a-2'), old('b-1'), old('c-1')],
      { delete: ['a-1'] },
    ],
    [
      'an old one that is not ready goes at once',
      surge,
      [old('a-1', { ready: false }), pod('a-2', { ready: false }), old('b-1'), old('c-1')],
      { delete: ['a-1'] },
    ],
    [
      'beside one that is not available a new one may always be',
      surge,
      [old('a-1', { ready: false }), old('b-1', { ready: false }), old('c-1')],
      { create: ['a', 'b', 'c'] },
    ],
    [
      'two at a time',
      { ...surge, maxSurge: '50%' },
      [old('a-1'), old('b-1'), old('c-1')],
      { create: ['a', 'b'] },
    ],
    [
      'a third pod on a node goes',
      surge,
      [
        old('a-1'),
        pod('a-2', { ready: false }),
        pod('a-3', { created: 3 }),
        old('b-1'),
        old('c-1'),
      ],
      { delete: ['a-3'] },
    ],
  ])('maxSurge: %s', (_, rolling, pods, wanted) => {
    expect(steps(daemonSet(rolling), three, pods)).toEqual({ ...nothing, ...wanted });
  });

  test('OnDelete replaces nothing of itself', () => {
    const set = daemonSet();
    set.spec.updateStrategy = { type: 'OnDelete' };
    expect(steps(set, three, [old('a-1'), old('b-1', { ready: false }), old('c-1')])).toEqual(
      nothing,
    );
  });

  test('minReadySeconds: ready is not yet available', () => {
    const set = daemonSet();
    set.spec.minReadySeconds = 11 * 3600;
    expect(steps(set, three, [pod('a-2'), old('b-1'), old('c-1')]).delete).toEqual(['b-1', 'c-1']);
    expect(
      planDaemonSet({ set, nodes: three, pods: [pod('a-2')], hash: 'new', nowMs }).status,
    ).toMatchObject({ numberReady: 1, numberUnavailable: 3 });
  });
});

test('the status counts nodes', () => {
  const nodes = [...three, node('d', [{ key: 'gpu', effect: 'NoSchedule' }])];
  const pods = [
    pod('a-1'),
    pod('b-1', { hash: 'old', created: 1 }),
    pod('b-2', { created: 2, ready: false }),
    pod('d-1'),
  ];
  expect(planDaemonSet({ set: daemonSet(), nodes, pods, hash: 'new', nowMs }).status).toEqual({
    desiredNumberScheduled: 3,
    currentNumberScheduled: 2,
    numberMisscheduled: 1,
    numberReady: 2,
    numberAvailable: 2,
    numberUnavailable: 1,
    updatedNumberScheduled: 1,
    observedGeneration: 3,
  });
});

test('failed pods are replaced after a back-off that doubles', () => {
  const clock = new ManualClock();
  const backoff = new FailedPodBackoff(clock);
  expect(backoff.take('default/agent/new/a')).toBe(0);
  expect(backoff.take('default/agent/new/a')).toBe(1000);
  expect(backoff.take('default/agent/new/b')).toBe(0);
  clock.advance(1000);
  expect(backoff.take('default/agent/new/a')).toBe(0);
  clock.advance(500);
  expect(backoff.take('default/agent/new/a')).toBe(1500);
  for (let round = 0; round < 20; round++) {
    clock.advance(15 * 60_000);
    backoff.take('default/agent/new/a');
  }
  expect(backoff.take('default/agent/new/a')).toBe(15 * 60_000);
  backoff.forget('default/agent/');
  expect(backoff.take('default/agent/new/a')).toBe(0);
});
