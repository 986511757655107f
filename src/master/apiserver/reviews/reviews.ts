/** The virtual kinds of authentication and authorization: answered, never stored. */
import type { FieldError } from '../../../api/field-error.js';
import type { KubeObject } from '../../../api/object.js';
import type { PolicyRule } from '../../../api/types/policy.js';
import type { ServiceAccountTokens } from '../authn/service-account-tokens.js';
import type { Authenticator } from '../authn/authenticator.js';
import { withAuthenticatedGroup } from '../authn/authenticator.js';
import type { RequestContext, UserInfo } from '../registry/types.js';
import { badRequest, invalidObject, isStatusError } from '../status.js';
import type { Attributes } from '../authz/attributes.js';
import type { Authorization } from '../authz/authorizers.js';
import { nodeNameOf } from '../authz/node-identity.js';
import type { RbacAuthorizer } from '../authz/rbac.js';
import type { Review, ReviewSpec } from './review-checks.js';
import {
  checkLocalReview,
  checkSelfReview,
  checkSubjectReview,
  unreadSelectors,
} from './review-checks.js';

type Answer = (context: RequestContext, object: KubeObject) => Promise<KubeObject>;

/** The dependencies of reviews of authentication and authorization. */
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
    const evaluationError = unreadSelectors(spec.resourceAttributes);
    return {
      allowed: decision.allowed,
      ...(decision.reason === '' ? {} : { reason: decision.reason }),
      ...(evaluationError === '' ? {} : { evaluationError }),
    };
  };
  const answer = (
    run: (spec: ReviewSpec, context: RequestContext) => Promise<object>,
    check: (review: Review) => readonly FieldError[] = () => [],
  ): Answer => {
    return async (context, object) => {
      const review = withNamespace(object, context);
      const spec = review.spec ?? {};
      const errors = check(review);
      if (errors.length > 0) {
        // Kubernetes names the group of a review that is invalid, and no kind.
        const { group } = context.target.kind;
        throw invalidObject({ group, kind: '', name: '' }, errors);
      }
      const status = await run(spec, context);
      return { ...review, metadata: cleared(review), spec, status } as KubeObject;
    };
  };
  const ofSubject = (spec: ReviewSpec): Promise<object> => access(spec, userOf(spec));
  return new Map<string, Answer>([
    [
      `${authorizationGroup}/SelfSubjectAccessReview`,
      answer((spec, c) => access(spec, c.user), checkSelfReview),
    ],
    [`${authorizationGroup}/SubjectAccessReview`, answer(ofSubject, checkSubjectReview)],
    [`${authorizationGroup}/LocalSubjectAccessReview`, answer(ofSubject, checkLocalReview)],
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

/**
 * A review of one namespace takes it from the request, like any object; any other has none, whatever it says.
 * @throws StatusError BadRequest
 */
function withNamespace(review: Review, { target }: RequestContext): Review {
  const { namespace = '', ...others } = review.metadata;
  if (!target.kind.namespaced) return { ...review, metadata: others };
  if (namespace === target.namespace) return review;
  if (namespace !== '') {
    throw badRequest(
      'the namespace of the provided object does not match the namespace sent on the request',
    );
  }
  return { ...review, metadata: { ...review.metadata, namespace: target.namespace } };
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
    verb: resource?.verb ?? other?.['verb'] ?? '',
    isResource: resource !== undefined,
    group: resource?.group ?? '',
    version: resource?.version ?? '',
    resource: resource?.resource ?? '',
    subresource: resource?.subresource ?? '',
    namespace: resource?.namespace ?? '',
    name: resource?.name ?? '',
    path: other?.['path'] ?? '',
  };
}

function rulesStatus(rbac: RbacAuthorizer, spec: ReviewSpec, user: UserInfo): object {
  if ((spec.namespace ?? '') === '') throw badRequest('no namespace on request');
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
  if (nodeNameOf(user) === undefined) return { resourceRules, nonResourceRules, incomplete: false };
  const evaluationError = 'node authorizer does not support user rule resolution';
  return { resourceRules, nonResourceRules, incomplete: true, evaluationError };
}

/** Says whose a token is, and for which of the audiences that are asked about it is meant. */
async function tokenStatus(deps: ReviewDeps, spec: ReviewSpec): Promise<object> {
  const { token = '', audiences: wanted = [] } = spec;
  if (token === '') throw badRequest('token is required for TokenReview in authentication');
  const own = deps.tokens?.audiences ?? [];
  const asked = wanted.length > 0 ? wanted : own;
  const found = (await deps.tokens?.review(token, asked)) ?? (await otherToken(deps, token, asked));
  if (found === undefined) return { user: {}, error: 'invalid bearer token' };
  const user = userInfo(withAuthenticatedGroup(found.user));
  return { authenticated: true, user, audiences: found.audiences };
}

/** A token without audiences of its own is for this API server only. */
async function otherToken(
  { authenticator, tokens }: ReviewDeps,
  token: string,
  asked: readonly string[],
): Promise<{ user: UserInfo; audiences: readonly string[] } | undefined> {
  const own = tokens?.audiences ?? [];
  const audiences = asked.filter((audience) => own.includes(audience));
  if (asked.length > 0 && audiences.length === 0) return undefined;
  try {
    const user = await authenticator.authenticate({ certificate: undefined, token });
    return { user, audiences };
  } catch (error) {
    if (isStatusError(error)) return undefined;
    throw error;
  }
}
