import { describe, expect, test } from '@jest/globals';
import { Prng } from '../../../lib/prng.js';
import type { Deployment, ReplicaSet } from '../../../api/types/workloads.js';
import { planDeployment } from './plan.js';
import { replicasOf, rollingBounds } from './replica-sets.js';
import { mustEqual } from '../../../lib/testkit/must-equal.js';

const nowMs = 1_700_000_000_000;

function deployment(
  replicas: number,
  maxSurge: number | string,
  maxUnavailable: number | string,
): Deployment {
  return {
    metadata: { name: 'web', namespace: 'default', uid: 'd', generation: 1 },
    spec: {
      replicas,
      progressDeadlineSeconds: 600,
      selector: { matchLabels: { app: 'web' } },
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge, maxUnavailable } },
      template: {
        metadata: { labels: { app: 'web' } },
        spec: { containers: [{ name: 'c', image: 'v1' }] },
      },
    },
  };
}

/** Carries a plan out on the sets in memory. */
function apply(current: Deployment, sets: ReplicaSet[]): boolean {
  const plan = planDeployment({ deployment: current, sets, hasRunningPods: () => false, nowMs });
  for (const action of plan.actions) {
    if (action.type === 'create') sets.push({ ...action.set, status: { replicas: 0 } });
    else {
      const at = sets.findIndex((set) => set.metadata.name === action.set.metadata.name);
      if (action.type === 'update') sets[at] = action.set;
      else sets.splice(at, 1);
    }
  }
  current.status = plan.status;
  return plan.actions.length > 0;
}

describe('rolling update', () => {
  test('never over maxSurge, never gives up what must be available, and converges (60 seeds)', () => {
    for (let seed = 1; seed <= 60; seed++) {
      const prng = new Prng(seed);
      const replicas = prng.between(1, 12);
      const current = deployment(replicas, prng.below(4), prng.below(4));
      const { maxSurge, maxUnavailable } = rollingBounds(current);
      const sets: ReplicaSet[] = [];
      let image = 1;
      for (let step = 0; step < 400; step++) {
        if (step < 200 && prng.chance({ numerator: 1, denominator: 40 })) {
          current.spec.template.spec.containers = [{ name: 'c', image: `v${++image}` }];
        }
        const before = sets.reduce((sum, set) => sum + (set.status?.availableReplicas ?? 0), 0);
        apply(current, sets);
        const total = sets.reduce((sum, set) => sum + replicasOf(set), 0);
        mustEqual(
          [seed, step, Math.max(total, replicas + maxSurge)],
          [seed, step, replicas + maxSurge],
        );
        const stay = sets.reduce(
          (sum, set) => sum + Math.min(replicasOf(set), set.status?.availableReplicas ?? 0),
          0,
        );
        const least = Math.min(before, replicas - maxUnavailable);
        mustEqual([seed, step, Math.min(stay, least)], [seed, step, least]);
        for (const set of sets) follow(set, prng, step > 250);
      }
      for (let step = 0; step < 100; step++) {
        apply(current, sets);
        for (const set of sets) follow(set, prng, true);
      }
      const live = sets.filter((set) => replicasOf(set) > 0);
      expect({
        seed,
        live: live.map((set) => set.spec.template.spec.containers[0]?.image),
      }).toEqual({ seed, live: [`v${image}`] });
      expect(replicasOf(live[0]!)).toBe(replicas);
      expect(apply(current, sets)).toBe(false);
    }
  });
});

/** Pods come and become available at their own pace. */
function follow(set: ReplicaSet, prng: Prng, fast: boolean): void {
  const wanted = replicasOf(set);
  const available = Math.min(wanted, set.status?.availableReplicas ?? 0);
  const more = fast ? wanted : Math.min(wanted, available + prng.below(3));
  set.status = {
    replicas: wanted,
    readyReplicas: more,
    availableReplicas: more,
    observedGeneration: set.metadata.generation ?? 0,
  };
}
