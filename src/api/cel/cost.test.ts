/** Costs, at run time and estimated, and that a rule is stopped at its limit. */
import { describe, expect, test } from '@jest/globals';
import { compile, Program } from './environment.js';
import type { DeclType } from './kube/decl-type.js';
import { declType, sizeAt } from './kube/decl-type.js';
import { typedValue } from './kube/data.js';

const schema = {
  type: 'object',
  properties: {
    a: { type: 'integer' },
    s: { type: 'string', maxLength: 10 },
    t: { type: 'string' },
    list: { type: 'array', maxItems: 5, items: { type: 'string', maxLength: 10 } },
    open: { type: 'array', items: { type: 'integer' } },
  },
};

const decl = declType(schema, false, 'self') as DeclType;
const variables = new Map([['self', decl.type]]);

function program(source: string): Program {
  const made = compile(source, { variables });
  if (!(made instanceof Program)) throw new Error(made.text);
  return made;
}

function runtime(source: string, data: object): number {
  return program(source).run(() => typedValue(data, schema), 1_000_000).cost;
}

describe('cost at run time', () => {
  test.each([
    ['self.a == 1', 3],
    ['has(self.a)', 1],
    ['self.a == 1 && self.a == 1', 6],
    ['self.s == "0123456789"', 3],
    ['self.list.all(x, x == "a")', 2 + 1 + 2 * (2 + 1 + 1 + 1)],
    ['[1, 2]', 10],
    ['self.s.startsWith("01234567890123456789")', 3],
    ['self.s.contains("0123456789")', 3],
  ])('%s costs %d', (source, cost) => {
    const data = { a: 1, s: '0123456789', list: ['a', 'a'] };
    expect(runtime(source, data)).toBe(cost);
  });

  test('a rule stops at its limit, and nothing absorbs that', () => {
    const items = Array.from({ length: 3_000 }, (_, index) => index);
    const outcome = program('self.open.all(x, self.open.all(y, x != y + 9999)) || true').run(
      () => typedValue({ open: items }, schema),
      1_000_000,
    );
    expect(outcome.error?.message).toBe('operation cancelled: actual cost limit exceeded');
  });

  test('deep comparisons, which cost next to nothing, are stopped as well', () => {
    const deep = { type: 'array', items: { type: 'array', items: { type: 'integer' } } };
    const type = declType(deep, false, 'self') as DeclType;
    const rule = compile('self.all(x, self.all(y, x == y))', {
      variables: new Map([['self', type.type]]),
    });
    const row = Array.from({ length: 30_000 }, (_, index) => index);
    const data = Array.from({ length: 40 }, () => row);
    const outcome = (rule as Program).run(() => typedValue(data, deep), 1_000_000);
    expect(outcome.error?.message).toBe('operation cancelled: actual cost limit exceeded');
  });

  test.each([
    '"aaaaaaaaaa".replace("", "aaaaaaaaaaaaaaaaaaaaaaaaaa").replace("", self.t).replace("", self.t)',
    'self.open.map(x, self.t).join("")',
    'self.open.map(x, self.t).map(y, y + y).join("")',
    'self.t.matches("((a{1,30}){1,30})+b")',
    '"%s%s%s".format([self.open.map(x, self.t), self.open.map(x, self.t), self.open.map(x, self.t)])',
  ])('%s cannot make a text without bounds', (source) => {
    const data = { open: Array.from({ length: 5_000 }, () => 1), t: 'a'.repeat(200_000) };
    const outcome = program(source).run(() => typedValue(data, schema), 1_000_000);
    expect(outcome.error).toBeDefined();
  });
});

describe('estimated cost', () => {
  test.each([
    ['self.a == 1', 2],
    ['self.s == "0123456789"', 3],
    ['self.list.all(x, x == "0123456789")', 2 + 5 * (2 + 1 + 1 + 1) + 1],
    ['self.s.startsWith("a")', 3],
    ['self.s.matches("[a-z]+")', 2 + 5 * 2],
    ['type(self.a) == int', 4],
  ])('%s costs at most %d', (source, cost) => {
    expect(program(source).estimate((path) => sizeAt(decl, path))).toBe(cost);
  });

  test('a list without maxItems costs as much as a request can hold', () => {
    const cost = program('self.open.all(x, x > 0)').estimate((path) => sizeAt(decl, path));
    expect(cost).toBeGreaterThan(1_500_000 * 4);
  });
});
