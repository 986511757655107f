import { expect, test } from '@jest/globals';
import { objectName, quoted } from './names.js';

test('names are told apart by all of their parts, and fit', () => {
  const long = 'x'.repeat(63);
  const one = objectName('endpoint', long, long, 'tcp', long, '10.244.1.5.8080');
  const two = objectName('endpoint', long, long, 'tcp', long, '10.244.1.6.8080');
  expect(one).not.toBe(two);
  expect(one.length).toBeLessThanOrEqual(200);
  expect(objectName('service', 'a', 'b/c')).not.toBe(objectName('service', 'a/b', 'c'));
  expect(objectName('service', 'default', 'web', 'tcp', 'http')).toMatch(
    /^service-[\da-f]{16}-default\/web\/tcp\/http$/,
  );
});

test('what nft would not take in a name, or would take for its end, is left out', () => {
  expect(objectName('service', 'a { }\n; "ü')).toMatch(/^service-[\da-f]{16}-a_{9}$/);
  expect(quoted('a "b"\n\\c ü')).toBe('"a bc ?"');
  expect(quoted('x'.repeat(300))).toHaveLength(129);
});
