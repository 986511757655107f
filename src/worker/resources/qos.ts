/** A pod's quality of service class. @see Kubernetes "Pod Quality of Service Classes" */
import { parseQuantity } from '../../api/quantity.js';
import type { Pod } from '../../api/types/core.js';
import type { QosClass } from '../../runtime/types.js';
import { containersOf } from '../pod-fields.js';

const counted = ['cpu', 'memory'] as const;

/** Guaranteed: every container limits CPU and memory and requests just that. BestEffort: none names either. */
export function qosClass(pod: Pod): QosClass {
  let guaranteed = true;
  let named = false;
  for (const { resources = {} } of containersOf(pod)) {
    for (const resource of counted) {
      const limit = nanos(resources.limits?.[resource]);
      const request = nanos(resources.requests?.[resource]) || limit;
      if (limit > 0n || request > 0n) named = true;
      if (limit === 0n || limit !== request) guaranteed = false;
    }
  }
  if (!named) return 'BestEffort';
  return guaranteed ? 'Guaranteed' : 'Burstable';
}

function nanos(quantity: string | undefined): bigint {
  return quantity === undefined ? 0n : (parseQuantity(quantity)?.nanos ?? 0n);
}
