import { describe, expect, test } from '@jest/globals';
import { formatFieldError } from '../field-error.js';
import type { KindDeclaration } from '../kind.js';
import { applyDefaults, decodeObject, validateCreate } from '../strategy.js';
import { mutatingWebhookKind } from './kinds.js';
import { validatingPolicyBindingKind, validatingPolicyKind } from './policy-kinds.js';

function refusals(kind: KindDeclaration, fields: object): string[] {
  const { object } = decodeObject(kind, { metadata: { name: 'p' }, ...fields });
  applyDefaults(kind, object);
  return validateCreate(kind, object).map(formatFieldError);
}

const rule = {
  apiGroups: ['apps'],
  apiVersions: ['v1'],
  operations: ['CREATE'],
  resources: ['deployments'],
};
const spec = {
  matchConstraints: { resourceRules: [rule] },
  validations: [{ expression: 'object.spec.replicas <= 5' }],
};

describe('policies', () => {
  test.each<[string, object]>([
    ['a plain one', {}],
    [
      'variables, which see those before them',
      {
        variables: [
          { name: 'spec', expression: 'object.spec' },
          { name: 'few', expression: 'variables.spec.replicas <= 5' },
        ],
        validations: [
          {
            expression: 'variables.few',
            messageExpression: '"has " + string(variables.spec.replicas)',
          },
        ],
      },
    ],
    [
      'parameters, the request, the namespace and the authorizer',
      {
        paramKind: { apiVersion: 'v1', kind: 'ConfigMap' },
        matchConditions: [
          { name: 'not-masters', expression: '!("system:masters" in request.userInfo.groups)' },
        ],
        validations: [
          { expression: 'params.data.max == "1" && request.operation == "CREATE"' },
          { expression: 'namespaceObject.metadata.labels["a"] == "b"', reason: 'Forbidden' },
          {
            expression:
              'authorizer.group("apps").resource("deployments").check("delete").allowed()',
          },
          { expression: 'authorizer.requestResource.check("delete").allowed()' },
        ],
        auditAnnotations: [{ key: 'replicas', valueExpression: 'string(object.spec.replicas)' }],
      },
    ],
  ])('%s', (_name, more) => {
    expect(refusals(validatingPolicyKind, { spec: { ...spec, ...more } })).toEqual([]);
  });

  test.each<[object, string[]]>([
    [
      { validations: [{ expression: 'object.spec.replicas' }] },
      [
        'spec.validations[0].expression: Invalid value: "object.spec.replicas": must evaluate to bool but got dyn',
      ],
    ],
    [
      { validations: [{ expression: 'params.x == 1' }] },
      [
        'spec.validations[0].expression: Invalid value: "params.x == 1": compilation failed: ' +
          `ERROR: <input>:1:1: undeclared reference to 'params' (in container '')\n | params.x == 1\n | ^`,
      ],
    ],
    [
      { validations: [{ expression: 'request.foo == "a"' }] },
      [
        'spec.validations[0].expression: Invalid value: "request.foo == \\"a\\"": compilation failed: ' +
          `ERROR: <input>:1:8: undefined field 'foo'\n | request.foo == "a"\n | .......^`,
      ],
    ],
    [
      {
        validations: [
          { expression: 'true', messageExpression: 'authorizer.path("/").check("get").reason()' },
        ],
      },
      [
        'spec.validations[0].messageExpression: Invalid value: ' +
          '"authorizer.path(\\"/\\").check(\\"get\\").reason()": compilation failed: ' +
          `ERROR: <input>:1:1: undeclared reference to 'authorizer' (in container '')\n` +
          ' | authorizer.path("/").check("get").reason()\n | ^',
      ],
    ],
    [
      { validations: [] },
      [
        'spec.validations: Required value: validations or auditAnnotations must contain at least one item',
        'spec.auditAnnotations: Required value: validations or auditAnnotations must contain at least one item',
      ],
    ],
    [{ matchConstraints: {} }, ['spec.matchConstraints.resourceRules: Required value']],
    [
      { variables: [{ name: 'in', expression: '1 +' }] },
      [
        'spec.variables[0].name: Invalid value: "in": name is not a valid CEL identifier',
        expect.stringContaining(
          'spec.variables[0].expression: Invalid value: "1 +": compilation failed: ERROR: <input>:1:4: Syntax error',
        ) as unknown as string,
      ],
    ],
    [
      { validations: [{ expression: 'true', reason: 'Bad' }] },
      [
        'spec.validations[0].reason: Unsupported value: "Bad": ' +
          'supported values: "Forbidden", "Invalid", "RequestEntityTooLarge"',
      ],
    ],
    [
      { auditAnnotations: [{ key: 'a', valueExpression: '1' }] },
      [
        'spec.auditAnnotations[0].valueExpression: Invalid value: "1": ' +
          'must evaluate to one of [string null_type] but got int',
      ],
    ],
  ])('%j is refused', (more, texts) => {
    expect(refusals(validatingPolicyKind, { spec: { ...spec, ...more } })).toEqual(texts);
  });
});

describe('bindings', () => {
  test.each<[object, string[]]>([
    [{ policyName: 'p', validationActions: ['Deny'] }, []],
    [
      { policyName: 'p', validationActions: ['Deny', 'Warn'] },
      [
        'spec.validationActions: Invalid value: ["Deny","Warn"]: must not contain both Deny and Warn ' +
          '(repeating the same validation failure information in the API response and headers serves no purpose)',
      ],
    ],
    [
      { policyName: 'p' },
      ['spec.validationActions: Required value: at least one validation action is required'],
    ],
    [
      { policyName: 'p', validationActions: ['Audit'], paramRef: { name: 'a', selector: {} } },
      [
        'spec.paramRef.name: Forbidden: name and selector are mutually exclusive',
        'spec.paramRef.selector: Forbidden: name and selector are mutually exclusive',
        'spec.paramRef.parameterNotFoundAction: Required value',
      ],
    ],
  ])('%j', (fields, texts) => {
    expect(refusals(validatingPolicyBindingKind, { spec: fields })).toEqual(texts);
  });
});

test('match conditions of webhooks must compile', () => {
  const webhook = {
    name: 'a.b.c',
    clientConfig: { url: 'https://hook.example.com' },
    sideEffects: 'None',
    admissionReviewVersions: ['v1'],
    matchConditions: [
      { name: 'a', expression: 'request.dryRun' },
      { name: 'a', expression: 'object.x ==' },
    ],
  };
  expect(refusals(mutatingWebhookKind, { webhooks: [webhook] })).toEqual([
    expect.stringContaining(
      'webhooks[0].matchConditions[1].expression: Invalid value: "object.x ==": ' +
        'compilation failed: ERROR: <input>:1:12: Syntax error',
    ),
    'webhooks[0].matchConditions[1].name: Duplicate value: "a"',
  ]);
});
