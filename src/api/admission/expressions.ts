/** Expressions of admission: policies and match conditions, and the variables that they may name. */
import type { CompileFailure } from '../cel/environment.js';
import { compile, Program } from '../cel/environment.js';
import type { CelType } from '../cel/types.js';
import { formatType, listOf, mapOf, opaque, structOf, types } from '../cel/types.js';

function fields(name: string, parts: Readonly<Record<string, CelType>>): CelType {
  return structOf(name, new Map(Object.entries(parts)));
}

const { string, int, bool, dyn, timestamp } = types;
const texts = listOf(string);
const textMap = mapOf(string, string);

const kindType = fields('kubernetes.GroupVersionKind', {
  group: string,
  version: string,
  kind: string,
});
const resourceType = fields('kubernetes.GroupVersionResource', {
  group: string,
  version: string,
  resource: string,
});

/** An AdmissionRequest, without what are variables of their own. */
const requestType = fields('kubernetes.AdmissionRequest', {
  kind: kindType,
  resource: resourceType,
  subResource: string,
  requestKind: kindType,
  requestResource: resourceType,
  requestSubResource: string,
  name: string,
  namespace: string,
  operation: string,
  userInfo: fields('kubernetes.UserInfo', {
    username: string,
    uid: string,
    groups: texts,
    extra: mapOf(string, texts),
  }),
  dryRun: bool,
  options: dyn,
});

const namespaceType = fields('kubernetes.Namespace', {
  metadata: fields('kubernetes.NamespaceMetadata', {
    name: string,
    generateName: string,
    namespace: string,
    labels: textMap,
    annotations: textMap,
    UID: string,
    creationTimestamp: timestamp,
    deletionGracePeriodSeconds: int,
    deletionTimestamp: timestamp,
    generation: int,
    resourceVersion: string,
    finalizers: texts,
  }),
  spec: fields('kubernetes.NamespaceSpec', { finalizers: texts }),
  status: fields('kubernetes.NamespaceStatus', {
    conditions: listOf(
      fields('kubernetes.NamespaceCondition', {
        status: string,
        type: string,
        lastTransitionTime: timestamp,
        message: string,
        reason: string,
      }),
    ),
    phase: string,
  }),
});

const authorizerType = opaque('kubernetes.authorization.Authorizer');
const resourceCheckType = opaque('kubernetes.authorization.ResourceCheck');

/** What an expression may name beside the request. */
export interface Scope {
  readonly hasParams: boolean;
  readonly hasAuthorizer: boolean;
  /** The type of `object` and `oldObject`. @default any */
  readonly object?: CelType | undefined;
  /** The type of `params`. @default any */
  readonly params?: CelType | undefined;
  /** The types of the policy's variables that come before it. */
  readonly variables?: ReadonlyMap<string, CelType> | undefined;
}

function variablesOf(scope: Scope): Map<string, CelType> {
  const { hasParams, hasAuthorizer, variables, object = dyn, params = dyn } = scope;
  const names = new Map<string, CelType>([
    ['object', object],
    ['oldObject', object],
    ['namespaceObject', namespaceType],
    ['request', requestType],
  ]);
  if (hasParams) names.set('params', params);
  if (hasAuthorizer) {
    names.set('authorizer', authorizerType);
    names.set('authorizer.requestResource', resourceCheckType);
  }
  if (variables !== undefined) {
    names.set('variables', structOf('kubernetes.variables', variables));
  }
  return names;
}

/**
 * Compiles an expression of admission.
 * @param result the types that it may come to; unset: any
 * @returns what is wrong with it, in Kubernetes' words
 */
export function compileExpression(
  source: string,
  scope: Scope,
  result?: readonly CelType[],
): Program | string {
  const compiled = compile(source, { variables: variablesOf(scope), result });
  return compiled instanceof Program ? compiled : problemOf(compiled, result ?? []);
}

/** The type that an expression comes to, or what keeps it from being compiled, as cel-go writes it. */
export function typeOfExpression(source: string, scope: Scope): CelType | string {
  const compiled = compile(source, { variables: variablesOf(scope) });
  return compiled instanceof Program ? compiled.type : compiled.text;
}

function problemOf({ reason, text }: CompileFailure, result: readonly CelType[]): string {
  if (reason === 'compilation') return `compilation failed: ${text}`;
  const wanted = result.map(goName);
  return wanted.length === 1
    ? `must evaluate to ${wanted[0] ?? ''} but got ${text}`
    : `must evaluate to one of [${wanted.join(' ')}] but got ${text}`;
}

function goName(type: CelType): string {
  return type.kind === 'null' ? 'null_type' : formatType(type);
}
