import { StatusError, forbidden } from '../status.js';
import type { Attributes, Authorizer, Decision } from './attributes.js';
import { forbiddenSubject, forbiddenText } from './attributes.js';

/** Members of `system:masters` may do everything. */
export const superuserAuthorizer: Authorizer = {
  authorize: ({ user }) =>
    user.groups.includes('system:masters') ? { allowed: true, reason: '' } : undefined,
};

export const alwaysAllow: Authorizer = { authorize: () => ({ allowed: true, reason: '' }) };
export const alwaysDeny: Authorizer = {
  authorize: () => ({ allowed: false, reason: 'Everything is forbidden.' }),
};

/** Asks one after the other; the first opinion counts, and none means no, for the reasons that were given. */
export function chain(authorizers: readonly Authorizer[]): {
  decide(attributes: Attributes): Promise<Decision>;
} {
  return {
    async decide(attributes) {
      const reasons: string[] = [];
      for (const authorizer of authorizers) {
        const asked = authorizer.authorize(attributes);
        const decision = asked instanceof Promise ? await asked : asked;
        if (decision?.allowed !== undefined) return decision;
        if (decision !== undefined && decision.reason !== '') reasons.push(decision.reason);
      }
      return { allowed: false, reason: reasons.join('\n') };
    },
  };
}

export type Authorization = ReturnType<typeof chain>;

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
  return new StatusError({ ...error.status, message, details });
}
