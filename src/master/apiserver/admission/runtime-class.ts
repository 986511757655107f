import { cloneJson } from '../../../api/clone.js';
import { semanticEqual } from '../../../api/equal.js';
import type { RuntimeClass } from '../../../api/node/runtime-class.js';
import type { Pod, Toleration } from '../../../api/types/core.js';
import type { Objects } from '../registry/objects.js';
import { forbidden } from '../status.js';
import type { AdmissionPlugin } from './chain.js';
import { createsPod } from './pod-object.js';

/** A pod's RuntimeClass exists, and gives the pod its overhead and the places where it can run. */
export function runtimeClass(objects: Objects): AdmissionPlugin {
  const cache = objects.watchCache.cache('node.k8s.io/runtimeclasses');
  const find = async (name: string): Promise<RuntimeClass | undefined> => {
    if (cache.get(name) === undefined) await objects.watchCache.fresh();
    const found = cache.get(name)?.object();
    return found as RuntimeClass | undefined;
  };
  const classOf = async (pod: Pod): Promise<RuntimeClass | undefined> => {
    const { runtimeClassName } = pod.spec;
    if (runtimeClassName === undefined) return undefined;
    const found = await find(runtimeClassName);
    if (found !== undefined) return found;
    throw refused(pod, `pod rejected: RuntimeClass "${runtimeClassName}" not found`);
  };
  return {
    name: 'RuntimeClass',
    handles: createsPod,
    async mutate({ object }) {
      const pod = object as Pod;
      const found = await classOf(pod);
      if (found === undefined) return;
      setOverhead(pod, found);
      setScheduling(pod, found);
    },
    async validate({ object }) {
      const pod = object as Pod;
      const fixed = (await classOf(pod))?.overhead?.podFixed;
      if (fixed === undefined && Object.keys(pod.spec.overhead ?? {}).length > 0) {
        const text = 'Pod Overhead set without corresponding RuntimeClass defined Overhead';
        throw refused(pod, `pod rejected: ${text}`);
      }
    },
  };
}

function refused(pod: Pod, text: string): Error {
  return forbidden({ group: '', resource: 'pods' }, pod.metadata.name, text);
}

function setOverhead(pod: Pod, { overhead }: RuntimeClass): void {
  if (overhead === undefined) return;
  const { podFixed } = overhead;
  const given = pod.spec.overhead;
  if (Object.keys(given ?? {}).length > 0 && !semanticEqual(given, podFixed)) {
    const text = "Pod's Overhead doesn't match RuntimeClass's defined Overhead";
    throw refused(pod, `pod rejected: ${text}`);
  }
  pod.spec.overhead = cloneJson(podFixed);
}

function setScheduling(pod: Pod, { scheduling }: RuntimeClass): void {
  if (scheduling === undefined) return;
  for (const [key, value] of Object.entries(scheduling.nodeSelector ?? {})) {
    const selector = (pod.spec.nodeSelector ??= {});
    const given = selector[key];
    if (given !== undefined && given !== value) {
      throw refused(
        pod,
        `conflict: runtimeClass.scheduling.nodeSelector[${key}] = ${value}; ` +
          `pod.spec.nodeSelector[${key}] = ${given}`,
      );
    }
    selector[key] = value;
  }
  if ((scheduling.tolerations?.length ?? 0) === 0) return;
  pod.spec.tolerations = mergeTolerations(
    pod.spec.tolerations ?? [],
    cloneJson(scheduling.tolerations ?? []),
  );
}

/** Both lists without what another toleration covers; of equal ones the first stays. */
export function mergeTolerations(
  first: readonly Toleration[],
  second: readonly Toleration[],
): Toleration[] {
  const all = [...first, ...second];
  const merged: Toleration[] = [];
  all.forEach((toleration, index) => {
    const isCovered =
      merged.some((other) => covers(other, toleration)) ||
      all
        .slice(index + 1)
        .some((other) => !semanticEqual(other, toleration) && covers(other, toleration));
    if (!isCovered) merged.push(toleration);
  });
  return merged;
}

/** True when `wide` tolerates all that `narrow` does. */
function covers(wide: Toleration, narrow: Toleration): boolean {
  if (semanticEqual(wide, narrow)) return true;
  const [key, effect] = [wide.key ?? '', wide.effect ?? ''];
  if ((narrow.key ?? '') !== key && (key !== '' || wide.operator !== 'Exists')) return false;
  if ((narrow.effect ?? '') !== effect && effect !== '') return false;
  if (effect === 'NoExecute' && wide.tolerationSeconds !== undefined) {
    const { tolerationSeconds: seconds } = narrow;
    if (seconds === undefined || seconds > wide.tolerationSeconds) return false;
  }
  switch (wide.operator ?? '') {
    case '':
    case 'Equal':
      return narrow.operator === 'Equal' && (narrow.value ?? '') === (wide.value ?? '');
    case 'Exists':
      return true;
    default:
      return false;
  }
}
