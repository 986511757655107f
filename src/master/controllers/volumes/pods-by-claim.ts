/** Pods by the claims that they use. */
import { objectKey } from '../../../api/facts/keys.js';
import { claimNames } from '../../../api/facts/pod-claims.js';
import type { Pod } from '../../../api/types/core.js';
import { podInformer } from '../../../client/controller/pod-index.js';
import type { Informer } from '../../../client/types.js';
import type { ControllerContext } from '../context.js';

/** The name of the index by claim. */
export const claimIndex = 'claims';

/** The pod informer, with its index by the keys of claims. */
export function podsByClaim(context: ControllerContext): Informer<Pod> {
  const pods = podInformer(context);
  pods.addIndex(claimIndex, claimKeys);
  return pods;
}

/** Keys of the claims that a pod uses. */
export function claimKeys(pod: Pod): string[] {
  return claimNames(pod).map((name) => objectKey({ namespace: pod.metadata.namespace, name }));
}
