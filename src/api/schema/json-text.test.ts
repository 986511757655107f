import { describe, expect, test } from '@jest/globals';
import { maxProblems } from './decode.js';
import { maxDepth, parseJsonBody } from './json-text.js';

describe('JSON bodies', () => {
  test('duplicate fields are named once each, with their paths', () => {
    const text = '{"a":1,"a":2,"a":3,"l":[0,{"x\\"y":1,"x\\"y":2}],"o":{"p":{"q":1,"q":1}}}';
    expect(parseJsonBody(text, true).duplicates).toEqual([
      'duplicate field "a"',
      'duplicate field "l[1].x\\"y"',
      'duplicate field "o.p.q"',
    ]);
  });

  test('no more duplicates are named than Kubernetes names', () => {
    const keys = Array.from({ length: 1_000 }, (_, i) => `"k${i}":1,"k${i}":2`).join(',');
    expect(parseJsonBody(`{${keys}}`, true).duplicates).toHaveLength(maxProblems);
  });

  test.each([true, false])('nesting is bounded (strict: %s)', (strict) => {
    const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);
    expect(() => parseJsonBody(nested(maxDepth + 1), strict)).toThrow('exceeded max depth');
    expect(() => parseJsonBody('{"a":'.repeat(200_000), strict)).toThrow('exceeded max depth');
    // Before anybody looks whether it ends well.
    expect(() => parseJsonBody('['.repeat(maxDepth * 3), strict)).toThrow('exceeded max depth');
    expect(parseJsonBody(nested(maxDepth), strict).duplicates).toEqual([]);
    const brackets = JSON.stringify({ text: '['.repeat(10 * maxDepth) });
    expect(parseJsonBody(brackets, strict).duplicates).toEqual([]);
  });
});
