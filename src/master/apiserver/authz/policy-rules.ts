import type { PolicyRule } from '../../../api/types/policy.js';
/** Short forms for writing RBAC rules down. */

/** The verbs that change nothing. */
export const read = ['get', 'list', 'watch'];

/** The verbs that change objects. */
export const write = ['create', 'delete', 'deletecollection', 'patch', 'update'];

/** All verbs on objects. */
export const readWrite = [...read, ...write];

/** Every verb, group or resource. */
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

/** The rules of those who record events. */
export const events: PolicyRule[] = [
  on('', 'events', ['create', 'patch', 'update']),
  on('events.k8s.io', 'events', ['create', 'patch', 'update']),
];
