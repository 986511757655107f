/** Each rule of apimachinery's ValidateListOptions and of apiserver's storage, with its text. */
import { expect, test } from '@jest/globals';
import { checkListOptions, checkWatchOptions, parseVersion } from './list-options.js';

type Options = Parameters<typeof checkListOptions>[0];

const none: Options = { resourceVersion: '', resourceVersionMatch: '', continue: '' };
const match = 'resourceVersionMatch';
const alone = 'resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden';
const badVersion = (text: string, fault = 'invalid syntax'): string =>
  `resourceVersion: Invalid value: "${text}": strconv.ParseUint: parsing "${text}": ${fault}`;

/** The answer to options: its code and its text, without what all refusals begin with. */
function answer(check: (options: Options) => void, options: Partial<Options>): string {
  try {
    check({ ...none, ...options });
    return 'ok';
  } catch (error) {
    const { code, message } = error as { code: number; message: string };
    return `${code} ${message.replace('ListOptions.meta.k8s.io "" is invalid: ', '')}`;
  }
}

test.each<[Partial<Options>, string]>([
  [{}, 'ok'],
  [{ resourceVersion: '0' }, 'ok'],
  [{ resourceVersion: '7', [match]: 'Exact' }, 'ok'],
  [{ resourceVersion: '0', [match]: 'NotOlderThan' }, 'ok'],
  [{ [match]: 'Exact' }, `422 ${alone} unless resourceVersion is provided`],
  [
    { resourceVersion: '0', [match]: 'Exact' },
    `422 ${alone.replace('is forbidden', '"exact" is forbidden')} for resourceVersion "0"`,
  ],
  [
    { resourceVersion: '7', [match]: 'Exact', continue: 'x' },
    `422 ${alone} when continue is provided`,
  ],
  [
    { resourceVersion: '7', [match]: 'exact' },
    '422 resourceVersionMatch: Unsupported value: "exact": supported values: "Exact", "NotOlderThan", ""',
  ],
  [
    { [match]: 'x', continue: 'x' },
    `422 [${alone} unless resourceVersion is provided, ${alone} when continue is provided, ` +
      'resourceVersionMatch: Unsupported value: "x": supported values: "Exact", "NotOlderThan", ""]',
  ],
  [
    { sendInitialEvents: false },
    '422 sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list',
  ],
  [{ resourceVersion: 'x' }, `400 invalid resource version: ${badVersion('x')}`],
  [{ resourceVersion: '-1' }, `400 invalid resource version: ${badVersion('-1')}`],
  // The token is told of first, where it is read.
  [{ resourceVersion: 'x', continue: 'x' }, 'ok'],
])('a list with %j: %s', (options, expected) => {
  expect(answer(checkListOptions, options)).toBe(expected);
});

const needsMatch =
  'resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan';

test.each<[Partial<Options>, string]>([
  [{}, 'ok'],
  [{ sendInitialEvents: true, [match]: 'NotOlderThan' }, 'ok'],
  [{ sendInitialEvents: false, [match]: 'NotOlderThan', resourceVersion: '7' }, 'ok'],
  [{ continue: 'x' }, 'ok'],
  [{ sendInitialEvents: true }, `422 ${needsMatch}`],
  [
    { sendInitialEvents: true, [match]: 'Exact' },
    `422 [${needsMatch}, resourceVersionMatch: Unsupported value: "Exact": supported values: "NotOlderThan"]`,
  ],
  [{ [match]: 'NotOlderThan' }, `422 ${alone} for watch unless sendInitialEvents is provided`],
  [
    { sendInitialEvents: true, [match]: 'NotOlderThan', continue: 'x' },
    `422 ${alone} when continue is provided`,
  ],
  [{ resourceVersion: 'x' }, `400 ${badVersion('x')}`],
])('a watch with %j: %s', (options, expected) => {
  expect(answer(checkWatchOptions, options)).toBe(expected);
});

test('a revision of more than 64 bits is out of range', () => {
  expect(parseVersion('18446744073709551615')).toBe(Number.MAX_SAFE_INTEGER);
  const large = '18446744073709551616';
  expect(() => parseVersion(large)).toThrow(badVersion(large, 'value out of range'));
});
