/** The virtual kinds of authentication and authorization: answered, never stored. */
import type { KubeObject } from '../../../api/object.js';
import type { ServiceAccountTokens } from '../authn/service-account-tokens.js';
import type { Authenticator } from '../authn/authenticator.js';
import type { RequestContext, UserInfo } from '../registry/types.js';
import { isStatusError } from '../status.js';
import type { Attributes } from './attributes.js';
import type { Authorization } from './authorizers.js';
import type { PolicyRule, RbacAuthorizer } from './rbac.js';

type Answer = (context: RequestContext, object: KubeObject) => Promise<KubeObject>;

interface ReviewSpec {
  readonly resourceAttributes?: Readonly<Record<string, string>>;
  readonly nonResourceAttributes?: Readonly<Record<string, string>>;
  readonly user?: string;
  readonly groups?: readonly string[];
  readonly uid?: string;
  readonly extra?: Readonly<Record<string, readonly string[]>>;
  readonly namespace?: string;
  readonly token?: string;
  readonly audiences?: readonly string[];
}

interface Review extends KubeObject {
  spec?: ReviewSpec;
  status?: unknown;
}

export interface ReviewDeps {
  readonly authorization: Authorization;
  readonly rbac: RbacAuthorizer;
  readonly authenticator: Authenticator;
  readonly tokens: ServiceAccountTokens | undefined;
}

const authorizationGroup = 'authorization.k8s.io';
const authenticationGroup = 'authentication.k8s.io';

/** Answers by `group/Kind`. */
export function reviewAnswers(deps: ReviewDeps): Map<string, Answer> {
  const access = async (spec: ReviewSpec, user: UserInfo): Promise<object> => {
    const decision = await deps.authorization.decide(attributesOf(spec, user));
    return {
      allowed: decision.allowed,
      ...(decision.reason === '' ? {} : { reason: decision.reason }),
    };
  };
  const answer = (run: (spec: ReviewSpec, context: RequestContext) => Promise<object>): Answer => {
    return async (context, object) => {
      const review = object as Review;
      const spec = review.spec ?? {};
      const status = await run(spec, context);
      return { ...review, metadata: cleared(review), spec, status } as KubeObject;
    };
  };
  const subject = answer((spec) => access(spec, userOf(spec)));
  return new Map<string, Answer>([
    [`${authorizationGroup}/SelfSubjectAccessReview`, answer((spec, c) => access(spec, c.user))],
    [`${authorizationGroup}/SubjectAccessReview`, subject],
    [`${authorizationGroup}/LocalSubjectAccessReview`, subject],
    [
      `${authorizationGroup}/SelfSubjectRulesReview`,
      answer((spec, context) => Promise.resolve(rulesStatus(deps.rbac, spec, context.user))),
    ],
    [
      `${authenticationGroup}/SelfSubjectReview`,
      (context, object) => {
        const status = { userInfo: userInfo(context.user) };
        return Promise.resolve({ ...object, metadata: cleared(object), status } as KubeObject);
      },
    ],
    [`${authenticationGroup}/TokenReview`, answer((spec) => tokenStatus(deps, spec))],
  ]);
}

function cleared(object: KubeObject): KubeObject['metadata'] {
  return { ...object.metadata };
}

function userOf(spec: ReviewSpec): UserInfo {
  return {
    name: spec.user ?? '',
    groups: spec.groups ?? [],
    uid: spec.uid,
    extra: spec.extra,
  };
}

function userInfo(user: UserInfo): object {
  return {
    username: user.name,
    ...(user.uid === undefined || user.uid === '' ? {} : { uid: user.uid }),
    groups: user.groups,
    ...(user.extra === undefined || Object.keys(user.extra).length === 0
      ? {}
      : { extra: user.extra }),
  };
}

function attributesOf(spec: ReviewSpec, user: UserInfo): Attributes {
  const resource = spec.resourceAttributes;
  const other = spec.nonResourceAttributes;
  return {
    user,
    verb: resource?.['verb'] ?? other?.['verb'] ?? '',
    isResource: resource !== undefined,
    group: resource?.['group'] ?? '',
    version: resource?.['version'] ?? '',
    resource: resource?.['resource'] ?? '',
    subresource: resource?.['subresource'] ?? '',
    namespace: resource?.['namespace'] ?? '',
    name: resource?.['name'] ?? '',
    path: other?.['path'] ?? '',
  };
}

function rulesStatus(rbac: RbacAuthorizer, spec: ReviewSpec, user: UserInfo): object {
  const rules: PolicyRule[] = user.groups.includes('system:masters')
    ? [
        { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
        { verbs: ['*'], nonResourceURLs: ['*'] },
      ]
    : rbac.rulesFor(user, spec.namespace ?? '');
  const resourceRules = rules
    .filter((rule) => (rule.nonResourceURLs?.length ?? 0) === 0)
    .map((rule) => ({
      verbs: rule.verbs ?? [],
      apiGroups: rule.apiGroups ?? [],
      resources: rule.resources ?? [],
      ...(rule.resourceNames === undefined ? {} : { resourceNames: rule.resourceNames }),
    }));
  const nonResourceRules = rules
    .filter((rule) => (rule.nonResourceURLs?.length ?? 0) > 0)
    .map((rule) => ({ verbs: rule.verbs ?? [], nonResourceURLs: rule.nonResourceURLs ?? [] }));
  return { resourceRules, nonResourceRules, incomplete: false };
}

async function tokenStatus(deps: ReviewDeps, spec: ReviewSpec): Promise<object> {
  const token = spec.token ?? '';
  const audiences = spec.audiences ?? [];
  const invalid = { user: {}, error: '[invalid bearer token, Unknown]' };
  if (token === '') return invalid;
  if (audiences.length > 0) {
    const user = await deps.tokens?.verify(token, audiences);
    if (user === undefined) return invalid;
    const groups = [...user.groups, 'system:authenticated'];
    return { authenticated: true, user: userInfo({ ...user, groups }), audiences };
  }
  try {
    const user = await deps.authenticator.authenticate({ certificate: undefined, token });
    return {
      authenticated: true,
      user: userInfo(user),
      audiences: deps.tokens?.audiences ?? [],
    };
  } catch (error) {
    if (isStatusError(error)) return invalid;
    throw error;
  }
}
