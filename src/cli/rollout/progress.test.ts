import { describe, expect, test } from '@jest/globals';
import type { DaemonSet, Deployment, StatefulSet } from '../../api/types/workloads.js';
import type { RolloutProgress } from './progress.js';
import { daemonSetProgress, deploymentProgress, statefulSetProgress } from './progress.js';

type State = RolloutProgress['state'];
type Row = [what: string, spec: object, status: object, state: State, text: string];

/** A workload of generation 2 with what a row says. */
function workload<T extends Deployment | DaemonSet | StatefulSet>(spec: object, status: object): T {
  return {
    metadata: { name: 'web', namespace: 'default', generation: 2 },
    spec,
    status: { observedGeneration: 2, ...status },
  } as unknown as T;
}

const deployment = 'Waiting for deployment "web" rollout to finish';

describe('a Deployment', () => {
  test.each<Row>([
    [
      'that its controller has not seen',
      { replicas: 1 },
      { observedGeneration: 1, conditions: [{ reason: 'ProgressDeadlineExceeded' }] },
      'waiting',
      'Waiting for deployment spec update to be observed...',
    ],
    [
      'that is too slow',
      { replicas: 1 },
      { conditions: [{ type: 'Progressing', reason: 'ProgressDeadlineExceeded' }] },
      'failed',
      'deployment "web" exceeded its progress deadline',
    ],
    [
      'with too few new pods',
      { replicas: 3 },
      { updatedReplicas: 1, replicas: 3 },
      'waiting',
      `${deployment}: 1 out of 3 new replicas have been updated...`,
    ],
    [
      'with old pods',
      { replicas: 3 },
      { updatedReplicas: 3, replicas: 5 },
      'waiting',
      `${deployment}: 2 old replicas are pending termination...`,
    ],
    [
      'with pods that are not available',
      { replicas: 3 },
      { updatedReplicas: 3, replicas: 3, availableReplicas: 2 },
      'waiting',
      `${deployment}: 2 of 3 updated replicas are available...`,
    ],
    [
      'of one pod by default',
      {},
      {},
      'waiting',
      `${deployment}: 0 out of 1 new replicas have been updated...`,
    ],
    ['of no pods', { replicas: 0 }, {}, 'done', 'deployment "web" successfully rolled out'],
    [
      'that is there',
      { replicas: 3 },
      { updatedReplicas: 3, replicas: 3, availableReplicas: 3 },
      'done',
      'deployment "web" successfully rolled out',
    ],
  ])('%s', (_, spec, status, state, text) => {
    expect(deploymentProgress(workload(spec, status))).toEqual({ state, text });
  });
});

const daemonSet = 'Waiting for daemon set "web" rollout to finish';
const notRolling = 'rollout status is only available for RollingUpdate strategy type';

describe('a DaemonSet', () => {
  test.each<Row>([
    [
      'that its controller has not seen',
      {},
      { observedGeneration: 1 },
      'waiting',
      'Waiting for daemon set spec update to be observed...',
    ],
    [
      'with too few new pods',
      {},
      { desiredNumberScheduled: 2, updatedNumberScheduled: 1 },
      'waiting',
      `${daemonSet}: 1 out of 2 new pods have been updated...`,
    ],
    [
      'with pods that are not available',
      {},
      { desiredNumberScheduled: 2, updatedNumberScheduled: 2, numberAvailable: 1 },
      'waiting',
      `${daemonSet}: 1 of 2 updated pods are available...`,
    ],
    [
      'that is there',
      {},
      { desiredNumberScheduled: 2, updatedNumberScheduled: 2, numberAvailable: 2 },
      'done',
      'daemon set "web" successfully rolled out',
    ],
    [
      'that rolls nothing out by itself',
      { updateStrategy: { type: 'OnDelete' } },
      {},
      'failed',
      notRolling,
    ],
  ])('%s', (_, spec, status, state, text) => {
    expect(daemonSetProgress(workload(spec, status))).toEqual({ state, text });
  });
});

describe('a StatefulSet', () => {
  const revisions = { currentRevision: 'web-1', updateRevision: 'web-2' };
  const partition = (n: number): object => ({
    updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: n } },
  });
  test.each<Row>([
    [
      'that its controller has not seen',
      { replicas: 1 },
      { observedGeneration: 1 },
      'waiting',
      'Waiting for statefulset spec update to be observed...',
    ],
    [
      'with pods that are not ready',
      { replicas: 3 },
      { readyReplicas: 1 },
      'waiting',
      'Waiting for 2 pods to be ready...',
    ],
    [
      'above its partition',
      { replicas: 3, ...partition(1) },
      { readyReplicas: 3, updatedReplicas: 1, ...revisions },
      'waiting',
      'Waiting for partitioned roll out to finish: 1 out of 2 new pods have been updated...',
    ],
    [
      'that is done down to its partition',
      { replicas: 3, ...partition(1) },
      { readyReplicas: 3, updatedReplicas: 2, ...revisions },
      'done',
      'partitioned roll out complete: 2 new pods have been updated...',
    ],
    [
      'between two revisions',
      { replicas: 3 },
      { readyReplicas: 3, updatedReplicas: 2, ...revisions },
      'waiting',
      'waiting for statefulset rolling update to complete 2 pods at revision web-2...',
    ],
    [
      'that is there',
      { replicas: 3 },
      { readyReplicas: 3, currentReplicas: 3, currentRevision: 'web-2', updateRevision: 'web-2' },
      'done',
      'statefulset rolling update complete 3 pods at revision web-2...',
    ],
    [
      'that rolls nothing out by itself',
      { updateStrategy: { type: 'OnDelete' } },
      {},
      'failed',
      notRolling,
    ],
  ])('%s', (_, spec, status, state, text) => {
    expect(statefulSetProgress(workload(spec, status))).toEqual({ state, text });
  });
});
