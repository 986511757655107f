/** Kubernetes' library `authz`: expressions ask what the user of a request, or a service account, may do. */
import { dnsLabel, dnsSubdomain } from '../../validation/names.js';
import { CelError } from '../errors.js';
import type { Library } from '../functions.js';
import type { Value } from '../value.js';
import { OpaqueValue } from '../value.js';
import { instance, text } from './arguments.js';

/** What is asked: a resource, or a path. */
export interface AccessCheck {
  /** Set: the service account `namespace/name` instead of the user. */
  readonly serviceAccount: { readonly namespace: string; readonly name: string } | undefined;
  readonly verb: string;
  readonly path: string | undefined;
  readonly group: string;
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
}

/** The answer. */
export interface Access {
  readonly allowed: boolean;
  readonly reason: string;
}

/** Decides; may throw what is no CelError, to have the evaluation begun anew once it can tell. */
export type Decide = (check: AccessCheck) => Access;

abstract class SameOnly extends OpaqueValue {
  override equals(other: OpaqueValue): boolean {
    return other === this;
  }
}

/** The variable `authorizer`. */
export class AuthorizerValue extends SameOnly {
  readonly typeName = 'kubernetes.authorization.Authorizer';
  readonly decide: Decide;
  readonly account: AccessCheck['serviceAccount'];
  constructor(decide: Decide, account?: AccessCheck['serviceAccount']) {
    super();
    this.decide = decide;
    this.account = account;
  }
}

class PathCheck extends SameOnly {
  readonly typeName = 'kubernetes.authorization.PathCheck';
  readonly authorizer: AuthorizerValue;
  readonly path: string;
  constructor(authorizer: AuthorizerValue, path: string) {
    super();
    this.authorizer = authorizer;
    this.path = path;
  }
}

class GroupCheck extends SameOnly {
  readonly typeName = 'kubernetes.authorization.GroupCheck';
  readonly authorizer: AuthorizerValue;
  readonly group: string;
  constructor(authorizer: AuthorizerValue, group: string) {
    super();
    this.authorizer = authorizer;
    this.group = group;
  }
}

type ResourceParts = Pick<AccessCheck, 'group' | 'resource' | 'subresource' | 'namespace' | 'name'>;

/** A check of a resource, and the variable `authorizer.requestResource`. */
export class ResourceCheck extends SameOnly {
  readonly typeName = 'kubernetes.authorization.ResourceCheck';
  readonly authorizer: AuthorizerValue;
  readonly parts: ResourceParts;
  constructor(authorizer: AuthorizerValue, parts: ResourceParts) {
    super();
    this.authorizer = authorizer;
    this.parts = parts;
  }
  with(parts: Partial<ResourceParts>): ResourceCheck {
    return new ResourceCheck(this.authorizer, { ...this.parts, ...parts });
  }
}

class DecisionValue extends SameOnly {
  readonly typeName = 'kubernetes.authorization.Decision';
  readonly access: Access;
  constructor(access: Access) {
    super();
    this.access = access;
  }
}

const nowhere: ResourceParts = {
  group: '',
  resource: '',
  subresource: '',
  namespace: '',
  name: '',
};

function notEmpty(value: string, what: string): string {
  if (value.trim() === '') throw new CelError(`${what} must not be empty`);
  return value;
}

function serviceAccount(args: readonly Value[]): AuthorizerValue {
  const [namespace, name] = [text(args, 1), text(args, 2)];
  const wrong = dnsSubdomain(name);
  if (wrong.length > 0) throw new CelError('Invalid service account name');
  if (dnsLabel(namespace).length > 0) throw new CelError('Invalid service account namespace');
  return new AuthorizerValue(instance(args, 0, AuthorizerValue).decide, { namespace, name });
}

function checkOf(args: readonly Value[]): ResourceCheck {
  return instance(args, 0, ResourceCheck);
}

const t = 'kubernetes.authorization';
const onResource = `${t}.ResourceCheck.(string) ${t}.ResourceCheck`;

/** The functions of authorization. */
export const authorization: Library = {
  path: {
    authorizer_path: [
      `${t}.Authorizer.(string) ${t}.PathCheck`,
      (args) => new PathCheck(instance(args, 0, AuthorizerValue), notEmpty(text(args, 1), 'path')),
    ],
  },
  group: {
    authorizer_group: [
      `${t}.Authorizer.(string) ${t}.GroupCheck`,
      (args) => new GroupCheck(instance(args, 0, AuthorizerValue), text(args, 1)),
    ],
  },
  serviceAccount: {
    authorizer_serviceaccount: [`${t}.Authorizer.(string, string) ${t}.Authorizer`, serviceAccount],
  },
  resource: {
    groupcheck_resource: [
      `${t}.GroupCheck.(string) ${t}.ResourceCheck`,
      (args) => {
        const { authorizer, group } = instance(args, 0, GroupCheck);
        const resource = notEmpty(text(args, 1), 'resource');
        return new ResourceCheck(authorizer, { ...nowhere, group, resource });
      },
    ],
  },
  subresource: {
    resourcecheck_subresource: [
      onResource,
      (args) => checkOf(args).with({ subresource: text(args, 1) }),
    ],
  },
  namespace: {
    resourcecheck_namespace: [
      onResource,
      (args) => checkOf(args).with({ namespace: text(args, 1) }),
    ],
  },
  name: { resourcecheck_name: [onResource, (args) => checkOf(args).with({ name: text(args, 1) })] },
  // Selectors narrow a check for authorizers that look at them; ours do not.
  fieldSelector: { authorizer_fieldselector: [onResource, (args) => checkOf(args)] },
  labelSelector: { authorizer_labelselector: [onResource, (args) => checkOf(args)] },
  check: {
    pathcheck_check: [
      `${t}.PathCheck.(string) ${t}.Decision`,
      (args) => {
        const { authorizer, path } = instance(args, 0, PathCheck);
        const asked = { ...nowhere, path, verb: text(args, 1), serviceAccount: authorizer.account };
        return new DecisionValue(authorizer.decide(asked));
      },
    ],
    resourcecheck_check: [
      `${t}.ResourceCheck.(string) ${t}.Decision`,
      (args) => {
        const { authorizer, parts } = checkOf(args);
        const verb = text(args, 1);
        const asked = { ...parts, path: undefined, verb, serviceAccount: authorizer.account };
        return new DecisionValue(authorizer.decide(asked));
      },
    ],
  },
  allowed: {
    decision_allowed: [
      `${t}.Decision.() bool`,
      (args) => instance(args, 0, DecisionValue).access.allowed,
    ],
  },
  reason: {
    decision_reason: [
      `${t}.Decision.() string`,
      (args) => instance(args, 0, DecisionValue).access.reason,
    ],
  },
  errored: { decision_errored: [`${t}.Decision.() bool`, () => false] },
  error: { decision_error: [`${t}.Decision.() string`, () => ''] },
};
