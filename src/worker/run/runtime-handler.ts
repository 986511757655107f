/** Checks the RuntimeClass of a pod, and its wish for a user namespace, against the runtime's handlers. */
import type { Pod } from '../../api/types/core.js';
import type { NodeContext } from './node-context.js';

/** The only handler of runtimes that do not choose theirs. A pod that asks for another one is not run with this one. */
const handlers: ReadonlySet<string> = new Set(['runc']);

/**
 * Makes sure that the runtime can isolate the pod as it asks.
 * @returns the handler's name; empty is the runtime's own
 * @throws Error with the texts of kubelet and containerd
 */
export async function checkHandler(node: NodeContext, { spec }: Pod): Promise<string> {
  const { runtimeClassName = '' } = spec;
  let handler = '';
  if (runtimeClassName !== '') {
    const found = await node.objects.runtimeClass(runtimeClassName);
    if (found === undefined) {
      throw new Error(
        `failed to get sandbox runtime: RuntimeClass "${runtimeClassName}" not found`,
      );
    }
    ({ handler } = found);
    if (node.runtime.choosesHandlers !== true && !handlers.has(handler)) {
      throw new Error(`failed to get sandbox runtime: no runtime for "${handler}" is configured`);
    }
  }
  if (spec.hostUsers !== false) return handler;
  const who = handler === '' ? 'runtime' : `RuntimeClass handler "${handler}"`;
  throw new Error(`can't set \`spec.hostUsers: false\`, ${who} does not support user namespaces`);
}
