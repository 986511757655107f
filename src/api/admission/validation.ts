/** The validation of webhook configurations (Kubernetes' `pkg/apis/admissionregistration/validation`). */
import { types } from '../cel/types.js';
import { at, child, duplicate, invalid, notSupported, required, tooMany } from '../field-error.js';
import type { FieldError, FieldPath } from '../field-error.js';
import { given } from '../schema/node.js';
import { dnsSubdomain, qualifiedNameErrors } from '../validation/names.js';
import { checkReviewVersions, checkWebhookAddress } from '../validation/webhooks.js';
import { compileExpression } from './expressions.js';
import type { ValidatingWebhookConfiguration } from './schemas.js';

type Webhook = NonNullable<ValidatingWebhookConfiguration['webhooks']>[number];
/** A rule of a webhook or a policy. */
export type Rule = NonNullable<Webhook['rules']>[number];

const leastSegments = 3;

function checkName(name: string, path: FieldPath, errors: FieldError[]): void {
  if (name === '') return;
  const problems = dnsSubdomain(name);
  for (const text of problems) errors.push(invalid(path, name, text));
  if (problems.length === 0 && name.split('.').length < leastSegments) {
    const text = 'should be a domain with at least three segments separated by dots';
    errors.push(invalid(path, name, text));
  }
}

const wildcard = '*';

/** A list that must be there, and in which a wildcard stands alone. */
function checkList(
  list: readonly string[] | undefined,
  path: FieldPath,
  what: string,
  errors: FieldError[],
): void {
  if (list === undefined || list.length === 0) errors.push(required(path));
  else if (list.length > 1 && list.includes(wildcard)) {
    const text = `if '*' is present, must not specify other ${what}`;
    errors.push(invalid(path, list, text));
  }
}

/** Every text of a list must say something. */
function checkNotEmpty(
  list: readonly string[] | undefined,
  path: FieldPath,
  errors: FieldError[],
): void {
  (list ?? []).forEach((item, index) => {
    if (item === '') errors.push(required(at(path, index)));
  });
}

/** Resources that a wildcard before them covers too may not be named. */
function checkResources(
  list: readonly string[] | undefined,
  path: FieldPath,
  errors: FieldError[],
): void {
  if (list === undefined || list.length === 0) errors.push(required(path));
  const given = list ?? [];
  const before = new Set<string>();
  given.forEach((item, index) => {
    const here = at(path, index);
    if (item === '') errors.push(required(here));
    const slash = item.indexOf('/');
    if (slash < 0) return;
    const covering = [`${item.slice(0, slash)}/*`, `*/${item.slice(slash + 1)}`];
    for (const wider of covering.filter((name) => before.has(name))) {
      errors.push(invalid(here, item, `if '${wider}' is present, must not specify ${item}`));
    }
    before.add(item);
  });
  if (given.length > 1 && given.includes('*/*')) {
    errors.push(invalid(path, list, "if '*/*' is present, must not specify other resources"));
  }
  // As there, the last resource without a subresource decides.
  const last = given.findLast((item) => item !== '' && !item.includes('/')) ?? wildcard;
  if (given.includes(wildcard) && last !== wildcard) {
    const text = "if '*' is present, must not specify other resources without subresources";
    errors.push(invalid(path, list, text));
  }
}

const operations = ['*', 'CONNECT', 'CREATE', 'DELETE', 'UPDATE'];
const scopes = ['*', 'Cluster', 'Namespaced'];

/** Adds what is wrong with a rule. */
export function checkRule(rule: Rule, path: FieldPath, errors: FieldError[]): void {
  checkList(rule.operations, child(path, 'operations'), 'operations', errors);
  (rule.operations ?? []).forEach((operation, index) => {
    if (operations.includes(operation)) return;
    errors.push(notSupported(at(child(path, 'operations'), index), operation, operations));
  });
  checkList(rule.apiGroups, child(path, 'apiGroups'), 'API groups', errors);
  checkList(rule.apiVersions, child(path, 'apiVersions'), 'API versions', errors);
  checkNotEmpty(rule.apiVersions, child(path, 'apiVersions'), errors);
  checkResources(rule.resources, child(path, 'resources'), errors);
  if (rule.scope !== undefined && !scopes.includes(rule.scope)) {
    errors.push(notSupported(child(path, 'scope'), rule.scope, scopes));
  }
}

const maxConditions = 64;

type Condition = NonNullable<Webhook['matchConditions']>[number];

/** Adds what is wrong with match conditions: their names, and that they compile. */
export function checkMatchConditions(
  conditions: readonly Condition[],
  path: FieldPath,
  errors: FieldError[],
  hasParams = false,
): void {
  if (conditions.length > maxConditions) {
    errors.push(tooMany(path, conditions.length, maxConditions));
  }
  const names = new Set<string>();
  conditions.forEach((condition, index) => {
    const { name = '', expression = '' } = given(condition);
    const here = at(path, index);
    const text = expression.trim();
    if (text === '') errors.push(required(child(here, 'expression')));
    else {
      const scope = { hasParams, hasAuthorizer: true };
      const compiled = compileExpression(text, scope, [types.bool]);
      if (typeof compiled === 'string') {
        errors.push(invalid(child(here, 'expression'), text, compiled));
      }
    }
    const namePath = child(here, 'name');
    if (name === '') errors.push(required(namePath));
    else {
      for (const problem of qualifiedNameErrors(name))
        errors.push(invalid(namePath, name, problem));
      if (names.has(name)) errors.push(duplicate(namePath, name));
      names.add(name);
    }
  });
}

/** Validates the webhooks of a configuration beyond their schema; returns errors by field. */
export function validateWebhooks({ webhooks = [] }: ValidatingWebhookConfiguration): FieldError[] {
  const errors: FieldError[] = [];
  const names = new Set<string>();
  webhooks.forEach((webhook, index) => {
    const path = at('webhooks', index);
    const { name = '' } = given(webhook);
    checkName(name, child(path, 'name'), errors);
    (webhook.rules ?? []).forEach((rule, position) => {
      checkRule(rule, at(child(path, 'rules'), position), errors);
    });
    if (webhook.sideEffects === undefined) {
      const text = 'must specify one of None, NoneOnDryRun';
      errors.push(required(child(path, 'sideEffects'), text));
    }
    checkMatchConditions(webhook.matchConditions ?? [], child(path, 'matchConditions'), errors);
    checkWebhookAddress(webhook.clientConfig, child(path, 'clientConfig'), errors);
    const versions = webhook.admissionReviewVersions ?? [];
    checkReviewVersions(versions, child(path, 'admissionReviewVersions'), errors);
    if (names.has(name)) errors.push(duplicate(child(path, 'name'), name));
    names.add(name);
  });
  return errors;
}
