/** Rules of custom resources, admission policies and match conditions: kubectl against a real API server process. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { ApiserverHarness } from './apiserver-harness.js';
import { canRun, startHarness } from './apiserver-harness.js';
import type { RuledKind } from './cel-definitions.js';
import { definitionOf, ruledKinds } from './cel-definitions.js';

const suite = canRun ? describe : describe.skip;
const admission = 'admissionregistration.k8s.io/v1';

const configMap = (name: string, data: object): string =>
  JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data });

const configMapRules = {
  resourceRules: [
    {
      apiGroups: [''],
      apiVersions: ['v1'],
      operations: ['CREATE', 'UPDATE'],
      resources: ['configmaps'],
    },
  ],
};

const policy = (name: string, spec: object): string =>
  JSON.stringify({
    apiVersion: admission,
    kind: 'ValidatingAdmissionPolicy',
    metadata: { name },
    spec: { matchConstraints: configMapRules, ...spec },
  });

const binding = (name: string, spec: object): string =>
  JSON.stringify({
    apiVersion: admission,
    kind: 'ValidatingAdmissionPolicyBinding',
    metadata: { name },
    spec: { validationActions: ['Deny'], ...spec },
  });

suite('expressions', () => {
  let server: ApiserverHarness;

  beforeAll(async () => {
    server = await startHarness();
  }, 60_000);

  afterAll(async () => {
    await server.stop();
  }, 30_000);

  const ok = (args: readonly string[], input?: string): string => {
    const run = server.kubectl(args, input);
    if (run.code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${run.err}`);
    return `${run.out}${run.err}`.trim();
  };
  const refused = (args: readonly string[], input?: string): string => {
    const run = server.kubectl(args, input);
    expect(run.code).not.toBe(0);
    return run.err.trim();
  };
  const create = (input: string): string => ok(['create', '-f', '-'], input);

  const object = ({ kind, group }: RuledKind, name: string, spec: object): string =>
    JSON.stringify({ apiVersion: `${group}/v1`, kind, metadata: { name }, spec });

  test.each(ruledKinds.map((kind) => [kind.kind, kind] as const))(
    '%s',
    (_, kind) => {
      create(definitionOf(kind));
      const plural = `${kind.kind.toLowerCase()}s.${kind.group}`;
      ok(['wait', '--for=condition=Established', `crd/${plural}`, '--timeout=20s']);
      create(object(kind, 'good', kind.good));
      expect(refused(['create', '-f', '-'], object(kind, 'bad', kind.bad))).toContain(kind.refusal);
      ok(['label', plural, 'good', 'a=b']);
      if (kind.change !== undefined) {
        const { to, refusal } = kind.change;
        expect(refused(['replace', '-f', '-'], object(kind, 'good', to))).toContain(refusal);
      }
      expect(ok(['explain', `${plural}.spec`])).toContain(`KIND:       ${kind.kind}`);
      ok(['delete', 'crd', plural]);
    },
    60_000,
  );

  test('rules that cannot be compiled, or would cost too much, are refused', () => {
    const kind = 'Wrong';
    const group = 'example.com';
    const spec = (rule: string, items: object = { type: 'string' }): object => ({
      type: 'object',
      properties: { list: { type: 'array', items, 'x-kubernetes-validations': [{ rule }] } },
    });
    const attempt = (rule: string): string =>
      refused(['create', '-f', '-'], definitionOf({ kind, group, spec: spec(rule) }));
    expect(attempt('self.all(x, y == x)')).toContain(
      "compilation failed: ERROR: <input>:1:13: undeclared reference to 'y'",
    );
    expect(attempt('size(self)')).toContain('cel expression must evaluate to a bool');
    expect(attempt('self.all(x, self.all(y, self.all(z, x == y && y == z)))')).toContain(
      'estimated rule cost exceeds budget by factor of more than 100x',
    );
  });

  test('policies deny, warn, and read parameters', () => {
    ok(['create', 'namespace', 'held']);
    create(
      policy('size', {
        paramKind: { apiVersion: 'v1', kind: 'ConfigMap' },
        variables: [{ name: 'most', expression: 'int(params.data.most)' }],
        matchConditions: [{ name: 'own', expression: "object.metadata.name != 'limits'" }],
        validations: [
          {
            expression: 'size(object.data) <= variables.most',
            messageExpression: "'at most ' + string(variables.most)",
          },
        ],
      }),
    );
    create(configMap('limits', { most: '1' }));
    create(
      binding('few', {
        policyName: 'size',
        paramRef: { name: 'limits', namespace: 'default', parameterNotFoundAction: 'Deny' },
        matchResources: {
          namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'default' } },
        },
      }),
    );
    create(
      binding('warned', {
        policyName: 'size',
        validationActions: ['Warn', 'Audit'],
        paramRef: { name: 'limits', namespace: 'default', parameterNotFoundAction: 'Deny' },
        matchResources: {
          namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'held' } },
        },
      }),
    );
    create(configMap('small', { a: '1' }));
    expect(refused(['create', '-f', '-'], configMap('large', { a: '1', b: '2' }))).toContain(
      `The configmaps "large" is invalid: : ValidatingAdmissionPolicy 'size' with binding 'few' denied request: at most 1`,
    );
    expect(refused(['patch', 'configmap', 'small', '-p', '{"data":{"b":"2"}}'])).toContain(
      `ValidatingAdmissionPolicy 'size' with binding 'few' denied request: at most 1`,
    );
    const warned = ok(['create', '-n', 'held', '-f', '-'], configMap('x', { a: '1', b: '2' }));
    expect(warned).toContain(
      "Warning: Validation failed for ValidatingAdmissionPolicy 'size' with binding 'warned': at most 1",
    );
    ok(['delete', 'configmap', 'limits']);
    expect(refused(['create', '-f', '-'], configMap('other', { a: '1' }))).toContain(
      `denied request: failed to configure binding: no params found for policy binding with \`Deny\` parameterNotFoundAction`,
    );
    ok(['delete', 'validatingadmissionpolicybinding', 'few', 'warned']);
    create(configMap('large', { a: '1', b: '2' }));
    ok(['delete', 'validatingadmissionpolicy', 'size']);
  });

  test('a policy that cannot be compiled is refused', () => {
    const wrong = policy('wrong', { validations: [{ expression: 'object.x == nope' }] });
    const text = refused(['create', '-f', '-'], wrong);
    expect(text).toContain(
      'The ValidatingAdmissionPolicy "wrong" is invalid: spec.validations[0].expression: Invalid value: "object.x == nope": compilation failed: ERROR: <input>:1:13: undeclared reference to \'nope\'',
    );
  });

  test('policies ask the authorizer, and speak of the request', () => {
    create(
      policy('rights', {
        validations: [
          {
            expression:
              "authorizer.group('').resource('configmaps').namespace(request.namespace).check('delete').allowed()",
            reason: 'Forbidden',
          },
          {
            expression: "request.operation != 'CREATE' || namespaceObject.metadata.name != 'held'",
            message: 'nothing more here',
          },
        ],
      }),
    );
    create(binding('rights', { policyName: 'rights' }));
    create(configMap('allowed', {}));
    expect(refused(['create', '-n', 'held', '-f', '-'], configMap('y', {}))).toContain(
      'nothing more here',
    );
    ok(['create', 'clusterrolebinding', 'makers', '--clusterrole=maker', '--user=maker']);
    ok(['create', 'clusterrole', 'maker', '--verb=create,get', '--resource=configmaps']);
    expect(refused(['create', '--as=maker', '-f', '-'], configMap('z', {}))).toContain(
      `ValidatingAdmissionPolicy 'rights' with binding 'rights' denied request: failed expression: authorizer`,
    );
    ok(['delete', 'validatingadmissionpolicybinding', 'rights']);
  });

  test("a webhook's match conditions decide whether it is asked", () => {
    const webhook = (conditions: readonly object[]): string =>
      JSON.stringify({
        apiVersion: admission,
        kind: 'ValidatingWebhookConfiguration',
        metadata: { name: 'nobody' },
        webhooks: [
          {
            name: 'nobody.example.com',
            admissionReviewVersions: ['v1'],
            sideEffects: 'None',
            failurePolicy: 'Fail',
            timeoutSeconds: 1,
            clientConfig: { url: 'https://127.0.0.1:1/nobody' },
            rules: configMapRules.resourceRules,
            matchConditions: conditions,
          },
        ],
      });
    expect(
      refused(['create', '-f', '-'], webhook([{ name: 'a', expression: 'size(1)' }])),
    ).toContain(
      'webhooks[0].matchConditions[0].expression: Invalid value: "size(1)": compilation failed',
    );
    create(webhook([{ name: 'asked', expression: "object.metadata.name == 'asked'" }]));
    create(configMap('not-asked', {}));
    expect(refused(['create', '-f', '-'], configMap('asked', {}))).toContain(
      'failed calling webhook "nobody.example.com"',
    );
    ok(['delete', 'validatingwebhookconfiguration', 'nobody']);
  });
});
