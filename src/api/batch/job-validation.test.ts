import { describe, expect, test } from '@jest/globals';
import { formatFieldError } from '../field-error.js';
import { applyDefaults, decodeObject, prepareCreate, validateCreate } from '../strategy.js';
import { jobKind } from './kinds.js';

function errors(spec: object): string[] {
  const template = {
    spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'i' }] },
  };
  const metadata = { name: 'j', namespace: 'ns', uid: 'u' };
  const { object } = decodeObject(jobKind, { metadata, spec: { template, ...spec } });
  applyDefaults(jobKind, object);
  prepareCreate(jobKind, object, { now: '2026-01-01T00:00:00Z' });
  return validateCreate(jobKind, object).map(formatFieldError);
}

const spec = (...texts: string[]): string[] => texts.map((text) => `spec.${text}`);
const indexed = { completionMode: 'Indexed', completions: 3 };

test.each<[object, string[]]>([
  [{ ...indexed, backoffLimitPerIndex: 1, maxFailedIndexes: 2, managedBy: 'acme.io/jobs' }, []],
  [
    { completionMode: 'Indexed', parallelism: 1 },
    spec('completions: Required value: when completion mode is Indexed'),
  ],
  [
    { backoffLimitPerIndex: 1 },
    spec('backoffLimitPerIndex: Invalid value: 1: requires indexed completion mode'),
  ],
  [
    { ...indexed, maxFailedIndexes: 4 },
    spec(
      'backoffLimitPerIndex: Required value: when maxFailedIndexes is specified',
      'maxFailedIndexes: Invalid value: 4: must be less than or equal to completions',
    ),
  ],
  [
    { ...indexed, parallelism: 100_001 },
    spec(
      'parallelism: Invalid value: 100001: must be less than or equal to 100000 when completion mode is Indexed',
    ),
  ],
  [
    { ...indexed, completions: 100_001, parallelism: 10_001, backoffLimitPerIndex: 1 },
    spec(
      'maxFailedIndexes: Required value: must be specified when completions is above 100000',
      'parallelism: Invalid value: 10001: must be less than or equal to 10000 when completions ' +
        'are above 100000 and used with backoff limit per index',
    ),
  ],
  [
    { managedBy: 'x' },
    spec('managedBy: Invalid value: "x": must be a domain-prefixed path (such as "acme.io/foo")'),
  ],
  [
    { podFailurePolicy: { rules: [] }, podReplacementPolicy: 'TerminatingOrFailed' },
    spec(
      'podReplacementPolicy: Unsupported value: "TerminatingOrFailed": supported values: "Failed"',
    ),
  ],
  [
    { selector: { matchLabels: { a: 'b' } } },
    [
      expect.stringMatching(/^spec.selector: Invalid value: .*: `selector` not auto-generated$/),
      expect.stringMatching(
        /^spec.template.metadata.labels: .*: `selector` does not match template `labels`$/,
      ),
    ] as unknown as string[],
  ],
  [
    { selector: { matchExpressions: [{ key: 'a', operator: 'Nearly' }] } },
    spec(
      'selector.matchExpressions[0].operator: Invalid value: "Nearly": not a valid selector operator',
    ),
  ],
])('a job with %j', (given, wanted) => {
  expect(errors(given)).toEqual(wanted);
});

test('labels of the template that say of which job it is are kept, and refused where they are wrong', () => {
  const template = (labels: object): object => ({
    template: {
      metadata: { labels },
      spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'i' }] },
    },
  });
  expect(errors(template({ 'job-name': 'j', 'controller-uid': 'u', a: 'b' }))).toEqual([]);
  const wrong = { 'job-name': 'other', 'batch.kubernetes.io/controller-uid': 'x' };
  expect(errors(template(wrong)).map((text) => text.replace(/value: .*: (?=must)/, '… '))).toEqual([
    "spec.template.metadata.labels[job-name]: Invalid … must be 'j'",
    "spec.template.metadata.labels[batch.kubernetes.io/controller-uid]: Invalid … must be 'u'",
    expect.stringMatching(/^spec.template.metadata.labels: .*`selector` does not match template/),
  ]);
  expect(
    errors({ selector: { matchLabels: { 'batch.kubernetes.io/controller-uid': 'x' } } }),
  ).toEqual([
    expect.stringMatching(/^spec.selector: Invalid value: .*: `selector` not auto-generated$/),
    expect.stringMatching(/^spec.template.metadata.labels: .*`selector` does not match template/),
  ]);
});

describe('a rule for failures', () => {
  const here = 'podFailurePolicy.rules[0]';
  const codes = (more: object): object => ({
    action: 'FailJob',
    onExitCodes: { operator: 'In', values: [1], ...more },
  });
  test.each<[object, string[]]>([
    [codes({ values: [1, 2], containerName: 'c' }), []],
    [{ action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget' }] }, []],
    [
      { action: 'FailJob' },
      [': Invalid value: specifying one of OnExitCodes and OnPodConditions is required'],
    ],
    [
      { ...codes({}), onPodConditions: [{ type: 'X', status: 'Maybe' }] },
      [
        '.onPodConditions[0].status: Unsupported value: "Maybe": supported values: "False", "True", "Unknown"',
        ': Invalid value: specifying both OnExitCodes and OnPodConditions is not supported',
      ],
    ],
    [
      { ...codes({}), action: 'FailIndex' },
      ['.action: Invalid value: "FailIndex": requires the backoffLimitPerIndex to be set'],
    ],
    [
      codes({ values: [0] }),
      ['.onExitCodes.values[0]: Invalid value: 0: must not be 0 for the In operator'],
    ],
    [codes({ values: [2, 1] }), ['.onExitCodes.values: Invalid value: [2,1]: must be ordered']],
    [
      codes({ values: [] }),
      ['.onExitCodes.values: Invalid value: []: at least one value is required'],
    ],
    [
      codes({ containerName: 'd' }),
      [
        '.onExitCodes.containerName: Invalid value: "d": ' +
          'must be one of the container or initContainer names in the pod template',
      ],
    ],
  ])('%j', (rule, wanted) => {
    const found = errors({ podFailurePolicy: { rules: [rule] } });
    expect(found).toEqual(wanted.map((text) => `spec.${here}${text}`));
  });
});

describe('a rule for success', () => {
  test.each<[object, string[]]>([
    [{ succeededIndexes: '0,2', succeededCount: 2 }, []],
    [
      {},
      [': Required value: at least one of succeededCount or succeededIndexes must be specified'],
    ],
    [
      { succeededIndexes: '5' },
      [
        '.succeededIndexes: Invalid value: "5": error parsing succeededIndexes: too large index: "5"',
      ],
    ],
    [
      { succeededIndexes: '0-1', succeededCount: 4 },
      [
        '.succeededCount: Invalid value: 4: must be less than or equal to 3 (the number of specified completions)',
        '.succeededCount: Invalid value: 4: must be less than or equal to 2 ' +
          '(the number of indexes in the specified succeededIndexes field)',
      ],
    ],
  ])('%j', (rule, wanted) => {
    const found = errors({ ...indexed, successPolicy: { rules: [rule] } });
    expect(found).toEqual(wanted.map((text) => `spec.successPolicy.rules[0]${text}`));
  });

  test('is there, and for indexes', () => {
    expect(errors({ ...indexed, successPolicy: { rules: [] } })).toEqual([
      'spec.successPolicy.rules: Required value: at least one rules must be specified when the successPolicy is specified',
    ]);
    expect(errors({ successPolicy: { rules: [{ succeededCount: 1 }] } })).toEqual([
      'spec.successPolicy: Invalid value: {"rules":[{"succeededCount":1}]}: requires indexed completion mode',
    ]);
  });
});
