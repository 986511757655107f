/**
 * The right that a path of the agent needs: a verb on a subresource of the node.
 * @see kubelet pkg/kubelet/server/auth.go
 */

const verbs: Readonly<Record<string, string>> = {
  POST: 'create',
  GET: 'get',
  HEAD: 'get',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
};

/** Paths with a subresource of their own, which alone gives the right. */
const own: readonly (readonly [path: string, subresource: string])[] = [
  ['/stats', 'stats'],
  ['/metrics', 'metrics'],
  ['/logs', 'log'],
  ['/checkpoint', 'checkpoint'],
];
/** Paths with one beside `proxy`, which gives the right as well (KubeletFineGrainedAuthz). */
const fine: readonly (readonly [path: string, subresource: string])[] = [
  ['/healthz', 'healthz'],
  ['/configz', 'configz'],
  ['/pods', 'pods'],
  ['/runningpods', 'pods'],
];

/** Returns the verb, and the subresources of which one is enough, in the order in which they are asked for. */
export function wantedOf(
  method: string,
  path: string,
): { readonly verb: string; readonly subresources: readonly string[] } {
  const under = ([root]: readonly [string, string]): boolean =>
    path === root || path.startsWith(`${root}/`);
  const verb = verbs[method] ?? '';
  const alone = own.find(under);
  if (alone !== undefined) return { verb, subresources: [alone[1]] };
  const beside = fine.find(under);
  return { verb, subresources: beside === undefined ? ['proxy'] : [beside[1], 'proxy'] };
}
