/** Controller "persistentvolume-expander-controller": says who a claim that wants more waits for. */
import { keyOf, splitKey } from '../../../api/facts/keys.js';
import { amountOf } from '../../../api/facts/pod-requests.js';
import type { PersistentVolumeClaim } from '../../../api/types/core.js';
import type { Reconciler } from '../../../client/controller/reconciler.js';
import { createReconciler } from '../../../client/controller/reconciler.js';
import { resources } from '../../../client/resources.js';
import type { ControllerContext } from '../context.js';

/** True for a bound claim that wants more than it has. */
export function wantsMore({ spec, status }: PersistentVolumeClaim): boolean {
  if (status?.phase !== 'Bound') return false;
  const wanted = amountOf('storage', spec.resources?.requests?.['storage'] ?? '0');
  return wanted > amountOf('storage', status.capacity?.['storage'] ?? '0');
}

/** The file systems are grown by an external resizer, which the claim's owner is told of. */
export function createVolumeExpansion(context: ControllerContext): Reconciler {
  const recorder = context.recorder('volume_expand');
  const claims = context.informers.informer<PersistentVolumeClaim>(resources.claims);
  const reconciler = createReconciler(context, {
    name: 'persistentvolume-expander-controller',
    reconcile: (key) => {
      const claim = claims.get(splitKey(key));
      if (claim === undefined || !wantsMore(claim)) return Promise.resolve();
      const subject = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: claim.metadata };
      const message = 'waiting for an external controller to expand this PVC';
      recorder.normal(subject, 'ExternalExpanding', message);
      return Promise.resolve();
    },
  });
  claims.onChange((change) => {
    if (change.type !== 'update') return;
    const size = ({ spec }: PersistentVolumeClaim): string =>
      spec.resources?.requests?.['storage'] ?? '0';
    if (amountOf('storage', size(change.object)) > amountOf('storage', size(change.old))) {
      reconciler.enqueue(keyOf(change.object));
    }
  });
  return reconciler;
}
