import type { Pod } from '../../api/types/core.js';
import { keyOf } from './node-context.js';

/** A pod as events name it: `web_default(1b2c…)`. */
export function podLabel(pod: Pod): string {
  const { name, namespace, uid } = keyOf(pod);
  return `${name}_${namespace}(${uid})`;
}

/** The version of a pod as a number, to tell older from newer; 0 for none. */
export function versionOf(pod: Pod): bigint {
  const text = pod.metadata.resourceVersion ?? '0';
  return /^\d+$/.test(text) ? BigInt(text) : 0n;
}
