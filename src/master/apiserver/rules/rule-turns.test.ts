/** Rules in turns of the event loop and in the thread: the outcome is the same. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { customValidator } from '../../../api/apiextensions/custom-kind.js';
import { turnEffort } from '../../../api/cel/limits.js';
import { formatFieldError } from '../../../api/field-error.js';
import type { KindDeclaration } from '../../../api/kind.js';
import { builtInRegistry } from '../../../api/kinds.js';
import type { KubeObject } from '../../../api/object.js';
import { systemClock } from '../../../lib/clock.js';
import { AskedData } from '../admission/policy/activation.js';
import { Decisions } from '../admission/policy/decisions.js';
import { PolicySource } from '../admission/policy/evaluate.js';
import { Evaluations } from '../admission/policy/evaluations.js';
import type { AdmissionRequest, RequestContext } from '../registry/types.js';
import { errorsOf } from '../registry/validation.js';
import { RuleTurns } from './rule-turns.js';
import { podKind } from '../../../api/core/pod.js';

// One thread for all tests: to start is most of what it does.
let turns: RuleTurns;
beforeAll(() => {
  turns = new RuleTurns(systemClock({ unref: true }));
});
afterAll(() => turns.close());

const long = 'self.list.all(x, self.list.all(y, x + y >= 0))';
const list = (length: number): number[] => Array.from({ length }, (_, index) => index);

function schemaOf(...rules: readonly string[]): Readonly<Record<string, unknown>> {
  const properties = {
    list: { type: 'array', items: { type: 'integer' } },
    name: { type: 'string' },
  };
  const validations = rules.map((rule) => ({ rule }));
  const spec = { type: 'object', properties, 'x-kubernetes-validations': validations };
  return { type: 'object', properties: { spec } };
}

/** Validates an object of a custom kind, and tells how often it was tried on the loop. */
async function validate(
  schema: Readonly<Record<string, unknown>>,
  spec: object,
  old?: object,
): Promise<{ errors: string[]; warnings: string[]; tries: number }> {
  const object = (content: object): KubeObject =>
    ({ metadata: { name: 'a' }, spec: content }) as unknown as KubeObject;
  const kind = {
    kind: 'Widget',
    definedBy: schema,
    validate: customValidator(schema),
  } as unknown as KindDeclaration;
  const warnings: string[] = [];
  const context = { warnings, user: { name: 'u', groups: [] }, target: { kind } };
  let tries = 0;
  const [next, before] = [object(spec), old === undefined ? undefined : object(old)];
  const errors = await errorsOf(
    {
      context: context as unknown as RequestContext,
      object: next,
      old: before,
      errors: (asked, effort) => {
        tries += 1;
        return [...(asked.validate?.(next, before, warnings, effort) ?? [])];
      },
    },
    turns,
  );
  return { errors: errors.map(formatFieldError), warnings, tries };
}

describe('rules of a custom object', () => {
  test('that take little are evaluated on the loop', async () => {
    expect(await validate(schemaOf('self.name == "a"'), { name: 'b' })).toEqual({
      errors: ['spec: Invalid value: "object": failed rule: self.name == "a"'],
      warnings: [],
      tries: 1,
    });
  });

  test('that take more are evaluated in the thread, and say the same', async () => {
    const schema = schemaOf('self.name == "a"', long);
    const spec = { list: list(200), name: 'b' };
    expect(await validate(schema, spec)).toEqual({
      errors: ['spec: Invalid value: "object": failed rule: self.name == "a"'],
      warnings: [],
      tries: 2,
    });
    expect(await validate(schema, { ...spec, name: 'a' })).toMatchObject({ errors: [], tries: 2 });
    // What was there before is let pass, with one warning and not with one for each try.
    expect(await validate(schema, spec, spec)).toEqual({
      errors: [],
      warnings: ['spec: Invalid value: "object": failed rule: self.name == "a"'],
      tries: 2,
    });
  });

  test('that reach the limit of cost are refused in its words', async () => {
    const { errors } = await validate(schemaOf(long), { list: list(2_000) });
    expect(errors).toEqual([
      `spec: Invalid value: "object": 'operation cancelled: actual cost limit exceeded': no further validation rules will be run due to call cost exceeds limit for rule: ${long}`,
    ]);
  });

  test('no turn of the loop has more than its share of many of them', async () => {
    const efforts: number[] = [];
    const inTurn = turns.inTurn.bind(turns);
    turns.inTurn = (work) =>
      inTurn((effort) => {
        try {
          return work(effort);
        } finally {
          efforts.push(turnEffort - effort.left);
        }
      });
    const schema = schemaOf(...Array.from({ length: 20 }, () => long));
    await Promise.all(list(5).map(() => validate(schema, { list: list(200) })));
    turns.inTurn = inTurn;
    expect(efforts).toHaveLength(5);
    // One step beyond: it is the one that is told to stop.
    expect(Math.max(...efforts)).toBeLessThan(turnEffort + 100);
  });
});

describe('definitions', () => {
  const definitions = builtInRegistry().byResource(
    'apiextensions.k8s.io',
    'v1',
    'customresourcedefinitions',
  );

  /** A definition with so many rules, the last of which does not compile. */
  function definitionOf(count: number): KubeObject {
    const rules = Array.from({ length: count }, () => `self.name != "${'x'.repeat(90)}"`);
    const openAPIV3Schema = schemaOf(...rules, 'self.nope');
    return {
      metadata: { name: 'widgets.example.com' },
      spec: {
        group: 'example.com',
        scope: 'Namespaced',
        names: { plural: 'widgets', singular: 'widget', kind: 'Widget', listKind: 'WidgetList' },
        versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema } }],
      },
      status: { storedVersions: ['v1'] },
    } as unknown as KubeObject;
  }

  test.each([
    ['on the loop', 3, 1],
    ['in the thread', 1_000, 1],
  ])('are compiled %s', async (_, count, tries) => {
    const object = definitionOf(count);
    let tried = 0;
    const context = {
      warnings: [],
      user: { name: 'u', groups: [] },
      target: { kind: definitions },
    } as unknown as RequestContext;
    const errors = await errorsOf(
      {
        context,
        object,
        old: undefined,
        errors: (kind) => {
          tried += 1;
          return [...(kind.validate?.(object, undefined, []) ?? [])];
        },
      },
      turns,
    );
    expect(errors.map(formatFieldError)).toEqual([
      expect.stringMatching(
        new RegExp(`x-kubernetes-validations\\[${count}\\].rule: Invalid value: .*undefined field`),
      ),
    ]);
    expect(tried).toBe(tries);
  });
});

describe('policies', () => {
  function requestOf(object: object): AdmissionRequest {
    const kind = { kind: 'Widget', group: 'example.com', version: 'v1', plural: 'widgets' };
    const context = {
      user: { name: 'alice', groups: ['g'] },
      target: { kind, namespace: 'n', name: 'a', subresource: '' },
      options: { dryRun: false, fieldManager: 'm' },
    };
    return { operation: 'CREATE', context, object, old: undefined } as unknown as AdmissionRequest;
  }

  const asked: string[] = [];
  beforeEach(() => void (asked.length = 0));

  function judge(spec: object, object: object): ReturnType<Evaluations['judge']> {
    const user = { name: 'alice', groups: ['g'] };
    const decisions = new Decisions(
      {
        decide: ({ verb, resource }) => {
          asked.push(`${verb} ${resource}`);
          return Promise.resolve({ allowed: verb === 'get', reason: '' });
        },
      },
      user,
    );
    const namespace = { metadata: { name: 'n', labels: { a: 'b' } } } as unknown as KubeObject;
    const data = new AskedData(requestOf(object), {
      as: podKind,
      namespace: () => namespace,
      params: { data: { max: '3' } },
    });
    const paramKind = { apiVersion: 'v1', kind: 'ConfigMap' };
    const policy = new PolicySource({ metadata: { name: 'p' }, spec: { paramKind, ...spec } });
    return new Evaluations(decisions, 'alice', turns).judge(policy, data);
  }

  const slow = { expression: 'object.list.all(x, object.list.all(y, x + y >= 0))' };
  const expressions = [
    'request.userInfo.username == "alice" && request.namespace == "n"',
    'namespaceObject.metadata.labels.a == "b"',
    'object.list.size() <= int(params.data.max)',
    'oldObject == null',
    'authorizer.group("").resource("pods").check("get").allowed()',
    'authorizer.requestResource.check("delete").allowed()',
  ];
  const failing = [expressions[2], expressions[5]].map(
    (expression) => `failed expression: ${expression}`,
  );

  test.each([
    ['on the loop', 4],
    ['in the thread', 200],
  ])('are evaluated %s with all that they may name', async (_, length) => {
    const validations = [slow, ...expressions.map((expression) => ({ expression }))];
    const auditAnnotations = [{ key: 'k', valueExpression: 'string(object.list.size())' }];
    const verdict = await judge({ validations, auditAnnotations }, { list: list(length) });
    expect(verdict.denials.map(({ message }) => message)).toEqual(failing);
    expect(verdict.annotations).toEqual([{ key: 'k', value: String(length) }]);
    expect(verdict.isMeant).toBe(true);
    expect(asked).toEqual(['get pods', 'delete widgets']);
  });

  test('that their conditions leave out are told from those that hold', async () => {
    const matchConditions = [{ name: 'a', expression: `!(${slow.expression})` }];
    const validations = [{ expression: 'false' }];
    const verdict = await judge({ matchConditions, validations }, { list: list(200) });
    expect(verdict).toMatchObject({ denials: [], isMeant: false });
  });
});
