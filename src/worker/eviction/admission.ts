/** Which pods a node takes while it runs out of something. Pure. @see kubelet eviction_manager.go, `Admit` */
import { tolerates } from '../../api/facts/tolerations.js';
import type { Pod } from '../../api/types/core.js';
import type { Refusal } from '../pod/admission.js';
import { qosClass } from '../resources/qos.js';
import type { PressureType } from './pressure.js';
import { isCriticalPod } from './rank.js';

const memoryTaint = { key: 'node.kubernetes.io/memory-pressure', effect: 'NoSchedule' } as const;

/** @returns why a pod is not taken; critical ones always are, and without memory those that have asked for some */
export function refusalUnderPressure(
  pod: Pod,
  conditions: readonly PressureType[],
): Refusal | undefined {
  if (conditions.length === 0 || isCriticalPod(pod)) return undefined;
  if (conditions.length === 1 && conditions[0] === 'MemoryPressure') {
    if (qosClass(pod) !== 'BestEffort') return undefined;
    if (tolerates(pod.spec.tolerations ?? [], memoryTaint)) return undefined;
  }
  return { reason: 'Evicted', message: `The node had condition: [${conditions.join(' ')}]. ` };
}
