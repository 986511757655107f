/** The quality-of-service class of a pod, from its requests and limits of CPU and memory. */
import { parseQuantity } from '../quantity.js';
import type { PodSpec } from '../types/core.js';

const counted = ['cpu', 'memory'] as const;

function amount(list: Record<string, string> | undefined, name: string): bigint {
  return parseQuantity(list?.[name] ?? '0')?.nanos ?? 0n;
}

/** `Guaranteed`, `Burstable` or `BestEffort`. */
export function qosClass(spec: PodSpec): string {
  const containers = [...(spec.containers ?? []), ...(spec.initContainers ?? [])];
  let isGuaranteed = containers.length > 0;
  let isBestEffort = true;
  for (const container of containers) {
    for (const name of counted) {
      const limit = amount(container.resources?.limits, name);
      const request = amount(container.resources?.requests, name);
      if (limit > 0n || request > 0n) isBestEffort = false;
      if (limit === 0n || (request !== 0n && request !== limit)) isGuaranteed = false;
    }
  }
  if (isBestEffort) return 'BestEffort';
  return isGuaranteed ? 'Guaranteed' : 'Burstable';
}
