import type { PriorityClass } from '../../../api/types/policy.js';
import type { Objects } from '../registry/objects.js';
import type { AdmissionRequest } from '../registry/types.js';
import { errorTarget } from '../registry/types.js';
import type { StatusError } from '../status.js';
import { forbidden } from '../status.js';
import type { AdmissionPlugin } from './chain.js';
import type { Pod } from '../../../api/types/core.js';
import { writesPod } from './pod-object.js';

/** Resolves a pod's priority class to its number and policy; keeps the default class the only one. */
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
    handles: (request) => writesPod(request) || writesClass(request),
    validate(request) {
      if (!writesClass(request)) return;
      const { object, operation } = request;
      // The kind says what the object is.
      if ((object as PriorityClass | undefined)?.globalDefault !== true) return;
      const present = standard()?.metadata.name;
      const name = object?.metadata.name ?? '';
      if (present === undefined || (operation === 'UPDATE' && present === name)) return;
      const text = `PriorityClass ${present} is already marked as default. Only one default can exist`;
      throw forbidden(errorTarget(request.context.target.kind), name, text);
    },
    mutate(request) {
      if (!writesPod(request)) return;
      const { object, old } = request;
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
        const given = `integer value of priority (${pod.spec.priority})`;
        throw notGiven(pod, given, String(value));
      }
      pod.spec.priority = value;
      const policy = found?.preemptionPolicy ?? 'PreemptLowerPriority';
      if (pod.spec.preemptionPolicy !== undefined && pod.spec.preemptionPolicy !== policy) {
        const given = `string value of PreemptionPolicy (${pod.spec.preemptionPolicy})`;
        throw notGiven(pod, given, policy);
      }
      pod.spec.preemptionPolicy = policy;
    },
  };
}

/** What was computed at the creation stays where an update leaves it out; validation refuses other changes. */
function keepPriority({ spec }: Pod, { spec: before }: Pod): void {
  if (before.priority !== undefined) spec.priority ??= before.priority;
  if (before.preemptionPolicy !== undefined) spec.preemptionPolicy ??= before.preemptionPolicy;
}

function writesClass({ operation, context: { target } }: AdmissionRequest): boolean {
  const { kind } = target;
  const isClass = kind.kind === 'PriorityClass' && kind.group === 'scheduling.k8s.io';
  return isClass && (operation === 'CREATE' || operation === 'UPDATE');
}

/** A pod that says itself what its class says, and says another thing. */
function notGiven(pod: Pod, given: string, computed: string): StatusError {
  const text =
    `the ${given} must not be provided in pod spec; ` +
    `priority admission controller computed ${computed} from the given PriorityClass name`;
  return forbidden({ group: '', resource: 'pods' }, pod.metadata.name, text);
}
