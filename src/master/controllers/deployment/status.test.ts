import { describe, expect, test } from '@jest/globals';
import type { Deployment, DeploymentStatus, ReplicaSet } from '../../../api/types/workloads.js';
import { deploymentStatusErrors } from '../../../api/apps/status-validation.js';
import { baseStatus, isComplete, withPause, withProgress, withReplicaFailure } from './status.js';

const nowMs = Date.UTC(2026, 0, 1, 12);
const ago = (seconds: number): string =>
  new Date(nowMs - seconds * 1000).toISOString().replace('.000Z', 'Z');

function deployment(
  spec: Partial<Deployment['spec']> = {},
  status: DeploymentStatus = {},
): Deployment {
  return {
    metadata: { name: 'web', generation: 2 },
    spec: {
      replicas: 4,
      progressDeadlineSeconds: 600,
      selector: {},
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 1 } },
      template: { spec: { containers: [] } },
      ...spec,
    },
    status,
  };
}

const fresh: ReplicaSet = {
  metadata: { name: 'web-new' },
  spec: { replicas: 2, selector: {}, template: { spec: { containers: [] } } },
  status: { replicas: 2, readyReplicas: 2, availableReplicas: 1 },
};
const old: ReplicaSet = {
  metadata: { name: 'web-old' },
  spec: { replicas: 3, selector: {}, template: { spec: { containers: [] } } },
  status: { replicas: 3, readyReplicas: 2, availableReplicas: 2 },
};

const condition = (type: string, status: string, reason: string, updated = 0) => ({
  type,
  status,
  reason,
  message: '',
  lastUpdateTime: ago(updated),
  lastTransitionTime: ago(updated),
});

test.each([0, 3])('a count of %j collisions stays', (collisionCount) => {
  const status = baseStatus(deployment({}, { collisionCount }), fresh, [fresh, old], nowMs);
  expect(
    deploymentStatusErrors({ ...deployment(), status }, deployment({}, { collisionCount })),
  ).toEqual([]);
  expect(status.collisionCount).toBe(collisionCount);
});

test('counts are sums; what is 0 is left out', () => {
  expect(baseStatus(deployment(), fresh, [fresh, old], nowMs)).toMatchObject({
    observedGeneration: 2,
    replicas: 5,
    updatedReplicas: 2,
    readyReplicas: 4,
    availableReplicas: 3,
    unavailableReplicas: 2,
  });
  const empty = baseStatus(deployment({ replicas: 0 }), undefined, [], nowMs);
  expect(Object.keys(empty).toSorted()).toEqual(['conditions', 'observedGeneration']);
});

test.each([
  ['enough', 4, 'True', 'MinimumReplicasAvailable'],
  ['too few', 5, 'False', 'MinimumReplicasUnavailable'],
])('Available: %s', (_, replicas, status, reason) => {
  const found = baseStatus(deployment({ replicas }), fresh, [fresh, old], nowMs).conditions;
  expect(found).toMatchObject([{ type: 'Available', status, reason }]);
});

describe('ReplicaFailure', () => {
  const failure = {
    type: 'ReplicaFailure',
    status: 'True',
    reason: 'FailedCreate',
    message: 'one',
    lastTransitionTime: ago(5),
  };
  const failing = { ...old, status: { replicas: 0, conditions: [failure] } };
  const progressing = condition('Progressing', 'True', 'ReplicaSetUpdated', 10);
  const shown = { ...failure, lastUpdateTime: ago(5) };

  test('a set that cannot make pods shows through, after the others, and stops to', () => {
    const failed = withReplicaFailure({ conditions: [progressing] }, fresh, [fresh, failing]);
    expect(failed.conditions).toEqual([progressing, shown]);
    expect(withReplicaFailure(failed, fresh, [fresh, old]).conditions).toEqual([progressing]);
  });

  test('it stays as it is while status and reason do', () => {
    const before = { conditions: [{ ...shown, message: 'zero' }, progressing] };
    expect(withReplicaFailure(before, fresh, [failing])).toBe(before);
  });
});

test.each([
  [{ updatedReplicas: 4, replicas: 4, availableReplicas: 4, observedGeneration: 2 }, true],
  [{ updatedReplicas: 4, replicas: 5, availableReplicas: 4, observedGeneration: 2 }, false],
  [{ updatedReplicas: 4, replicas: 4, availableReplicas: 3, observedGeneration: 2 }, false],
  [{ updatedReplicas: 4, replicas: 4, availableReplicas: 4, observedGeneration: 1 }, false],
])('complete: %j', (status, complete) => {
  expect(isComplete(deployment(), status)).toBe(complete);
});

describe('Progressing', () => {
  const rolling = { updatedReplicas: 2, replicas: 5, availableReplicas: 3, observedGeneration: 2 };
  const done = { updatedReplicas: 4, replicas: 4, availableReplicas: 4, observedGeneration: 2 };
  const waiting = condition('Progressing', 'True', 'ReplicaSetUpdated', 601);
  const late = condition('Progressing', 'False', 'ProgressDeadlineExceeded', 900);
  test.each([
    ['more new pods', {}, rolling, [], 'True', 'ReplicaSetUpdated', 601_000],
    ['all done', {}, done, [], 'True', 'NewReplicaSetAvailable', undefined],
    [
      'nothing for as long as the deadline',
      rolling,
      rolling,
      [waiting],
      'False',
      'ProgressDeadlineExceeded',
      undefined,
    ],
    [
      'nothing, but not so long',
      rolling,
      rolling,
      [{ ...waiting, lastUpdateTime: ago(100) }],
      'True',
      'ReplicaSetUpdated',
      501_000,
    ],
    [
      'late, and then progress',
      { ...rolling, updatedReplicas: 1 },
      rolling,
      [late],
      'True',
      'ReplicaSetUpdated',
      601_000,
    ],
    ['late, and then done', rolling, done, [late], 'True', 'NewReplicaSetAvailable', undefined],
  ])('%s', (_, before, now, conditions, state, reason, recheckMs) => {
    const current = deployment({}, { ...before, conditions });
    const found = withProgress(current, fresh, { ...now, conditions }, nowMs);
    expect(found.status.conditions).toMatchObject([{ type: 'Progressing', status: state, reason }]);
    expect(found.recheckMs).toBe(recheckMs);
  });

  test('the words of kube-controller-manager', () => {
    const found = withProgress(deployment(), fresh, { ...done, conditions: [] }, nowMs);
    expect(found.status.conditions?.[0]?.message).toBe(
      'ReplicaSet "web-new" has successfully progressed.',
    );
  });

  test('a finished rollout does not time out when a pod is lost later', () => {
    const conditions = [condition('Progressing', 'True', 'NewReplicaSetAvailable', 9999)];
    const lost = { ...done, availableReplicas: 3 };
    const found = withProgress(
      deployment({}, { ...done, conditions }),
      fresh,
      { ...lost, conditions },
      nowMs,
    );
    expect(found.status.conditions).toEqual(conditions);
  });

  test('without a deadline there is no such condition', () => {
    const current = deployment();
    delete current.spec.progressDeadlineSeconds;
    const found = withProgress(current, fresh, { ...rolling, conditions: [waiting] }, nowMs);
    expect(found.status.conditions).toEqual([]);
  });

  test.each([
    ['pausing', true, [waiting], 'Unknown', 'DeploymentPaused'],
    [
      'resuming',
      false,
      [condition('Progressing', 'Unknown', 'DeploymentPaused')],
      'Unknown',
      'DeploymentResumed',
    ],
    ['paused when it was late', true, [late], 'False', 'ProgressDeadlineExceeded'],
  ])('%s', (_, paused, conditions, state, reason) => {
    const found = withPause(deployment({ paused }), { conditions }, nowMs).conditions;
    expect(found).toMatchObject([{ type: 'Progressing', status: state, reason }]);
  });
});
