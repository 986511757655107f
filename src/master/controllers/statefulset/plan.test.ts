import { describe, expect, test } from '@jest/globals';
import type { PersistentVolumeClaim, Pod } from '../../../api/types/core.js';
import type { StatefulSet } from '../../../api/types/workloads.js';
import { mayHaveClaim, statefulClaims, statefulPod, wantedClaimOwners } from './identity.js';
import { ordinalOf, ordinalsWithoutNode, planStatefulSet } from './plan.js';

const nowMs = Date.UTC(2026, 0, 1, 12);
type Spec = StatefulSet['spec'];

function setOf(spec: Partial<Spec> = {}, partition = 0): StatefulSet {
  return {
    metadata: { name: 'db', namespace: 'default', uid: 'uid-db', generation: 2 },
    spec: {
      replicas: 3,
      serviceName: 'db',
      selector: { matchLabels: { app: 'db' } },
      template: { metadata: { labels: { app: 'db' } }, spec: { containers: [{ name: 'c' }] } },
      updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition } },
      ...spec,
    },
  };
}

/**
 * Pods in short: `0` is fine and of the new revision; `0o` of the old one; `!` not ready, `~` being deleted, `x`
 * failed, `s` succeeded.
 */
function pods(text: string): Pod[] {
  return text
    .split(' ')
    .filter((word) => word !== '')
    .map((word) => {
      const flags = word.replace(/^\d+/, '');
      const ready = !/[!xs]/.test(flags);
      return {
        metadata: {
          name: `db-${Number.parseInt(word, 10)}`,
          uid: word,
          labels: { 'controller-revision-hash': flags.includes('o') ? 'old' : 'new' },
          ...(flags.includes('~') ? { deletionTimestamp: '2026-01-01T11:00:00Z' } : {}),
        },
        spec: { containers: [] },
        status: {
          phase: flags.includes('x') ? 'Failed' : flags.includes('s') ? 'Succeeded' : 'Running',
          conditions: ready
            ? [{ type: 'Ready', status: 'True', lastTransitionTime: '2026-01-01T11:59:50Z' }]
            : [],
        },
      };
    });
}

/** `+2 new` makes number 2 of that revision, `-2 scaled` deletes it. */
function steps(set: StatefulSet, text: string): string[] {
  const plan = planStatefulSet({ set, pods: pods(text), current: 'old', update: 'new', nowMs });
  return plan.actions.map((action) =>
    action.type === 'create'
      ? `+${action.ordinal} ${action.revision}`
      : `-${action.pod.metadata.name.slice('db-'.length)} ${action.why}`,
  );
}

const parallel = { podManagementPolicy: 'Parallel' };

describe('OrderedReady', () => {
  test.each([
    ['the first', '', ['+0 new']],
    ['the next when the one before is ready', '0', ['+1 new']],
    ['not before', '0!', []],
    ['nor while it is being deleted', '0~', []],
    ['a gap is filled first', '0 2', ['+1 new']],
    ['a failed one is replaced', '0 1x 2', ['-1 failed']],
    ['one that succeeded too', '0 1s 2', ['-1 failed']],
    ['all are there', '0 1 2', []],
  ])('%s', (_, text, wanted) => {
    expect(steps(setOf(), text)).toEqual(wanted);
  });

  test.each([
    ['from the top, one at a time', '0 1 2 3 4', ['-4 scaled']],
    ['the next when that one is gone', '0 1 2 3 4~', []],
    ['not while another is not ready', '0 1! 2 3 4', []],
    ['not while a lower condemned one is not ready', '0 1 2 3! 4', ['-4 scaled']],
    ['the one that is not ready itself goes', '0 1 2 3 4!', ['-4 scaled']],
  ])('scaling down: %s', (_, text, wanted) => {
    expect(steps(setOf(), text)).toEqual(wanted);
  });

  test('minReadySeconds: ready is not enough', () => {
    expect(steps(setOf({ minReadySeconds: 10 }), '0')).toEqual(['+1 new']);
    expect(steps(setOf({ minReadySeconds: 11 }), '0')).toEqual([]);
    const set = setOf({ minReadySeconds: 11 });
    const { recheckMs } = planStatefulSet({
      set,
      pods: pods('0'),
      current: 'new',
      update: 'new',
      nowMs,
    });
    expect(recheckMs).toBe(1000);
  });
});

describe('Parallel', () => {
  test.each([
    ['all at once', '', ['+0 new', '+1 new', '+2 new']],
    ['whatever the others do', '0! 2~', ['+1 new']],
    ['all that are too many at once', '0! 1 2 3 4 5~', ['-4 scaled', '-3 scaled']],
  ])('%s', (_, text, wanted) => {
    expect(steps(setOf(parallel), text)).toEqual(wanted);
  });
});

describe('rolling update', () => {
  test.each([
    ['from the top', 0, {}, '0o 1o 2o', ['-2 updated']],
    ['waits for the new one', 0, {}, '0o 1o 2!', []],
    ['then the next', 0, {}, '0o 1o 2', ['-1 updated']],
    ['down to the partition', 2, {}, '0o 1o 2', []],
    ['nothing above the partition', 3, {}, '0o 1o 2o', []],
    ['below the partition new pods are of the old revision', 1, {}, '', ['+0 old']],
    ['OnDelete: nothing of itself', 0, { updateStrategy: { type: 'OnDelete' } }, '0o 1o 2o', []],
    [
      'OnDelete: what is made anew is new',
      0,
      { updateStrategy: { type: 'OnDelete' } },
      '0o',
      ['+1 new'],
    ],
    ['Parallel: one at a time all the same', 0, parallel, '0o 1o 2o', ['-2 updated']],
    [
      'Parallel: a lower one that is broken does not block',
      0,
      parallel,
      '0o! 1o 2o',
      ['-2 updated'],
    ],
    ['Parallel: it has its turn', 0, parallel, '0o! 1 2', ['-0 updated']],
    ['not while too many are there', 0, {}, '0o 1o 2o 3', ['-3 scaled']],
  ])('%s', (_, partition, spec, text, wanted) => {
    expect(steps(setOf(spec, partition), text)).toEqual(wanted);
  });

  test.each([
    ['two at a time', 2, '0o 1o 2o', ['-2 updated', '-1 updated']],
    ['one is not available already', 2, '0o 1o 2!', ['-1 updated']],
    ['both are taken', 2, '0o 1! 2!', []],
    ['one that is broken may always go', 2, '0o! 1! 2!', ['-0 updated']],
    ['a share, rounded up', '34%', '0o 1o 2o', ['-2 updated', '-1 updated']],
  ])('maxUnavailable: %s', (_, maxUnavailable, text, wanted) => {
    const rollingUpdate = { partition: 0, maxUnavailable };
    const set = setOf({ ...parallel, updateStrategy: { type: 'RollingUpdate', rollingUpdate } });
    expect(steps(set, text)).toEqual(wanted);
  });
});

describe('ordinals', () => {
  test('may begin elsewhere; those outside go', () => {
    const set = setOf({ ...parallel, replicas: 2, ordinals: { start: 5 } });
    expect(steps(set, '0 5')).toEqual(['+6 new', '-0 scaled']);
  });

  test('the partition counts from the start', () => {
    const set = setOf({ replicas: 2, ordinals: { start: 5 } }, 1);
    expect(steps(set, '5o 6o')).toEqual(['-6 updated']);
    expect(steps(set, '6')).toEqual(['+5 old']);
  });

  test.each([
    ['db-0', 0],
    ['db-12', 12],
    ['db-x', undefined],
    ['db-1-2', undefined],
    ['web-0', undefined],
  ])('%s', (name, ordinal) => {
    expect(ordinalOf(setOf(), { metadata: { name }, spec: { containers: [] } })).toBe(ordinal);
  });
});

describe('status', () => {
  const statusOf = (set: StatefulSet, text: string) =>
    planStatefulSet({ set, pods: pods(text), current: 'old', update: 'new', nowMs }).status;

  test('counts by revision', () => {
    expect(statusOf(setOf(), '0o 1! 2~')).toMatchObject({
      replicas: 3,
      readyReplicas: 2,
      availableReplicas: 2,
      currentReplicas: 1,
      updatedReplicas: 1,
      currentRevision: 'old',
      updateRevision: 'new',
      observedGeneration: 2,
    });
  });

  test('the update is complete when all are new and ready', () => {
    expect(statusOf(setOf(), '0 1 2').currentRevision).toBe('new');
    expect(statusOf(setOf(), '0 1 2!').currentRevision).toBe('old');
    expect(statusOf(setOf({}, 1), '0o 1 2').currentRevision).toBe('old');
  });
});

test('a set that is being deleted does nothing', () => {
  const set = setOf();
  set.metadata.deletionTimestamp = '2026-01-01T11:00:00Z';
  expect(steps(set, '0 4')).toEqual([]);
});

describe('identity', () => {
  const template = {
    metadata: { name: 'data', labels: { tier: 'disk' } },
    spec: { accessModes: ['ReadWriteOnce'] },
  };
  const set = setOf({ volumeClaimTemplates: [template] });

  test('name, host, labels and claims follow from the ordinal', () => {
    const spec = { containers: [], volumes: [{ name: 'data', emptyDir: {} }, { name: 'tmp' }] };
    const pod = statefulPod(set, { spec }, 2, 'new');
    expect(pod.metadata).toMatchObject({
      name: 'db-2',
      namespace: 'default',
      labels: {
        'statefulset.kubernetes.io/pod-name': 'db-2',
        'apps.kubernetes.io/pod-index': '2',
        'controller-revision-hash': 'new',
      },
    });
    expect(pod.metadata.generateName).toBe('db-');
    expect(pod.spec).toMatchObject({ hostname: 'db-2', subdomain: 'db' });
    expect(pod.spec.volumes).toEqual([
      { name: 'data', persistentVolumeClaim: { claimName: 'data-db-2' } },
      { name: 'tmp' },
    ]);
    expect(statefulClaims(set, 2).map(({ metadata }) => metadata)).toEqual([
      { name: 'data-db-2', namespace: 'default', labels: { tier: 'disk', app: 'db' } },
    ]);
  });

  const owner = {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    name: 'db',
    uid: 'uid-db',
    controller: true,
    blockOwnerDeletion: true,
  };
  const podOwner = { ...owner, apiVersion: 'v1', kind: 'Pod', name: 'db-4', uid: '4' };
  test.each([
    ['Retain', 'Retain', false, undefined],
    ['Retain', 'Retain', true, undefined],
    ['Delete', 'Retain', false, [owner]],
    ['Delete', 'Retain', true, [owner]],
    ['Retain', 'Delete', false, undefined],
    ['Retain', 'Delete', true, [podOwner]],
    ['Delete', 'Delete', false, [owner]],
    ['Delete', 'Delete', true, [podOwner]],
  ])(
    'claims, whenDeleted %s, whenScaled %s, condemned %s',
    (whenDeleted, whenScaled, condemned, owners) => {
      const policy = { whenDeleted, whenScaled };
      const kept = setOf({ persistentVolumeClaimRetentionPolicy: policy });
      const claim: PersistentVolumeClaim = { metadata: { name: 'data-db-4' }, spec: {} };
      const [pod] = pods('4');
      expect(wantedClaimOwners(kept, claim, pod, condemned)).toEqual(owners);
      const right = { ...claim, metadata: { ...claim.metadata, ownerReferences: owners ?? [] } };
      expect(wantedClaimOwners(kept, right, pod, condemned)).toBeUndefined();
    },
  );
});

test('claims are looked after for wanted pods that wait for a node', () => {
  const waiting = pods('0! 1 2~ 3!').map((pod) => ({
    ...pod,
    spec: { ...pod.spec, ...(pod.metadata.uid === '1' ? { nodeName: 'n' } : {}) },
  }));
  expect(ordinalsWithoutNode(setOf(), waiting)).toEqual([0]);
  expect(ordinalsWithoutNode(setOf({ ordinals: { start: 3 } }), waiting)).toEqual([3]);
  const going = setOf();
  going.metadata.deletionTimestamp = '2026-01-01T11:00:00Z';
  expect(ordinalsWithoutNode(going, waiting)).toEqual([]);
});

test.each([
  ['data-db-0', true],
  ['data-db2-0', false],
  ['logs-db-0', false],
])('the claim %s is perhaps of the set: %s', (claim, wanted) => {
  const template = { metadata: { name: 'data' }, spec: {} };
  expect(mayHaveClaim(setOf({ volumeClaimTemplates: [template] }), claim)).toBe(wanted);
});
