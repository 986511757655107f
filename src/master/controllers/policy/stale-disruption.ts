/** Takes back what was said of pods that should have gone and did not. */
import { findCondition } from '../../../api/facts/conditions.js';
import { keyOf, splitKey } from '../../../api/facts/keys.js';
import { isPodTerminal } from '../../../api/facts/pods.js';
import { formatTime, parseTime } from '../../../api/facts/time.js';
import type { Pod } from '../../../api/types/core.js';
import { podInformer } from '../../../client/controller/pod-index.js';
import type { Reconciler } from '../../../client/controller/reconciler.js';
import { createReconciler, ignoreNotFound } from '../../../client/controller/reconciler.js';
import { patchPodStatus } from '../../../client/pod-status.js';
import type { ControllerContext } from '../context.js';

const type = 'DisruptionTarget';
/** For so long a pod may be about to go. @see kubernetes pkg/controller/disruption, stalePodDisruptionTimeout */
const staleMs = 2 * 60_000;

/** Milliseconds until a pod's `DisruptionTarget` is stale, 0 once it is; undefined while it means something. */
export function msUntilStale(pod: Pod, nowMs: number): number | undefined {
  const found = findCondition(pod.status?.conditions, type);
  if (found?.status !== 'True' || pod.metadata.deletionTimestamp !== undefined) return undefined;
  // A node tells before it ends the pod, and takes its time.
  if (found.reason === 'TerminationByKubelet' || isPodTerminal(pod)) return undefined;
  return Math.max(0, (parseTime(found.lastTransitionTime) ?? 0) + staleMs - nowMs);
}

/** The second queue of the controller "disruption". */
export function createStaleDisruption(context: ControllerContext): Reconciler {
  const { client, clock } = context;
  const pods = podInformer(context);
  const reconciler = createReconciler(context, {
    name: 'disruption-stale',
    reconcile: async (key) => {
      const pod = pods.get(splitKey(key));
      const leftMs = pod === undefined ? undefined : msUntilStale(pod, clock.nowMs());
      if (pod === undefined || leftMs === undefined) return undefined;
      if (leftMs > 0) return { requeueAfterMs: leftMs };
      const lastTransitionTime = formatTime(clock.nowMs());
      const condition = { type, status: 'False', reason: null, message: null, lastTransitionTime };
      await patchPodStatus(client, pod, { conditions: [condition] }, { ifUnchanged: true }).catch(
        ignoreNotFound,
      );
      return undefined;
    },
  });
  pods.onChange(({ type: change, object }) => {
    if (change === 'delete' || msUntilStale(object, clock.nowMs()) === undefined) return;
    reconciler.enqueue(keyOf(object));
  });
  return reconciler;
}
