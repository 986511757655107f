import type { RequestContext, UserInfo } from '../registry/types.js';
import { qualifiedName } from '../../../api/object.js';

/** The attributes of a request for authorization: may `user` do `verb` to this. */
export interface Attributes {
  readonly user: UserInfo;
  readonly verb: string;
  readonly isResource: boolean;
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
  /** For non-resource requests. */
  readonly path: string;
}

/** `undefined` has no opinion; the next authorizer is asked. */
export interface Decision {
  readonly allowed: boolean;
  readonly reason: string;
}

/** No opinion either, with words for the refusal in case nobody allows the request. */
export interface NoOpinion {
  readonly allowed: undefined;
  readonly reason: string;
}

type Opinion = Decision | NoOpinion | undefined;

/** Decides whether a user may do something: yes, no, or no opinion. */
export interface Authorizer {
  authorize(attributes: Attributes): Opinion | Promise<Opinion>;
}

/** For an update that is about to create its object. */
export function createAttributes({ user, target }: RequestContext): Attributes {
  const { kind, namespace, name } = target;
  return {
    user,
    verb: 'create',
    isResource: true,
    group: kind.group,
    version: kind.version,
    resource: kind.plural,
    subresource: '',
    namespace,
    name,
    path: '',
  };
}

/** The words behind `is forbidden: ` for a refused request, as apiserver's `responsewriters` has them. */
export function forbiddenText(attributes: Attributes, reason: string): string {
  const { user, verb, resource, subresource, group, namespace, path } = attributes;
  const who = `User ${JSON.stringify(user.name)} cannot ${verb}`;
  const why = reason === '' ? '' : `: ${reason}`;
  if (!attributes.isResource) return `${who} path ${JSON.stringify(path)}${why}`;
  const full = subresource === '' ? resource : `${resource}/${subresource}`;
  const scope =
    namespace === '' ? 'at the cluster scope' : `in the namespace ${JSON.stringify(namespace)}`;
  const what = `resource ${JSON.stringify(full)} in API group ${JSON.stringify(group)}`;
  return `${who} ${what} ${scope}${why}`;
}

/** The subject of a refusal. */
export function forbiddenSubject(attributes: Attributes): string {
  if (!attributes.isResource) return 'forbidden';
  const { resource, subresource, group, name } = attributes;
  const full = subresource === '' ? resource : `${resource}/${subresource}`;
  const head = qualifiedName(group, resource === '' ? full : resource);
  return name === '' ? `${head} is forbidden` : `${head} ${JSON.stringify(name)} is forbidden`;
}
