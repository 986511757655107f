import { StatusError, forbidden } from '../status.js';
import type { Attributes, Authorizer, Decision, NoOpinion } from './attributes.js';
import { forbiddenSubject, forbiddenText } from './attributes.js';

const granted: Decision = { allowed: true, reason: '' };

/** Members of `system:masters` may do everything. */
export const superuserAuthorizer: Authorizer = {
  authorize: ({ user }) => (user.groups.includes('system:masters') ? granted : undefined),
};

/** Grants everything. */
export const alwaysAllow: Authorizer = { authorize: () => granted };

/** Refuses everything. */
export const alwaysDeny: Authorizer = {
  authorize: () => ({ allowed: false, reason: 'Everything is forbidden.' }),
};

/** The authorizers in their order, and what knows the rules of a user. */
export interface Authorization {
  /** Decides at once where it can: most decisions need no wait. */
  decide(attributes: Attributes): Decision | Promise<Decision>;
}

/** Asks one after the other; the first opinion counts, and none means no, for the reasons that were given. */
export function chain(authorizers: readonly Authorizer[]): Authorization {
  return { decide: (attributes) => decideFrom(authorizers, 0, attributes, noReasons) };
}

const noReasons: readonly string[] = [];

/** @param first the authorizer to go on with @param before the reasons of those that were asked */
function decideFrom(
  authorizers: readonly Authorizer[],
  first: number,
  attributes: Attributes,
  before: readonly string[],
): Decision | Promise<Decision> {
  let reasons = before;
  for (let at = first; at < authorizers.length; at++) {
    const asked = authorizers[at]?.authorize(attributes);
    if (asked instanceof Promise) {
      const told = reasons;
      return asked.then((opinion) =>
        opinion?.allowed !== undefined
          ? opinion
          : decideFrom(authorizers, at + 1, attributes, withReason(told, opinion)),
      );
    }
    if (asked?.allowed !== undefined) return asked;
    reasons = withReason(reasons, asked);
  }
  return { allowed: false, reason: reasons.join('\n') };
}

function withReason(reasons: readonly string[], opinion: NoOpinion | undefined): readonly string[] {
  return opinion === undefined || opinion.reason === '' ? reasons : [...reasons, opinion.reason];
}

/** Refuses what is not allowed. @throws StatusError Forbidden */
export async function mustBeAllowed(
  authorization: Authorization,
  attributes: Attributes,
): Promise<void> {
  const decision = await authorization.decide(attributes);
  if (!decision.allowed) throw forbiddenError(attributes, decision);
}

/** The answer to a request that was not allowed, as apiserver's `responsewriters.Forbidden` has it. */
export function forbiddenError(attributes: Attributes, decision: Decision): StatusError {
  const target = { group: attributes.group, resource: attributes.resource };
  const text = forbiddenText(attributes, decision.reason);
  const error = forbidden(target, attributes.name, text);
  const message = `${forbiddenSubject(attributes)}: ${text}`;
  const details = attributes.isResource ? error.status.details : {};
  return new StatusError({ ...error.status, message, details }, { isSniffed: false });
}
