import { expect, test } from '@jest/globals';
import { builtInRegistry } from '../kinds.js';
import type { ValidatingAdmissionPolicy } from './policy-schemas.js';
import { typeChecks, typesToCheck, warningsOf } from './type-checks.js';

const kinds = builtInRegistry();
const rule = (apiGroups: string[], resources: string[], apiVersions = ['v1']): object => ({
  apiGroups,
  apiVersions,
  operations: ['*'],
  resources,
});

function policy(spec: object, ...resourceRules: readonly object[]): ValidatingAdmissionPolicy {
  return {
    metadata: { name: 'p' },
    spec: { matchConstraints: { resourceRules }, ...spec },
    status: {},
  } as unknown as ValidatingAdmissionPolicy;
}

function warnings(spec: object, ...rules: readonly object[]): unknown {
  const checks = typeChecks(policy(spec, ...rules), kinds);
  return warningsOf(
    checks.flatMap(({ fieldRef, run }) => {
      const problem = run();
      return problem === undefined ? [] : [{ fieldRef, problem }];
    }),
  );
}

const apps = rule(['apps'], ['deployments']);

test.each<[string, object[], string[]]>([
  ['one', [apps], ['Deployment']],
  [
    'several, by name',
    [rule(['apps', ''], ['pods', 'statefulsets', 'deployments'])],
    ['Pod', 'Deployment', 'StatefulSet'],
  ],
  ['no subresources', [rule([''], ['pods/status', 'pods'])], ['Pod']],
  ['no patterns of resources', [rule([''], ['*'])], []],
  ['none of a rule with a pattern of groups', [rule(['*'], ['pods']), apps], ['Deployment']],
  ['none that is not there', [rule(['example.com'], ['widgets'])], []],
])('the kinds of a policy: %s', (_, rules, names) => {
  expect(typesToCheck(policy({}, ...rules), kinds).map(({ kind }) => kind)).toEqual(names);
});

test('no more than ten are looked at', () => {
  const names = kinds.list().filter(({ group, version }) => group === '' && version === 'v1');
  const all = rule(
    [''],
    names.map(({ plural }) => plural),
  );
  expect(typesToCheck(policy({}, all), kinds)).toHaveLength(10);
});

// kubernetes.io, Validating Admission Policy, "Type checking": the page's example.
test('a field that the kind lacks is told of, for each kind', () => {
  const spec = {
    validations: [{ expression: 'object.replicas > 1' }, { expression: 'has(object.metadata)' }],
  };
  const text = "ERROR: <input>:1:7: undefined field 'replicas'\n | object.replicas > 1\n | ......^";
  expect(warnings(spec, apps)).toEqual([
    { fieldRef: 'spec.validations[0].expression', warning: `apps/v1, Kind=Deployment: ${text}\n` },
  ]);
  expect(warnings(spec, apps, rule([''], ['pods']))).toEqual([
    {
      fieldRef: 'spec.validations[0].expression',
      warning: `/v1, Kind=Pod: ${text}\n\napps/v1, Kind=Deployment: ${text}\n`,
    },
  ]);
});

test.each<[string, object, string[]]>([
  [
    'fields, maps, lists, times and options',
    {
      validations: [
        { expression: "object.spec.template.spec.containers.all(c, c.image.startsWith('a'))" },
        {
          expression:
            "'a' in object.metadata.labels && object.metadata.creationTimestamp < timestamp('2026-01-01T00:00:00Z')",
        },
        { expression: 'oldObject == null || object.spec.?replicas.orValue(1) > 0' },
        {
          expression:
            "object.spec.strategy.rollingUpdate.maxSurge == 1 || object.spec.strategy.rollingUpdate.maxSurge == '1'",
        },
      ],
    },
    [],
  ],
  [
    'the wrong type',
    { validations: [{ expression: "object.spec.replicas == 'a'" }] },
    ['spec.validations[0].expression'],
  ],
  [
    'messages',
    { validations: [{ expression: 'true', messageExpression: 'object.nope' }] },
    ['spec.validations[0].messageExpression'],
  ],
  [
    'variables',
    {
      variables: [
        { name: 'n', expression: 'object.spec.replicas' },
        { name: 'bad', expression: 'object.nope' },
      ],
      validations: [{ expression: "variables.n == 'a'" }, { expression: "variables.bad == 'a'" }],
    },
    ['spec.validations[0].expression'],
  ],
  [
    'parameters of a known kind',
    {
      paramKind: { apiVersion: 'v1', kind: 'ConfigMap' },
      validations: [
        { expression: 'params.data.x == string(object.spec.replicas)' },
        { expression: 'params.spec.x == 1' },
      ],
    },
    ['spec.validations[1].expression'],
  ],
  [
    'parameters of an unknown kind',
    {
      paramKind: { apiVersion: 'example.com/v1', kind: 'Widget' },
      validations: [{ expression: 'params.spec.x == 1' }],
    },
    [],
  ],
])('%s', (_, spec, refs) => {
  expect((warnings(spec, apps) as { fieldRef: string }[]).map(({ fieldRef }) => fieldRef)).toEqual(
    refs,
  );
});
