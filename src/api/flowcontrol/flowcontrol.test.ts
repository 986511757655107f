import { expect, test } from '@jest/globals';
import { formatFieldError } from '../field-error.js';
import type { KindDeclaration } from '../kind.js';
import { applyDefaults, decodeObject, prepareCreate, validateCreate } from '../strategy.js';
import { flowSchemaKind, priorityLevelKind } from './kinds.js';
import { mandatoryFlowSchemas, mandatoryLevels } from './mandatory.js';

function errorsOf(kind: KindDeclaration, name: string, spec: object): string[] {
  const apiVersion = `${kind.group}/${kind.version}`;
  const value = { kind: kind.kind, apiVersion, metadata: { name }, spec };
  const { object } = decodeObject(kind, value);
  applyDefaults(kind, object);
  prepareCreate(kind, object, { now: '2024-01-02T03:04:05Z' });
  return validateCreate(kind, object).map(formatFieldError);
}

const level = { priorityLevelConfiguration: { name: 'l' } };
const rule = {
  subjects: [{ kind: 'User', user: { name: 'jane' } }],
  resourceRules: [{ verbs: ['get'], apiGroups: [''], resources: ['pods'], clusterScope: true }],
};

test.each<[string, object, string[]]>([
  ['whole', { ...level, rules: [rule] }, []],
  [
    'empty',
    {},
    ['spec.priorityLevelConfiguration.name: Required value: must reference a priority level'],
  ],
  [
    'the precedence of the exempt one',
    { ...level, matchingPrecedence: 1 },
    [
      "spec.matchingPrecedence: Invalid value: 1: only the schema named 'exempt' may have matchingPrecedence 1",
    ],
  ],
  [
    'a high precedence',
    { ...level, matchingPrecedence: 10_001 },
    ['spec.matchingPrecedence: Invalid value: 10001: must not be greater than 10000'],
  ],
  [
    'a subject of two kinds',
    {
      ...level,
      rules: [{ ...rule, subjects: [{ kind: 'User', user: { name: 'a' }, group: { name: 'b' } }] }],
    },
    [
      "spec.rules[0].subjects[0].group: Forbidden: group is forbidden when subject kind is not 'Group'",
    ],
  ],
  [
    'all and some',
    {
      ...level,
      rules: [
        {
          subjects: rule.subjects,
          nonResourceRules: [{ verbs: ['*', 'get'], nonResourceURLs: ['/a*b'] }],
        },
      ],
    },
    [
      'spec.rules[0].nonResourceRules[0].verbs: Invalid value: []string{"*", "get"}: if \'*\' is present, must not specify other verbs',
      'spec.rules[0].nonResourceRules[0].nonResourceURLs[0]: Invalid value: "/a*b": wildcard can only do suffix matching',
    ],
  ],
])('a FlowSchema: %s', (_, spec, expected) => {
  expect(errorsOf(flowSchemaKind, 'a', spec)).toEqual(expected);
});

const queuing = { queues: 64, handSize: 6, queueLengthLimit: 50 };
const limited = (queues: object): object => ({
  type: 'Limited',
  limited: { limitResponse: { type: 'Queue', queuing: { ...queuing, ...queues } } },
});
const path = 'spec.limited.limitResponse.queuing';

test.each<[string, object, string[]]>([
  ['whole', limited({}), []],
  [
    'a hand of more queues than there are',
    limited({ handSize: 65 }),
    [`${path}.handSize: Invalid value: 65: should not be greater than queues (64)`],
  ],
  [
    'a hand that takes too many bits',
    limited({ handSize: 12 }),
    [
      `${path}.handSize: Invalid value: 12: required entropy bits of deckSize 64 and handSize 12 should not be greater than 60`,
    ],
  ],
  [
    'no queues where some are asked for',
    { type: 'Limited', limited: { limitResponse: { type: 'Queue' } } },
    [`${path}: Required value: must not be empty if limited.limitResponse.type is Limited`],
  ],
  [
    'exempt under another name',
    { type: 'Exempt' },
    ["spec.type: Invalid value: \"Exempt\": type must be 'Exempt' if and only if name is 'exempt'"],
  ],
  [
    'a percentage of more than all',
    { type: 'Limited', limited: { lendablePercent: 101, limitResponse: { type: 'Reject' } } },
    ['spec.limited.lendablePercent: Invalid value: 101: must be between 0 and 100, inclusive'],
  ],
])('a level: %s', (_, spec, expected) => {
  expect(errorsOf(priorityLevelKind, 'a', spec)).toEqual(expected);
});

test('those that every server needs are good, and stay as they are but for what the exempt one lends', () => {
  for (const { metadata, spec } of mandatoryFlowSchemas) {
    expect(errorsOf(flowSchemaKind, metadata.name, spec)).toEqual([]);
  }
  for (const { metadata, spec } of mandatoryLevels) {
    expect(errorsOf(priorityLevelKind, metadata.name, spec)).toEqual([]);
  }
  const lends = { type: 'Exempt', exempt: { nominalConcurrencyShares: 7, lendablePercent: 50 } };
  expect(errorsOf(priorityLevelKind, 'exempt', lends)).toEqual([]);
  const [error = ''] = errorsOf(flowSchemaKind, 'catch-all', { ...level, rules: [rule] });
  expect(error).toMatch(
    /^spec: Invalid value: .*: spec of 'catch-all' must equal the fixed value$/,
  );
});
