/** Impersonation: the user that `Impersonate-*` headers name, as kube-apiserver's `WithImpersonation` reads them. */
import type { Attributes } from '../authz/attributes.js';
import type { Authorization } from '../authz/authorizers.js';
import { mustBeAllowed } from '../authz/authorizers.js';
import type { UserInfo } from '../registry/types.js';
import { badRequest } from '../status.js';

const extraPrefix = 'impersonate-extra-';
const authenticationGroup = 'authentication.k8s.io';
const authenticatedGroup = 'system:authenticated';
const unauthenticatedGroup = 'system:unauthenticated';
const anonymousName = 'system:anonymous';

/** The identity that the headers ask for. */
export interface Impersonation {
  /** Empty when the headers name nobody. */
  readonly user: string;
  readonly groups: readonly string[];
  readonly uid: string;
  readonly extra: Readonly<Record<string, readonly string[]>>;
}

/**
 * Reads the headers. A header that comes several times has several values; a comma in one is a part of its value, since
 * a group's name may hold commas.
 * @param rawHeaders names and values by turns, as node:http gives them
 */
export function readImpersonation(rawHeaders: readonly string[]): Impersonation {
  let user: string | undefined;
  let uid: string | undefined;
  const groups: string[] = [];
  const extra = new Map<string, string[]>();
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = (rawHeaders[at] ?? '').toLowerCase();
    if (!name.startsWith('impersonate-')) continue;
    const value = rawHeaders[at + 1] ?? '';
    if (name === 'impersonate-user') user ??= value;
    else if (name === 'impersonate-uid') uid ??= value;
    else if (name === 'impersonate-group') groups.push(value);
    else if (name.startsWith(extraPrefix)) {
      const key = unescaped(name.slice(extraPrefix.length));
      extra.set(key, [...(extra.get(key) ?? []), value]);
    }
  }
  return { user: user ?? '', groups, uid: uid ?? '', extra: Object.fromEntries(extra) };
}

/** A key that is no percent-encoding stands for itself. */
function unescaped(key: string): string {
  try {
    return decodeURIComponent(key);
  } catch {
    return key;
  }
}

const asking = ['impersonate-user', 'impersonate-group', 'impersonate-uid'];

/**
 * True when a request wants to be somebody else: a door that does not serve this refuses it, so that nobody acts as
 * himself instead.
 */
export function asksToImpersonate(request: {
  readonly header: (name: string) => string | undefined;
}): boolean {
  return asking.some((name) => request.header(name) !== undefined);
}

const labelPattern = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const subdomainPattern = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const subdomainLengthMax = 253;

/** The service account that a user name stands for; undefined when it is another user's, however it begins. */
export function splitAccountName(
  name: string,
): { readonly namespace: string; readonly name: string } | undefined {
  const parts = name.split(':');
  const [system, kind, namespace = '', account = ''] = parts;
  if (parts.length !== 4 || system !== 'system' || kind !== 'serviceaccount') return undefined;
  if (!labelPattern.test(namespace)) return undefined;
  if (account.length > subdomainLengthMax || !subdomainPattern.test(account)) return undefined;
  return { namespace, name: account };
}

/**
 * The user that the headers name, if the asking user may be each part of it; the asking user when they name none.
 * @throws StatusError Forbidden
 */
export async function impersonate(
  user: UserInfo,
  rawHeaders: readonly string[],
  authorization: Authorization,
): Promise<UserInfo> {
  const wanted = readImpersonation(rawHeaders);
  const { user: name, uid, extra } = wanted;
  if (name === '') {
    const partial = wanted.groups.length > 0 || uid !== '' || Object.keys(extra).length > 0;
    if (partial) throw badRequest('requested impersonation without impersonating a user');
    return user;
  }
  for (const part of partsOf(wanted)) await mustBeAllowed(authorization, { ...part, user });
  const account = splitAccountName(name);
  const implied =
    account !== undefined && wanted.groups.length === 0
      ? ['system:serviceaccounts', `system:serviceaccounts:${account.namespace}`]
      : wanted.groups;
  const groups = [...implied, ...standingGroup(name, implied)];
  return { name, groups, ...(uid === '' ? {} : { uid }), extra };
}

/** Everybody is authenticated or not, and is told so by a group, unless the headers have said it. */
function standingGroup(name: string, groups: readonly string[]): readonly string[] {
  if (name === anonymousName) {
    return groups.includes(unauthenticatedGroup) ? [] : [unauthenticatedGroup];
  }
  const said = groups.includes(authenticatedGroup) || groups.includes(unauthenticatedGroup);
  return said ? [] : [authenticatedGroup];
}

/** Yields a question for each part of the wanted user. */
function* partsOf({
  user,
  groups,
  uid,
  extra,
}: Impersonation): Generator<Omit<Attributes, 'user'>> {
  const base = {
    verb: 'impersonate',
    isResource: true,
    group: '',
    version: 'v1',
    subresource: '',
    namespace: '',
    path: '',
  };
  const account = splitAccountName(user);
  if (account === undefined) yield { ...base, resource: 'users', name: user };
  else yield { ...base, resource: 'serviceaccounts', ...account };
  for (const name of groups) yield { ...base, resource: 'groups', name };
  const group = authenticationGroup;
  for (const [subresource, values] of Object.entries(extra)) {
    for (const name of values) yield { ...base, group, resource: 'userextras', subresource, name };
  }
  if (uid !== '') yield { ...base, group, resource: 'uids', name: uid };
}
