import { expect, test } from '@jest/globals';
import { registry } from './registry.js';
import { checkNames, isEnabled } from './start.js';

test.each([
  ['all', ['*'], true],
  ['itself', ['job-controller'], true],
  ['another one', ['cronjob-controller'], false],
  ['all but another one', ['*', '-cronjob-controller'], true],
  ['all but itself', ['*', '-job-controller'], false],
  ['all but itself, said first', ['-job-controller', '*'], false],
  ['itself and not itself', ['job-controller', '-job-controller'], false],
  ['none', [], false],
])('a controller runs when asked for: %s', (_, wanted, runs) => {
  expect(isEnabled('job-controller', wanted)).toBe(runs);
});

test('a name that no controller has is refused, with or without a minus', () => {
  expect(() => checkNames(['*', '-job-controller', ...Object.keys(registry)])).not.toThrow();
  for (const name of ['job', '-job', 'toString', '', '-', '--job-controller']) {
    const named = name.replace('-', '');
    expect(() => checkNames(['*', name])).toThrow(
      `"${named}" is not in the list of known controllers`,
    );
  }
});
