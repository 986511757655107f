import { describe, expect, test } from '@jest/globals';
import type { Deployment, ReplicaSet } from '../../../api/types/workloads.js';
import { planDeployment } from './plan.js';
import { findNew, makeReplicaSet, newSetAnnotations, rollingBounds } from './replica-sets.js';
import { isScalingEvent, newSetSize, scaleProportionally, shrinkOld } from './scale.js';

const nowMs = Date.UTC(2026, 0, 1, 12);
type Spec = Deployment['spec'];

function deployment(replicas: number, spec: Partial<Spec> = {}): Deployment {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', namespace: 'default', uid: 'uid-web', generation: 1 },
    spec: {
      replicas,
      progressDeadlineSeconds: 600,
      revisionHistoryLimit: 10,
      selector: { matchLabels: { app: 'web' } },
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 3, maxUnavailable: 2 } },
      template: {
        metadata: { labels: { app: 'web' } },
        spec: { containers: [{ name: 'c', image: 'new' }] },
      },
      ...spec,
    },
  };
}

interface SetState {
  readonly replicas: number;
  readonly available?: number;
  readonly image?: string;
  readonly revision?: number;
  /** Hour of its creation. */
  readonly created?: number;
  /** For which size of the deployment it was scaled, and how many pods all sets could have then. */
  readonly scaledFor?: readonly [desired: number, max: number];
}

function replicaSet(name: string, state: SetState): ReplicaSet {
  const { replicas, available = replicas, image = name, revision, created = 1, scaledFor } = state;
  return {
    metadata: {
      name,
      generation: 1,
      creationTimestamp: `2026-01-01T0${created}:00:00Z`,
      annotations: {
        ...(revision === undefined
          ? {}
          : { 'deployment.kubernetes.io/revision': String(revision) }),
        ...(scaledFor === undefined
          ? {}
          : {
              'deployment.kubernetes.io/desired-replicas': String(scaledFor[0]),
              'deployment.kubernetes.io/max-replicas': String(scaledFor[1]),
            }),
      },
    },
    spec: {
      replicas,
      selector: { matchLabels: { app: 'web' } },
      template: {
        metadata: { labels: { app: 'web', 'pod-template-hash': name } },
        spec: { containers: [{ name: 'c', image }] },
      },
    },
    status: {
      replicas,
      readyReplicas: available,
      availableReplicas: available,
      observedGeneration: 1,
    },
  };
}

describe('maxSurge and maxUnavailable', () => {
  test.each([
    [10, '25%', '25%', 3, 2],
    [10, 0, '1%', 0, 1],
    [10, 0, 0, 0, 1],
    [10, '100%', 0, 10, 0],
    [3, 1, 9, 1, 3],
    [0, 1, 1, 1, 0],
  ])('%d replicas, %s, %s', (replicas, maxSurge, maxUnavailable, surge, unavailable) => {
    const strategy = { type: 'RollingUpdate', rollingUpdate: { maxSurge, maxUnavailable } };
    expect(rollingBounds(deployment(replicas, { strategy }))).toEqual({
      maxSurge: surge,
      maxUnavailable: unavailable,
    });
  });

  test('Recreate knows neither', () => {
    const recreate = deployment(10, { strategy: { type: 'Recreate' } });
    expect(rollingBounds(recreate)).toEqual({ maxSurge: 0, maxUnavailable: 0 });
  });
});

describe('the size of the new set', () => {
  test.each([
    ['grows by what surge leaves', [10], 0, 3],
    ['and by what old sets gave up', [8], 3, 5],
    ['never beyond the wanted size', [0], 9, 10],
    ['shrinks at once', [0], 12, 10],
    ['stays when there is no room', [10], 3, 3],
  ])('%s', (_, old, present, size) => {
    const sets = [...old, present].map((replicas, at) => replicaSet(`s${at}`, { replicas }));
    expect(newSetSize(deployment(10), sets, present)).toBe(size);
  });
});

describe('old sets give up', () => {
  test.each([
    ['down to what must be available', [{ replicas: 10 }], { replicas: 3, available: 0 }, [8]],
    ['more as new ones become available', [{ replicas: 8 }], { replicas: 5, available: 3 }, [5]],
    [
      'what is not available first',
      [
        { replicas: 5, available: 5 },
        { replicas: 5, available: 2 },
      ],
      { replicas: 3, available: 1 },
      [5, 2],
    ],
    [
      'nothing while too few are available',
      [{ replicas: 8, available: 8 }],
      { replicas: 5, available: 0 },
      [],
    ],
    [
      'the oldest first',
      [
        { replicas: 4, created: 3 },
        { replicas: 4, created: 2 },
      ],
      { replicas: 3 },
      [4, 1],
    ],
    ['all in the end', [{ replicas: 2 }], { replicas: 10 }, [0]],
  ])('%s', (_, old, fresh, sizes) => {
    const sets = old.map((state, at) => replicaSet(`old${at}`, state));
    const scalings = shrinkOld(deployment(10), replicaSet('new', fresh), sets);
    const after = sets.map(
      (set) => scalings.find((scaling) => scaling.set === set)?.replicas ?? set.spec.replicas,
    );
    if (sizes.length === 0) expect(scalings).toEqual([]);
    else expect(after).toEqual(sizes);
  });
});

describe('a change of size in the middle of a rollout is shared in proportion', () => {
  const scaledFor = [10, 13] as const;
  test.each([
    ['10 to 15: sets of 8 and 5 could be 18 in all', 15, [8, 5], [11, 7]],
    ['10 to 5', 5, [8, 5], [5, 3]],
    ['10 to 0', 0, [8, 5], [0, 0]],
    ['one set alone', 15, [0, 10], [0, 15]],
  ])('%s', (_, replicas, [old = 0, fresh = 0], sizes) => {
    const sets = [
      replicaSet('old', { replicas: old, scaledFor }),
      replicaSet('new', { replicas: fresh, created: 2, scaledFor }),
    ] as const;
    expect(isScalingEvent(deployment(replicas), sets)).toBe(true);
    const scalings = scaleProportionally(deployment(replicas), sets[1], [sets[0]]);
    const after = sets.map(
      (set) => scalings.find((scaling) => scaling.set === set)?.replicas ?? set.spec.replicas,
    );
    expect(after).toEqual(sizes);
  });

  test('a set that was scaled for this size is no reason', () => {
    expect(isScalingEvent(deployment(10), [replicaSet('a', { replicas: 3, scaledFor })])).toBe(
      false,
    );
    expect(isScalingEvent(deployment(10), [replicaSet('a', { replicas: 3 })])).toBe(false);
  });
});

describe('paused', () => {
  test('no rollout, but scaling', () => {
    const old = replicaSet('old', { replicas: 10, scaledFor: [10, 13] });
    const plan = (replicas: number) =>
      planDeployment({
        deployment: deployment(replicas, { paused: true }),
        sets: [old],
        hasRunningPods: () => true,
        nowMs,
      });
    expect(plan(10).actions).toEqual([]);
    expect(plan(12).actions).toMatchObject([
      { type: 'update', from: 10, set: { spec: { replicas: 12 } } },
    ]);
  });
});

describe('Recreate', () => {
  const recreate = deployment(3, { strategy: { type: 'Recreate' } });
  const old = replicaSet('old', { replicas: 3 });
  const step = (sets: readonly ReplicaSet[], running: boolean) =>
    planDeployment({ deployment: recreate, sets, hasRunningPods: () => running, nowMs }).actions;

  test('old pods go, then they are gone, then new ones come', () => {
    expect(step([old], true)).toMatchObject([{ type: 'update', set: { spec: { replicas: 0 } } }]);
    const empty = replicaSet('old', { replicas: 0 });
    expect(step([empty], true)).toEqual([]);
    expect(step([empty], false)).toMatchObject([
      { type: 'create', set: { spec: { replicas: 3 } } },
    ]);
  });
});

describe('revisions', () => {
  test('are int64: one beyond what a number holds is counted on', () => {
    // test/e2e/apps/deployment.go of Kubernetes, testRollingUpdateDeployment.
    const text = '3546343826724305832';
    const annotations = { 'deployment.kubernetes.io/revision': text };
    const bare = replicaSet('old', { replicas: 1 });
    const old = { ...bare, metadata: { ...bare.metadata, annotations } };
    const { revision } = planDeployment({
      deployment: deployment(1),
      sets: [old],
      hasRunningPods: () => false,
      nowMs,
    });
    expect(String(revision)).toBe('3546343826724305833');
  });
});

describe('history', () => {
  const settled = { replicas: 10, scaledFor: [10, 13] } as const;
  const fresh = replicaSet('new', { ...settled, revision: 9, created: 9 });
  const old = [1, 2, 3, 4].map((n) =>
    replicaSet(`old${n}`, { replicas: n === 1 ? 1 : 0, revision: n, created: n }),
  );
  const surplus = (limit: number, sets = old): string[] =>
    planDeployment({
      deployment: deployment(10, { revisionHistoryLimit: limit }),
      sets: [...sets, fresh],
      hasRunningPods: () => false,
      nowMs,
    }).actions.flatMap((action) => (action.type === 'delete' ? [action.set.metadata.name] : []));
  const empty = old.slice(1);

  test.each([
    [10, []],
    [2, ['old2']],
    [0, ['old2', 'old3', 'old4']],
  ])('revisionHistoryLimit %d: the oldest revisions go', (limit, gone) => {
    expect(surplus(limit, empty)).toEqual(gone);
  });

  test('not during a rollout', () => {
    expect(surplus(0)).toEqual([]);
  });
});

describe('the new set', () => {
  test('is the oldest with the template, whatever its hash', () => {
    const sets = [
      replicaSet('b', { replicas: 1, image: 'new', created: 2 }),
      replicaSet('a', { replicas: 1, image: 'new', created: 1 }),
      replicaSet('c', { replicas: 1, image: 'other' }),
    ];
    expect(findNew(deployment(3), sets)?.metadata.name).toBe('a');
    expect(findNew(deployment(3), [])).toBeUndefined();
  });

  test('is named after the hash of its template, which it selects', () => {
    const made = makeReplicaSet(deployment(3), { replicas: 2, revision: 4n });
    const hash = made.metadata.labels?.['pod-template-hash'] ?? '';
    expect(hash).not.toBe('');
    expect(made.metadata.name).toBe(`web-${hash}`);
    expect(made.spec.selector.matchLabels).toEqual({ app: 'web', 'pod-template-hash': hash });
    expect(made.spec.template.metadata?.labels).toEqual({ app: 'web', 'pod-template-hash': hash });
    expect(made.metadata.annotations).toEqual({
      'deployment.kubernetes.io/revision': '4',
      'deployment.kubernetes.io/desired-replicas': '3',
      'deployment.kubernetes.io/max-replicas': '6',
    });
    const collided = { ...deployment(3), status: { collisionCount: 1 } };
    expect(makeReplicaSet(collided, { replicas: 2, revision: 4n }).metadata.name).not.toBe(
      made.metadata.name,
    );
  });

  test('a set that comes back remembers its revisions; notes of kubectl are not copied', () => {
    const noted = deployment(3);
    noted.metadata.annotations = {
      note: 'x',
      'kubectl.kubernetes.io/last-applied-configuration': '{}',
    };
    const set = replicaSet('a', { replicas: 1, revision: 2 });
    expect(newSetAnnotations(noted, 5n, set)).toEqual({
      note: 'x',
      'deployment.kubernetes.io/revision': '5',
      'deployment.kubernetes.io/revision-history': '2',
    });
    expect(newSetAnnotations(noted, 1n, set)['deployment.kubernetes.io/revision']).toBe('2');
  });
});
