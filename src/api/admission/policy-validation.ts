/** The validation of admission policies and their bindings (`pkg/apis/admissionregistration/validation`). */
import type { CelType } from '../cel/types.js';
import { types } from '../cel/types.js';
import {
  at,
  child,
  duplicate,
  forbidden,
  invalid,
  notSupported,
  required,
} from '../field-error.js';
import type { FieldError, FieldPath } from '../field-error.js';
import { given } from '../schema/node.js';
import {
  dns1035Label,
  dnsSubdomain,
  pathSegmentErrors,
  qualifiedNameErrors,
} from '../validation/names.js';
import type { Scope } from './expressions.js';
import { compileExpression } from './expressions.js';
import type {
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
} from './policy-schemas.js';
import { checkMatchConditions, checkRule } from './validation.js';

type Spec = NonNullable<ValidatingAdmissionPolicy['spec']>;
type MatchResources = NonNullable<Spec['matchConstraints']>;
type Validation = NonNullable<Spec['validations']>[number];
type BindingSpec = NonNullable<ValidatingAdmissionPolicyBinding['spec']>;

const maxAnnotations = 20;
const maxValueLength = 5 * 1024;
const reasons = ['Forbidden', 'Invalid', 'RequestEntityTooLarge'];
const identifier = /^[_a-zA-Z][_a-zA-Z0-9]*$/;
const reserved = new Set(
  'true false null in as break const continue else for function if import let loop package namespace return var void while'.split(
    ' ',
  ),
);

/** Validates a policy beyond its schema. */
export function validatePolicy(policy: ValidatingAdmissionPolicy): FieldError[] {
  const errors: FieldError[] = [];
  const spec = given(policy.spec ?? {});
  const hasParams = spec.paramKind !== undefined;
  if (spec.paramKind !== undefined) checkParamKind(spec.paramKind, errors);
  const constraints = 'spec.matchConstraints';
  if (spec.matchConstraints === undefined) errors.push(required(constraints));
  else {
    checkMatchResources(spec.matchConstraints, constraints, errors);
    if ((spec.matchConstraints.resourceRules ?? []).length === 0) {
      errors.push(required(child(constraints, 'resourceRules')));
    }
  }
  checkMatchConditions(spec.matchConditions ?? [], 'spec.matchConditions', errors, hasParams);
  const variables = checkVariables(spec, hasParams, errors);
  const scope: Scope = { hasParams, hasAuthorizer: true, variables };
  const { validations = [], auditAnnotations = [] } = spec;
  if (validations.length === 0 && auditAnnotations.length === 0) {
    const text = 'validations or auditAnnotations must contain at least one item';
    errors.push(required('spec.validations', text), required('spec.auditAnnotations', text));
    return errors;
  }
  validations.forEach((validation, index) => {
    checkValidation(validation, scope, at('spec.validations', index), errors);
  });
  checkAnnotations(policy, scope, errors);
  return errors;
}

function checkExpression(
  source: string,
  scope: Scope,
  options: { readonly path: FieldPath; readonly result?: readonly CelType[] },
  errors: FieldError[],
): CelType | undefined {
  const compiled = compileExpression(source, scope, options.result);
  if (typeof compiled !== 'string') return compiled.type;
  errors.push(invalid(options.path, source, compiled));
  return undefined;
}

/** @returns the types of the variables; undefined when there are none */
function checkVariables(
  { variables = [] }: Spec,
  hasParams: boolean,
  errors: FieldError[],
): ReadonlyMap<string, CelType> | undefined {
  if (variables.length === 0) return undefined;
  const known = new Map<string, CelType>();
  variables.forEach((variable, index) => {
    const { name = '', expression = '' } = given(variable);
    const path = at('spec.variables', index);
    if (name.trim() === '') errors.push(required(child(path, 'name'), 'name is not specified'));
    else if (!identifier.test(name) || reserved.has(name)) {
      errors.push(invalid(child(path, 'name'), name, 'name is not a valid CEL identifier'));
    }
    const place = child(path, 'expression');
    if (expression.trim() === '') errors.push(required(place, 'expression is not specified'));
    else {
      const scope = { hasParams, hasAuthorizer: true, variables: new Map(known) };
      known.set(name, checkExpression(expression, scope, { path: place }, errors) ?? types.dyn);
    }
  });
  return known;
}

function checkValidation(
  validation: Validation,
  scope: Scope,
  path: FieldPath,
  errors: FieldError[],
): void {
  const { expression = '', message = '', messageExpression = '', reason } = given(validation);
  const place = child(path, 'expression');
  if (expression.trim() === '') errors.push(required(place, 'expression is not specified'));
  else checkExpression(expression, scope, { path: place, result: [types.bool] }, errors);
  const messagePlace = child(path, 'messageExpression');
  if (messageExpression !== '' && messageExpression.trim() === '') {
    errors.push(invalid(messagePlace, messageExpression, 'must be non-empty if specified'));
  } else if (messageExpression !== '') {
    const narrow = { ...scope, hasAuthorizer: false };
    const options = { path: messagePlace, result: [types.string] };
    checkExpression(messageExpression, narrow, options, errors);
  }
  if (message !== '' && message.trim() === '') {
    errors.push(invalid(child(path, 'message'), message, 'message must be non-empty if specified'));
  } else if (/[\n\r]/.test(message.trim())) {
    errors.push(invalid(child(path, 'message'), message, 'message must not contain line breaks'));
  }
  if (reason !== undefined && !reasons.includes(reason)) {
    errors.push(notSupported(child(path, 'reason'), reason, reasons));
  }
}

function checkAnnotations(
  { metadata, spec }: ValidatingAdmissionPolicy,
  scope: Scope,
  errors: FieldError[],
): void {
  const annotations = spec?.auditAnnotations ?? [];
  const list = 'spec.auditAnnotations';
  if (annotations.length > maxAnnotations) {
    const text = `must not have more than ${maxAnnotations} auditAnnotations`;
    errors.push(invalid(list, annotations, text));
  }
  const keys = new Set<string>();
  annotations.forEach((annotation, index) => {
    const { key = '', valueExpression = '' } = given(annotation);
    const path = at(list, index);
    const { name: policy = '' } = given(metadata);
    const name = `${policy}/${key}`;
    const problems = policy === '' ? [] : qualifiedNameErrors(name);
    for (const text of problems) errors.push(invalid(child(path, 'key'), name, text));
    if (policy === '') {
      errors.push(invalid(child(path, 'key'), key, 'requires metadata.name be non-empty'));
    }
    const place = child(path, 'valueExpression');
    const text = valueExpression.trim();
    if (text === '') errors.push(required(place, 'valueExpression is not specified'));
    else if (text.length > maxValueLength) {
      errors.push(required(place, `must not exceed ${maxValueLength} bytes in length`));
    } else {
      const result = [types.string, types.null];
      const compiled = compileExpression(text, scope, result);
      if (typeof compiled === 'string') errors.push(invalid(place, valueExpression, compiled));
    }
    if (keys.has(key)) errors.push(duplicate(child(path, 'key'), key));
    keys.add(key);
  });
}

function checkParamKind(kind: NonNullable<Spec['paramKind']>, errors: FieldError[]): void {
  const { apiVersion = '', kind: name = '' } = given(kind);
  const path = 'spec.paramKind';
  const versionPath = child(path, 'apiVersion');
  const parts = apiVersion.split('/');
  if (apiVersion === '') errors.push(required(versionPath));
  else if (parts.length > 2) {
    errors.push(invalid(versionPath, apiVersion, `unexpected GroupVersion string: ${apiVersion}`));
  } else {
    const [group = '', version = ''] = parts.length === 2 ? parts : ['', apiVersion];
    const wrongGroup = group === '' ? [] : dnsSubdomain(group);
    if (wrongGroup.length > 0) errors.push(invalid(versionPath, group, wrongGroup.join(',')));
    if (version === '') {
      errors.push(invalid(versionPath, apiVersion, 'version must be specified'));
    } else {
      const wrong = dns1035Label(version);
      if (wrong.length > 0) errors.push(invalid(versionPath, version, wrong.join(',')));
    }
  }
  const kindPath = child(path, 'kind');
  const wrong = dns1035Label(name.toLowerCase());
  if (name === '') errors.push(required(kindPath));
  else if (wrong.length > 0) {
    const text = `may have mixed case, but should otherwise match: ${wrong.join(',')}`;
    errors.push(invalid(kindPath, name, text));
  }
}

function checkMatchResources(match: MatchResources, path: FieldPath, errors: FieldError[]): void {
  for (const name of ['resourceRules', 'excludeResourceRules'] as const) {
    (match[name] ?? []).forEach((rule, index) => {
      const here = at(child(path, name), index);
      const names = new Set<string>();
      (rule.resourceNames ?? []).forEach((given, position) => {
        const place = at(child(here, 'resourceNames'), position);
        for (const text of pathSegmentErrors(given)) errors.push(invalid(place, given, text));
        if (names.has(given)) errors.push(duplicate(place, given));
        names.add(given);
      });
      checkRule(rule, here, errors);
    });
  }
}

/** Validates a binding beyond its schema. */
export function validateBinding({ spec }: ValidatingAdmissionPolicyBinding): FieldError[] {
  const errors: FieldError[] = [];
  const { policyName = '', paramRef, matchResources, validationActions } = given(spec ?? {});
  if (policyName === '') errors.push(required('spec.policyName'));
  else {
    for (const text of dnsSubdomain(policyName)) {
      errors.push(invalid('spec.policyName', policyName, text));
    }
  }
  if (paramRef !== undefined) checkParamRef(paramRef, errors);
  if (matchResources !== undefined) {
    checkMatchResources(matchResources, 'spec.matchResources', errors);
  }
  checkActions(validationActions ?? [], errors);
  return errors;
}

const notFoundActions = ['Deny', 'Allow'];

function checkParamRef(ref: NonNullable<BindingSpec['paramRef']>, errors: FieldError[]): void {
  const path = 'spec.paramRef';
  const { name = '', selector, parameterNotFoundAction: action = '' } = ref;
  const both = 'name and selector are mutually exclusive';
  if (name !== '') {
    for (const text of pathSegmentErrors(name)) {
      errors.push(invalid(child(path, 'name'), name, text));
    }
    if (selector !== undefined) {
      errors.push(forbidden(child(path, 'name'), both), forbidden(child(path, 'selector'), both));
    }
  } else if (selector === undefined) {
    errors.push(required(path, 'one of name or selector must be specified'));
  }
  const place = child(path, 'parameterNotFoundAction');
  if (action === '') errors.push(required(place));
  else if (!notFoundActions.includes(action)) {
    errors.push(notSupported(place, action, notFoundActions));
  }
}

const actions = ['Audit', 'Deny', 'Warn'];

function checkActions(given: readonly string[], errors: FieldError[]): void {
  const path = 'spec.validationActions';
  const seen = new Set<string>();
  given.forEach((action, index) => {
    if (!actions.includes(action)) errors.push(notSupported(at(path, index), action, actions));
    if (seen.has(action)) errors.push(duplicate(at(path, index), action));
    seen.add(action);
  });
  if (seen.has('Deny') && seen.has('Warn')) {
    const text =
      'must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)';
    errors.push(invalid(path, given, text));
  }
  if (seen.size === 0) errors.push(required(path, 'at least one validation action is required'));
}
