import type { PolicyRule } from '../../../api/types/policy.js';
/** Short forms for writing RBAC rules down. */

export const read = ['get', 'list', 'watch'];
export const write = ['create', 'delete', 'deletecollection', 'patch', 'update'];
export const readWrite = [...read, ...write];
export const all = ['*'];

/** `verbs` on `resources` (space-separated) of `group`. */
export function on(group: string, resources: string, verbs: string[]): PolicyRule {
  return { apiGroups: [group], resources: resources.split(' '), verbs };
}

/** The same, for the named objects only. */
export function named(
  group: string,
  resource: string,
  names: string[],
  verbs: string[],
): PolicyRule {
  return { ...on(group, resource, verbs), resourceNames: names };
}

/** `get` on paths (space-separated). */
export function paths(urls: string, verbs: string[] = ['get']): PolicyRule {
  return { nonResourceURLs: urls.split(' '), verbs };
}

export const events: PolicyRule[] = [
  on('', 'events', ['create', 'patch', 'update']),
  on('events.k8s.io', 'events', ['create', 'patch', 'update']),
];
