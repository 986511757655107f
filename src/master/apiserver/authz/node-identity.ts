const nodesGroup = 'system:nodes';
const nodePrefix = 'system:node:';

/**
 * The name of the node that a user is: in the nodes' group and named `system:node:NAME`. Empty for one whose name says
 * no node; undefined for everybody else.
 */
export function nodeNameOf(user: {
  readonly name: string;
  readonly groups: readonly string[];
}): string | undefined {
  if (!user.name.startsWith(nodePrefix) || !user.groups.includes(nodesGroup)) return undefined;
  return user.name.slice(nodePrefix.length);
}
