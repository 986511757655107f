/** TokenReview, TokenRequest, SelfSubjectReview. */
import { defineVirtual } from '../define.js';
import {
  always,
  dict,
  doc,
  int64,
  list,
  req,
  str,
  struct,
  tuned,
  time,
  flag,
  written,
} from '../schema/dsl.js';
import { kindSchema } from '../schema/meta.js';
import type { Infer } from '../schema/node.js';

const d = 'authentication/v1.';
const group = { group: 'authentication.k8s.io', version: 'v1', namespaced: false } as const;

const userInfo = struct(`${d}UserInfo`, 'Who someone is.', {
  extra: dict('More facts.', list('', str(''))),
  groups: list('Groups.', str('')),
  uid: str('Unique id.'),
  username: str('Name.'),
});

const reviewSchema = kindSchema(`${d}TokenReview`, 'Asks whose token this is.', {
  spec: always(
    struct(`${d}TokenReviewSpec`, 'The question.', {
      audiences: list('For whom the token must be meant.', str('')),
      token: str('The token.'),
    }),
  ),
  status: written(
    struct(`${d}TokenReviewStatus`, 'The answer.', {
      audiences: list('Audiences that fit.', str('')),
      authenticated: flag('The token is valid.'),
      error: str('Why it could not be checked.'),
      user: written(userInfo),
    }),
  ),
});

/** TokenReview as a type. */
export interface TokenReview extends Infer<typeof reviewSchema> {}

/** TokenReview. */
export const tokenReviewKind = defineVirtual<TokenReview>({
  ...group,
  kind: 'TokenReview',
  plural: 'tokenreviews',
  schema: reviewSchema,
});

const requestSchema = kindSchema(`${d}TokenRequest`, 'Asks for a token of a service account.', {
  spec: always(
    struct(`${d}TokenRequestSpec`, 'The token that is wanted.', {
      audiences: req(tuned(list('For whom the token is meant.', str('')), { pointer: true })),
      boundObjectRef: struct(`${d}BoundObjectReference`, 'Object whose end ends the token.', {
        apiVersion: str('Group and version of the object.'),
        kind: str('Pod, Secret or Node.'),
        name: str('Name of the object.'),
        uid: str('UID of the object.'),
      }),
      expirationSeconds: int64('Validity in seconds.', { default: 3600 }),
    }),
  ),
  status: written(
    struct(`${d}TokenRequestStatus`, 'The token.', {
      expirationTimestamp: time('When it ends.'),
      token: str('The token.'),
    }),
  ),
});

/** TokenRequest as a type. */
export interface TokenRequest extends Infer<typeof requestSchema> {}

/** TokenRequest, the body of `serviceaccounts/token`; not a resource of its own. */
export const tokenRequestKind = defineVirtual<TokenRequest>({
  ...group,
  namespaced: true,
  kind: 'TokenRequest',
  plural: 'tokenrequests',
  verbs: [],
  schema: requestSchema,
});

const selfSchema = kindSchema(`${d}SelfSubjectReview`, 'Asks who the caller is.', {
  status: written(
    struct(`${d}SelfSubjectReviewStatus`, 'The answer.', {
      userInfo: written(doc('Who the caller is.', userInfo)),
    }),
  ),
});

/** SelfSubjectReview as a type. */
export interface SelfSubjectReview extends Infer<typeof selfSchema> {}

/** SelfSubjectReview. */
export const selfSubjectReviewKind = defineVirtual<SelfSubjectReview>({
  ...group,
  kind: 'SelfSubjectReview',
  plural: 'selfsubjectreviews',
  schema: selfSchema,
});
