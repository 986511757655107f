/** The updates of a pod that need a check anew. */
import type { Container, Pod } from '../../../../api/types/core.js';

/** True when a container has come, gone, or has another image; nothing else that matters can change in a pod. */
export function isSignificant({ spec: next }: Pod, { spec: old }: Pod): boolean {
  return (
    differ(next.containers, old.containers) ||
    differ(next.initContainers ?? [], old.initContainers ?? []) ||
    (next.ephemeralContainers ?? []).some((container) => {
      const before = old.ephemeralContainers?.find(({ name }) => name === container.name);
      return before === undefined || before.image !== container.image;
    })
  );
}

function differ(next: readonly Container[], old: readonly Container[]): boolean {
  return next.length !== old.length || next.some(({ image }, index) => image !== old[index]?.image);
}
