import { expect, test } from '@jest/globals';
import { formatFieldError } from '../field-error.js';
import { conditionErrors, conditionTypeErrors } from './status-conditions.js';

const good = {
  type: 'Ready',
  status: 'True',
  reason: 'Seen',
  message: '',
  lastTransitionTime: '2024-01-01T00:00:00Z',
};
const here = 'status.conditions[0]';

test.each<[string, object, string[]]>([
  ['whole', {}, []],
  [
    'another status',
    { status: 'A' },
    [`${here}.status: Unsupported value: "A": supported values: "False", "True", "Unknown"`],
  ],
  ['no reason', { reason: '' }, [`${here}.reason: Required value: must be set`]],
  [
    'no time',
    { lastTransitionTime: undefined },
    [`${here}.lastTransitionTime: Required value: must be set`],
  ],
  [
    'a generation below zero',
    { observedGeneration: -1 },
    [`${here}.observedGeneration: Invalid value: -1: must be greater than or equal to zero`],
  ],
  [
    'a long reason',
    { reason: 'x'.repeat(1025) },
    [`${here}.reason: Too long: may not be more than 1024 bytes`],
  ],
  [
    'a long message',
    { message: 'x'.repeat(32_769) },
    [`${here}.message: Too long: may not be more than 32768 bytes`],
  ],
])('a condition: %s', (_, changed, expected) => {
  expect(conditionErrors([{ ...good, ...changed }]).map(formatFieldError)).toEqual(expected);
});

test('types and reasons have a form', () => {
  const [type, reason] = conditionErrors([{ ...good, type: 'a b', reason: '-a' }]).map(
    formatFieldError,
  );
  expect(type).toMatch(
    /^status.conditions\[0\].type: Invalid value: "a b": name part must consist of/,
  );
  expect(reason).toMatch(
    /^status.conditions\[0\].reason: Invalid value: "-a": a condition reason must start/,
  );
});

test('no type is there twice, nor empty', () => {
  const twice = 'status.conditions[1].type: Duplicate value: "Ready"';
  expect(conditionErrors([good, good]).map(formatFieldError)).toEqual([twice]);
  expect(conditionTypeErrors([good, good]).map(formatFieldError)).toEqual([twice]);
  expect(conditionTypeErrors([{}]).map(formatFieldError)).toEqual([
    `${here}.type: Required value: must not be empty`,
  ]);
});
