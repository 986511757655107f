import { describe, expect, test } from '@jest/globals';
import type { Node, Pod } from '../../../api/types/core.js';
import { cleanNode, failedStatus, isUnplacedAndDeleted, surplusTerminated } from './pod-gc-plan.js';

interface State {
  readonly phase?: string;
  readonly reason?: string;
  readonly created?: number;
  readonly deleted?: boolean;
  readonly node?: string;
}

function pod(name: string, state: State = {}): Pod {
  const { phase = 'Running', reason, created = 1, deleted, node = 'n' } = state;
  return {
    metadata: {
      name,
      creationTimestamp: `2026-01-01T0${created}:00:00Z`,
      ...(deleted === true ? { deletionTimestamp: '2026-01-01T09:00:00Z' } : {}),
    },
    spec: { containers: [], ...(node === '' ? {} : { nodeName: node }) },
    status: { phase, ...(reason === undefined ? {} : { reason }) },
  };
}

function node(ready: string, taints: string[] = []): Node {
  return {
    metadata: { name: 'n' },
    spec: { taints: taints.map((key) => ({ key, effect: 'NoExecute' })) },
    status: { conditions: [{ type: 'Ready', status: ready }] },
  };
}

const names = (pods: readonly Pod[]): string[] => pods.map(({ metadata }) => metadata.name);
const outOfService = ['node.kubernetes.io/out-of-service'];

describe('the pods of a node', () => {
  const pods = [pod('runs'), pod('ends', { deleted: true }), pod('over', { phase: 'Succeeded' })];
  test.each([
    ['fine', node('True'), 0, []],
    ['not ready', node('Unknown'), 0, []],
    ['out of service and not ready: who is ending', node('Unknown', outOfService), 0, ['ends']],
    ['out of service, but it reports', node('True', outOfService), 0, []],
    ['missing for a moment', undefined, 4999, []],
    ['missing for five seconds: all', undefined, 5000, ['runs', 'ends', 'over']],
  ])('%s', (_, where, missingMs, gone) => {
    expect(names(cleanNode(where, pods, missingMs).remove)).toEqual(gone);
  });

  test('a missing node is looked at again when its time is over', () => {
    expect(cleanNode(undefined, pods, 3000).waitMs).toBe(2000);
    expect(cleanNode(undefined, [], 3000)).toEqual({ remove: [] });
  });

  test('who had not ended is marked as failed, with the reason', () => {
    const { condition } = cleanNode(undefined, pods, 5000);
    expect(failedStatus(pod('runs'), condition, 'now')).toEqual({
      phase: 'Failed',
      conditions: [
        {
          type: 'DisruptionTarget',
          status: 'True',
          reason: 'DeletionByPodGC',
          message: 'PodGC: node no longer exists',
          lastTransitionTime: 'now',
        },
      ],
    });
    expect(failedStatus(pod('ends'), undefined, 'now')).toEqual({ phase: 'Failed' });
    expect(failedStatus(pod('over', { phase: 'Succeeded' }), condition, 'now')).toBeUndefined();
    expect(failedStatus(pod('waits', { node: '' }), condition, 'now')).toBeUndefined();
  });
});

test.each([
  ['has a node', { deleted: true }, false],
  ['is wanted', { node: '' }, false],
  ['deleted before it had a node', { node: '', deleted: true }, true],
])('unplaced: %s', (_, state, gone) => {
  expect(isUnplacedAndDeleted(pod('p', state))).toBe(gone);
});

test.each([
  [0, []],
  [1, ['evicted', 'old', 'newer']],
  [3, ['evicted']],
  [4, []],
])('ended pods beyond a threshold of %d', (threshold, gone) => {
  const pods = [
    pod('runs'),
    pod('newest', { phase: 'Succeeded', created: 4 }),
    pod('newer', { phase: 'Failed', created: 3 }),
    pod('old', { phase: 'Succeeded', created: 1 }),
    pod('evicted', { phase: 'Failed', reason: 'Evicted', created: 5 }),
  ];
  expect(names(surplusTerminated(pods, threshold))).toEqual(gone);
});
