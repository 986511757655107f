import { describe, expect, test } from '@jest/globals';
import type { Pod } from '../../../api/types/core.js';
import { planReplicas, planStatus, rankForDeletion } from './plan.js';

const nowMs = Date.UTC(2026, 0, 1, 12);
const ago = (seconds: number): string => new Date(nowMs - seconds * 1000).toISOString();

interface State {
  readonly node?: string;
  readonly phase?: string;
  /** Seconds since it became ready. */
  readonly ready?: number;
  readonly cost?: string;
  readonly restarts?: number;
  /** Seconds since it was made. */
  readonly age?: number;
  readonly labels?: Record<string, string>;
}

/** A running, ready pod on a node, unless said otherwise. */
function pod(name: string, state: State = {}): Pod {
  const { node = 'n', phase = 'Running', ready = 1000, restarts = 0, age = 2000, cost } = state;
  return {
    metadata: {
      name,
      uid: name,
      creationTimestamp: ago(age),
      labels: state.labels ?? {},
      ...(cost === undefined
        ? {}
        : { annotations: { 'controller.kubernetes.io/pod-deletion-cost': cost } }),
    },
    spec: { containers: [], ...(node === '' ? {} : { nodeName: node }) },
    status: {
      phase,
      conditions:
        ready < 0 ? [] : [{ type: 'Ready', status: 'True', lastTransitionTime: ago(ready) }],
      containerStatuses: [
        { name: 'c', image: '', imageID: '', ready: true, restartCount: restarts },
      ],
    },
  };
}

const names = (pods: readonly Pod[]): string[] => pods.map(({ metadata }) => metadata.name);

describe('which pod is given up first', () => {
  const plain = pod('plain');
  test.each([
    ['one without a node', pod('x', { node: '' }), {}],
    ['one that is pending', pod('x', { phase: 'Pending' }), {}],
    ['one that is not ready', pod('x', { ready: -1 }), {}],
    ['one of lower cost', pod('x', { cost: '-5' }), {}],
    ['one on a fuller node', pod('x', { node: 'full' }), { full: 3, n: 1 }],
    ['one that is ready for a shorter time', pod('x', { ready: 10 }), {}],
    ['one that has restarted more often', pod('x', { restarts: 4 }), {}],
    ['a younger one', pod('x', { age: 1001 }), {}],
    ['of equals the one whose name comes first', pod('a'), {}],
  ])('%s', (_, first, crowd) => {
    const related = new Map(Object.entries(crowd));
    expect(names(rankForDeletion([plain, first], related, nowMs))[1]).toBe('plain');
    expect(names(rankForDeletion([first, plain], related, nowMs))[1]).toBe('plain');
  });

  test('the earlier rule decides: not ready goes before cheap', () => {
    const pods = [pod('cheap', { cost: '-100' }), pod('unready', { ready: -1, cost: '100' })];
    expect(names(rankForDeletion(pods, new Map(), nowMs))).toEqual(['unready', 'cheap']);
  });

  test.each(['+5', 'high', '05'])('a cost of %j counts as 0', (cost) => {
    const pods = [pod('b', { cost }), pod('a', { cost: '-1' })];
    expect(names(rankForDeletion(pods, new Map(), nowMs))).toEqual(['a', 'b']);
  });
});

describe('how many', () => {
  const pods = (count: number): Pod[] => Array.from({ length: count }, (_, at) => pod(`p${at}`));
  test.each([
    [3, 0, 3, 0],
    [3, 3, 0, 0],
    [3, 5, 0, 2],
    [0, 2, 0, 2],
    [900, 0, 500, 0],
    [0, 600, 0, 500],
  ])('wanted %d of %d: %d come, %d go', (wanted, present, create, gone) => {
    const plan = planReplicas(wanted, pods(present), new Map(), nowMs);
    expect(plan.create).toBe(create);
    expect(plan.delete).toHaveLength(gone);
  });
});

describe('status', () => {
  const base = {
    old: undefined,
    generation: 3,
    minReadySeconds: 0,
    templateLabels: { app: 'web' },
    failure: undefined,
    nowMs,
  };

  test('counts what is labelled, ready and available', () => {
    const active = [
      pod('a', { labels: { app: 'web' } }),
      pod('b', { labels: { app: 'web' }, ready: 4 }),
      pod('c', { ready: -1 }),
    ];
    const { status, recheckMs } = planStatus({ ...base, active, minReadySeconds: 10 });
    expect(status).toEqual({
      replicas: 3,
      fullyLabeledReplicas: 2,
      readyReplicas: 2,
      availableReplicas: 1,
      observedGeneration: 3,
    });
    expect(recheckMs).toBe(6000);
  });

  test('0 and absent are the same', () => {
    const old = { replicas: 0, readyReplicas: 0, observedGeneration: 3 };
    expect(planStatus({ ...base, active: [], old }).changed).toBe(false);
    expect(planStatus({ ...base, active: [pod('a')], old }).changed).toBe(true);
    expect(planStatus({ ...base, active: [], old, generation: 4 }).changed).toBe(true);
  });

  test('a failure shows, and is gone with its cause', () => {
    const failure = { type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate' };
    const failed = planStatus({ ...base, active: [], failure }).status;
    expect(failed.conditions).toEqual([failure]);
    expect(planStatus({ ...base, active: [], old: failed }).status.conditions).toBeUndefined();
  });
});
