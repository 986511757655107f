/** Policies before requests, without a server: expressions, variables, messages, budgets. */
import { describe, expect, test } from '@jest/globals';
import { untypedValue } from '../../../../api/cel/kube/untyped.js';
import { AuthorizerValue } from '../../../../api/cel/library/authorizer.js';
import { compileConditions, conditionsHold } from './conditions.js';
import { Decisions } from './decisions.js';
import { compilePolicy, evaluatePolicy } from './evaluate.js';

const object = { metadata: { name: 'web' }, spec: { replicas: 7, images: ['a', 'b'] } };

function policy(spec: object): ReturnType<typeof compilePolicy> {
  return compilePolicy({ metadata: { name: 'p' }, spec });
}

function judge(spec: object, params: unknown = null): ReturnType<typeof evaluatePolicy> {
  return evaluatePolicy(policy(spec), (name) => {
    if (name === 'object') return untypedValue(object);
    return name === 'params' ? untypedValue(params) : undefined;
  });
}

function messages(spec: object, params?: unknown): string[] {
  return judge(spec, params).denials.map(({ message, reason }) => `${reason}: ${message}`);
}

describe('policies', () => {
  test('what holds denies nothing', () => {
    expect(messages({ validations: [{ expression: 'object.spec.replicas == 7' }] })).toEqual([]);
  });

  test('message, messageExpression and reason', () => {
    const expression = 'object.spec.replicas < 5';
    expect(messages({ validations: [{ expression }] })).toEqual([
      `Invalid: failed expression: ${expression}`,
    ]);
    expect(
      messages({ validations: [{ expression, message: 'too many', reason: 'Forbidden' }] }),
    ).toEqual(['Forbidden: too many']);
    const messageExpression = '"has " + string(object.spec.replicas)';
    expect(messages({ validations: [{ expression, message: 'no', messageExpression }] })).toEqual([
      'Invalid: has 7',
    ]);
    const failing = { expression, message: 'no', messageExpression: 'object.nope' };
    expect(messages({ validations: [failing] })).toEqual(['Invalid: no']);
  });

  test('an expression that fails denies, unless failurePolicy is Ignore', () => {
    const validations = [{ expression: 'object.spec.nope == 1' }];
    expect(messages({ validations })).toEqual([
      ": expression 'object.spec.nope == 1' resulted in error: no such key: nope",
    ]);
    expect(messages({ validations, failurePolicy: 'Ignore' })).toEqual([]);
    expect(messages({ validations: [{ expression: 'nope' }] })).toEqual([
      ": compilation error: compilation failed: ERROR: <input>:1:1: undeclared reference to 'nope' (in container '')\n | nope\n | ^",
    ]);
  });

  test('variables are evaluated when they are used, and see those before them', () => {
    const variables = [
      { name: 'spec', expression: 'object.spec' },
      { name: 'few', expression: 'variables.spec.replicas < 5' },
      { name: 'broken', expression: 'object.nope.x' },
    ];
    expect(messages({ variables, validations: [{ expression: '!variables.few' }] })).toEqual([]);
    expect(messages({ variables, validations: [{ expression: 'variables.broken == 1' }] })).toEqual(
      [
        `: expression 'variables.broken == 1' resulted in error: composited variable "broken" fails to evaluate: no such key: nope`,
      ],
    );
  });

  test('parameters', () => {
    const paramKind = { apiVersion: 'v1', kind: 'ConfigMap' };
    const validations = [{ expression: 'object.spec.replicas <= int(params.data.max)' }];
    expect(messages({ paramKind, validations }, { data: { max: '8' } })).toEqual([]);
    expect(messages({ paramKind, validations }, { data: { max: '6' } })).toHaveLength(1);
  });

  test('conditions that do not hold leave the policy out', () => {
    const validations = [{ expression: 'false' }];
    const condition = (expression: string) => ({
      matchConditions: [{ name: 'a', expression }],
      validations,
    });
    expect(messages(condition('object.spec.replicas == 1'))).toEqual([]);
    expect(messages(condition('true'))).toHaveLength(1);
    expect(messages(condition('object.nope == true'))).toEqual([
      ": expression 'object.nope == true' resulted in error: no such key: nope",
    ]);
  });

  test('audit annotations', () => {
    const auditAnnotations = [
      { key: 'replicas', valueExpression: '"n=" + string(object.spec.replicas)' },
      { key: 'none', valueExpression: 'null' },
      { key: 'broken', valueExpression: 'string(object.nope)' },
    ];
    const verdict = judge({ auditAnnotations });
    expect(verdict.annotations).toEqual([{ key: 'replicas', value: 'n=7' }]);
    expect(verdict.annotationErrors).toEqual([
      "expression 'string(object.nope)' resulted in error: no such key: nope",
    ]);
  });

  test('all expressions share a budget', () => {
    const expression =
      'object.spec.images.all(a, [1,2,3,4,5,6,7,8,9,10].all(b, [1,2,3,4,5,6,7,8,9,10].all(c, [1,2,3,4,5,6,7,8,9,10].all(d, [1,2,3,4,5,6,7,8,9,10].all(e, a != ""))))) ';
    const validations = Array.from({ length: 200 }, () => ({ expression }));
    expect(messages({ validations })).toEqual([
      ': validation failed due to running out of cost budget, no further validation rules will be run',
    ]);
  });
});

describe('match conditions', () => {
  const hold = (...expressions: string[]) =>
    conditionsHold(
      compileConditions(
        expressions.map((expression, index) => ({ name: `c${index}`, expression })),
        false,
      ),
      (name) => (name === 'object' ? untypedValue(object) : undefined),
    );

  test('one that is false settles it; an error counts when none is', () => {
    expect(hold('true', 'object.spec.replicas == 7')).toBe(true);
    expect(hold('object.nope == true', 'false')).toBe(false);
    expect(hold('object.nope == true', 'true')).toEqual(
      new Error("expression 'object.nope == true' resulted in error: no such key: nope"),
    );
  });
});

describe('the authorizer', () => {
  const user = { name: 'alice', groups: ['g'] };

  test('answers that take time are waited for, and each is asked for once', async () => {
    const asked: string[] = [];
    const decisions = new Decisions(
      {
        decide: async ({ user, verb, resource, namespace, name, path }) => {
          asked.push(`${user.name} ${verb} ${resource}${path} ${namespace}/${name}`);
          return { allowed: verb === 'get', reason: 'because' };
        },
      },
      user,
    );
    const compiled = policy({
      validations: [
        {
          expression:
            'authorizer.group("").resource("pods").namespace("n").name("x").check("get").allowed()',
        },
        { expression: '!authorizer.path("/healthz").check("put").allowed()' },
        {
          expression:
            'authorizer.serviceAccount("ns", "sa").group("").resource("pods").check("list").reason() == "because"',
        },
      ],
    });
    const verdict = await decisions.settle(() =>
      evaluatePolicy(compiled, (name) =>
        name === 'authorizer' ? new AuthorizerValue(decisions.decide) : undefined,
      ),
    );
    expect(verdict.denials).toEqual([]);
    expect(asked).toEqual([
      'alice get pods n/x',
      'alice put /healthz /',
      'system:serviceaccount:ns:sa list pods /',
    ]);
  });
});
