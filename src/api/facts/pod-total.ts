/** The sum over the containers of a pod, for any form of amounts. */
import type { Container, PodSpec } from '../types/core.js';
import { isSidecar } from './pods.js';

/** The arithmetic of a form of amounts: by resource, what is absent counts as zero. */
export interface Arithmetic<A> {
  readonly none: A;
  readonly add: (a: A, b: A) => A;
  /** The greater of both, resource by resource. */
  readonly max: (a: A, b: A) => A;
}

/**
 * What a whole pod needs without its overhead: containers and sidecars together, or an init container with the sidecars
 * started before it where that is more (KEP-753).
 */
export function podTotal<A>(
  { containers, initContainers }: Partial<PodSpec>,
  of: (container: Container) => A,
  { none, add, max }: Arithmetic<A>,
): A {
  let total = none;
  for (const container of containers ?? []) total = add(total, of(container));
  let sidecars = none;
  let init = none;
  for (const container of initContainers ?? []) {
    const own = of(container);
    if (isSidecar(container)) {
      total = add(total, own);
      sidecars = add(sidecars, own);
      init = max(init, sidecars);
    } else init = max(init, add(own, sidecars));
  }
  return max(total, init);
}
