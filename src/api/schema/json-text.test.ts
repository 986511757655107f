import { describe, expect, test } from '@jest/globals';
import { maxProblems } from './decode.js';
import { inTextOrder, maxDepth, parseJsonBody } from './json-text.js';

describe('JSON bodies', () => {
  test('duplicate fields are named once each, with their paths', () => {
    const text = '{"a":1,"a":2,"a":3,"l":[0,{"x\\"y":1,"x\\"y":2}],"o":{"p":{"q":1,"q":1}}}';
    expect(parseJsonBody(text, true).duplicates).toEqual([
      'duplicate field "a"',
      'duplicate field "l[1].x\\"y"',
      'duplicate field "o.p.q"',
    ]);
  });

  test('duplicate and unknown fields come in the order of the text; unknown ones are not counted', () => {
    // test/integration/apiserver/field_validation_test.go of Kubernetes, for typed resources.
    const text =
      '{"spec":{"one":1,"two":{"x":1,"x":2},"two":2,"paused":true,"paused":false,"list":[{"more":1,"a":1,"a":2}]}}';
    const unknown = ['spec.one', 'spec.two', 'spec.list[0].more'].map(
      (path) => `unknown field "${path}"`,
    );
    expect(inTextOrder(text, parseJsonBody(text, true).duplicates, unknown)).toEqual([
      'unknown field "spec.one"',
      'unknown field "spec.two"',
      'duplicate field "spec.paused"',
      'unknown field "spec.list[0].more"',
      'duplicate field "spec.list[0].a"',
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
