import type { PriorityClass } from '../../../api/types/policy.js';
import type { Objects } from '../registry/objects.js';
import { failure, forbidden } from '../status.js';
import type { AdmissionPlugin } from './chain.js';
import type { Pod } from '../../../api/types/core.js';
import { writesPod } from './pod-object.js';

/** Resolves a pod's priority class to its number. */
export function priority(objects: Objects): AdmissionPlugin {
  const cache = objects.watchCache.cache('scheduling.k8s.io/priorityclasses');
  const standard = (): PriorityClass | undefined => {
    let best: PriorityClass | undefined;
    for (const entry of cache.list()) {
      const found = entry.object<PriorityClass>();
      if (found.globalDefault === true && (best === undefined || found.value < best.value)) {
        best = found;
      }
    }
    return best;
  };
  return {
    name: 'Priority',
    handles: writesPod,
    mutate({ object, old }) {
      const pod = object as Pod;
      if (old !== undefined) {
        keepPriority(pod, old as Pod);
        return;
      }
      const wanted = pod.spec.priorityClassName ?? '';
      const found = wanted === '' ? standard() : cache.get(wanted)?.object<PriorityClass>();
      if (wanted !== '' && found === undefined) {
        const text = `no PriorityClass with name ${wanted} was found`;
        throw forbidden({ group: '', resource: 'pods' }, pod.metadata.name, text);
      }
      if (found !== undefined) pod.spec.priorityClassName = found.metadata.name;
      const value = found?.value ?? 0;
      if (pod.spec.priority !== undefined && pod.spec.priority !== value) {
        const text =
          `the integer value of priority (${pod.spec.priority}) must not be provided in pod spec; ` +
          `priority admission controller computed ${value} from the given PriorityClass name`;
        throw failure(403, 'Forbidden', `pods "${pod.metadata.name}" is forbidden: ${text}`, {
          name: pod.metadata.name,
          kind: 'pods',
        });
      }
      pod.spec.priority = value;
      pod.spec.preemptionPolicy ??= found?.preemptionPolicy ?? 'PreemptLowerPriority';
    },
  };
}

/** What was computed at the creation stays where an update leaves it out; validation refuses other changes. */
function keepPriority({ spec }: Pod, { spec: before }: Pod): void {
  if (before.priority !== undefined) spec.priority ??= before.priority;
  if (before.preemptionPolicy !== undefined) spec.preemptionPolicy ??= before.preemptionPolicy;
}
