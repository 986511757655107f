import { controllerOf } from '../../api/object.js';
import type { Informer } from '../types.js';
import type { ReconcileContext } from './context.js';
import type { Pod } from '../../api/types/core.js';
import { resources } from '../resources.js';

/** By the uid of the controlling owner; pods without one are under `orphan:<namespace>`. */
export const ownerUidIndex = 'controller-uid';
/** By `spec.nodeName`. */
export const nodeNameIndex = 'node-name';

/** The shared informer of pods, with the indexes above. */
export function podInformer(context: Pick<ReconcileContext, 'informers'>): Informer<Pod> {
  const informer = context.informers.informer<Pod>(resources.pods);
  informer.addIndex(ownerUidIndex, (pod) => [
    controllerOf(pod)?.uid ?? `orphan:${pod.metadata.namespace ?? ''}`,
  ]);
  informer.addIndex(nodeNameIndex, (pod) =>
    pod.spec.nodeName === undefined || pod.spec.nodeName === '' ? [] : [pod.spec.nodeName],
  );
  return informer;
}
