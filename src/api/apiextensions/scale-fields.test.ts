import { expect, test } from '@jest/globals';
import { formatFieldError } from '../field-error.js';
import type { KubeObject } from '../object.js';
import { validateScaleFields } from './scale-fields.js';

const paths = {
  specReplicasPath: '.spec.n',
  statusReplicasPath: '.status.n',
  labelSelectorPath: '.status.selector',
};
const object = (spec: object, status: object = {}): KubeObject => {
  const fields = { spec, status };
  return { metadata: { name: 'x' }, ...fields };
};
const errorsOf = (now: KubeObject, old?: KubeObject): string[] =>
  validateScaleFields(paths, now, old).map(formatFieldError);

test.each<[KubeObject, string[]]>([
  [object({}), []],
  [object({ n: 2 ** 31 - 1 }, { n: 0, selector: 'a=b' }), []],
  [
    object({ n: 2n ** 53n + 1n }, { n: 2 ** 31 }),
    [
      '.spec.n: Invalid value: 9007199254740993: should be less than or equal to 2147483647',
      '.status.n: Invalid value: 2147483648: should be less than or equal to 2147483647',
    ],
  ],
  [
    object({ n: -(2n ** 63n) }),
    ['.spec.n: Invalid value: -9223372036854775808: should be a non-negative integer'],
  ],
  [
    object({ n: 1.5 }, { selector: 2n ** 60n }),
    [
      '.spec.n: Invalid value: 0: .spec.n accessor error: 1.5 is of the type float64, expected int64',
      '.status.selector: Invalid value: "": .status.selector accessor error: ' +
        '1152921504606846976 is of the type int64, expected string',
    ],
  ],
])('what a Scale is made of: case %#', (now, errors) => {
  expect(errorsOf(now)).toEqual(errors);
});

test('what was wrong before may stay, and not become another wrong', () => {
  const old = object({ n: -1 }, { selector: 1 });
  expect(errorsOf(object({ n: -1 }, { n: 3, selector: 1 }), old)).toEqual([]);
  expect(errorsOf(object({ n: -2 }, { selector: 1 }), old)).toHaveLength(1);
});
