import type { IncomingHttpHeaders } from 'node:http';
import type { Authorization } from '../authz/authorizers.js';
import { mustBeAllowed } from '../authz/authorizers.js';
import type { UserInfo } from '../registry/types.js';
import { badRequest } from '../status.js';
import { withAuthenticatedGroup } from './authenticator.js';

const extraPrefix = 'impersonate-extra-';
const serviceAccountPrefix = 'system:serviceaccount:';

function values(header: string | string[] | undefined): string[] {
  if (header === undefined) return [];
  return Array.isArray(header) ? header : header.split(',').map((part) => part.trim());
}

/**
 * The user that `Impersonate-*` headers name, if the asking user may be each part of it.
 * @throws StatusError Forbidden
 */
export async function impersonate(
  user: UserInfo,
  headers: IncomingHttpHeaders,
  authorization: Authorization,
): Promise<UserInfo> {
  const name = values(headers['impersonate-user'])[0] ?? '';
  const groups = values(headers['impersonate-group']);
  const uid = values(headers['impersonate-uid'])[0] ?? '';
  const extra: Record<string, string[]> = {};
  for (const key of Object.keys(headers)) {
    if (!key.startsWith(extraPrefix)) continue;
    extra[decodeURIComponent(key.slice(extraPrefix.length))] = values(headers[key]);
  }
  const partial = groups.length > 0 || uid !== '' || Object.keys(extra).length > 0;
  if (name === '') {
    if (partial) throw badRequest('requested impersonation without impersonating a user');
    return user;
  }
  const check = (
    group: string,
    resource: string,
    subject: string,
    namespace = '',
    subresource = '',
  ): Promise<void> =>
    mustBeAllowed(authorization, {
      user,
      verb: 'impersonate',
      isResource: true,
      group,
      version: '',
      resource,
      subresource,
      namespace,
      name: subject,
      path: '',
    });
  const account = name.startsWith(serviceAccountPrefix)
    ? name.slice(serviceAccountPrefix.length).split(':')
    : [];
  if (account.length === 2) await check('', 'serviceaccounts', account[1] ?? '', account[0]);
  else await check('', 'users', name);
  for (const group of groups) await check('', 'groups', group);
  const authentication = 'authentication.k8s.io';
  if (uid !== '') await check(authentication, 'uids', uid);
  for (const [key, list] of Object.entries(extra)) {
    for (const value of list) await check(authentication, 'userextras', value, '', key);
  }
  const implied =
    account.length === 2 && groups.length === 0
      ? ['system:serviceaccounts', `system:serviceaccounts:${account[0] ?? ''}`]
      : [];
  const assumed = { name, groups: [...groups, ...implied], ...(uid === '' ? {} : { uid }), extra };
  return name === 'system:anonymous' ? assumed : withAuthenticatedGroup(assumed);
}
