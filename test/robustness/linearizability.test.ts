import { describe, expect, test } from '@jest/globals';
import { Prng } from '../../src/lib/prng.js';
import { checkLinearizable } from './linearizability.js';
import type { Model, Operation } from './linearizability.js';
import { registerModel } from './register-model.js';
import type { Input, Output } from './register-model.js';

type Step = Operation<Input, Output>;

function op(
  calledAt: number,
  returnedAt: number,
  input: Record<string, unknown>,
  output?: Partial<Output>,
): Step {
  return {
    client: 0,
    calledAt,
    returnedAt,
    input: { key: 'k', ...input } as Input,
    output: output === undefined ? undefined : { revision: 100, changed: true, ...output },
  };
}
const put = (from: number, to: number, value: string, revision: number): Step =>
  op(from, to, { kind: 'put', value }, { revision });
const lostPut = (from: number, value: string): Step => op(from, Infinity, { kind: 'put', value });
const get = (from: number, to: number, found?: [string, number, number]): Step =>
  op(
    from,
    to,
    { kind: 'get' },
    {
      changed: false,
      found:
        found === undefined
          ? undefined
          : { value: found[0], modRevision: found[1], version: found[2] },
    },
  );
const cas = (from: number, to: number, expected: number, value: string, revision: number): Step =>
  op(from, to, { kind: 'cas', expected, value }, { revision });

describe('linearizability of a register with revisions', () => {
  test.each<[string, 'valid' | 'invalid', Step[]]>([
    ['nothing', 'valid', []],
    ['a read of what was written', 'valid', [put(0, 1, 'a', 2), get(2, 3, ['a', 2, 1])]],
    ['a stale read', 'invalid', [put(0, 1, 'a', 2), put(2, 3, 'b', 3), get(4, 5, ['a', 2, 1])]],
    [
      'a concurrent read of the old',
      'valid',
      [put(0, 1, 'a', 2), put(2, 5, 'b', 3), get(3, 4, ['a', 2, 1])],
    ],
    [
      'reads that go back',
      'invalid',
      [put(0, 1, 'a', 2), put(2, 9, 'b', 3), get(3, 4, ['b', 3, 2]), get(5, 6, ['a', 2, 1])],
    ],
    ['a lost acknowledged write', 'invalid', [put(0, 1, 'a', 2), get(2, 3)]],
    ['a lost update', 'invalid', [put(0, 1, 'a', 2), cas(2, 5, 2, 'b', 3), cas(2, 5, 2, 'c', 4)]],
    [
      'one of two swaps',
      'valid',
      [
        put(0, 1, 'a', 2),
        cas(2, 5, 2, 'b', 3),
        op(
          2,
          6,
          { kind: 'cas', expected: 2, value: 'c' },
          { changed: false, revision: 3, found: { value: 'b', modRevision: 3, version: 2 } },
        ),
      ],
    ],
    [
      'a swap that failed though it matched',
      'invalid',
      [
        put(0, 1, 'a', 2),
        op(
          2,
          6,
          { kind: 'cas', expected: 2, value: 'c' },
          { changed: false, revision: 3, found: { value: 'a', modRevision: 2, version: 1 } },
        ),
      ],
    ],
    [
      'an unknown write that happened late',
      'valid',
      [put(0, 1, 'a', 2), lostPut(2, 'b'), get(3, 4, ['a', 2, 1]), get(5, 6, ['b', 3, 2])],
    ],
    [
      'an unknown write that never happened',
      'valid',
      [put(0, 1, 'a', 2), lostPut(2, 'b'), get(3, 4, ['a', 2, 1])],
    ],
    ['an unknown write seen before its call', 'invalid', [get(0, 1, ['b', 2, 1]), lostPut(2, 'b')]],
    [
      'an unknown write that happened twice',
      'invalid',
      [lostPut(0, 'b'), get(1, 2, ['b', 2, 1]), put(3, 4, 'c', 3), get(5, 6, ['b', 4, 3])],
    ],
    ['revisions against the order', 'invalid', [put(0, 1, 'a', 5), put(2, 3, 'b', 4)]],
    ['a version too high', 'invalid', [put(0, 1, 'a', 2), get(2, 3, ['a', 2, 2])]],
    [
      'a delete and a new start',
      'valid',
      [
        put(0, 1, 'a', 2),
        op(2, 3, { kind: 'delete' }, { revision: 3 }),
        get(4, 5),
        put(6, 7, 'b', 4),
        get(8, 9, ['b', 4, 1]),
      ],
    ],
    ['a delete of nothing', 'invalid', [op(2, 3, { kind: 'delete' }, { revision: 3 })]],
    [
      'a deleted value read again',
      'invalid',
      [put(0, 1, 'a', 2), op(2, 3, { kind: 'delete' }, { revision: 3 }), get(4, 5, ['a', 2, 1])],
    ],
  ])('%s: %s', (_name, verdict, history) => {
    expect(checkLinearizable(registerModel, history).verdict).toBe(verdict);
  });

  test('out of steps is unknown', () => {
    const history = [put(0, 1, 'a', 2), get(2, 3, ['a', 2, 1])];
    expect(checkLinearizable(registerModel, history, { maxSteps: 1 }).verdict).toBe('unknown');
  });

  test('names the key and the longest order', () => {
    const history = [put(0, 1, 'a', 2), get(2, 3)];
    const result = checkLinearizable(registerModel, history);
    expect(result.partition).toBe('k');
    expect(result.longest).toEqual([history[0]]);
  });
});

/** Tries every order of every subset that holds all known operations. */
function naive<State>(
  model: Model<State, Input, Output>,
  history: readonly Step[],
  state: State = model.initial,
): boolean {
  if (history.every((each) => each.returnedAt === Infinity)) return true;
  return history.some((candidate) => {
    if (history.some((other) => other.returnedAt < candidate.calledAt)) return false;
    const rest = history.filter((other) => other !== candidate);
    return model
      .step(state, candidate.input, candidate.output)
      .some((after) => naive(model, rest, after));
  });
}

function randomHistory(prng: Prng): Step[] {
  const history: Step[] = [];
  for (let count = prng.between(1, 6); count > 0; count--) {
    const from = prng.below(10);
    const to = prng.chance({ numerator: 1, denominator: 4 }) ? Infinity : from + prng.below(6);
    const value = prng.pick(['a', 'b']);
    const revision = prng.between(2, 5);
    const found = prng.chance({ numerator: 1, denominator: 3 })
      ? undefined
      : { value, modRevision: prng.between(2, revision), version: prng.between(1, 2) };
    const input = prng.pick<Record<string, unknown>>([
      { kind: 'get' },
      { kind: 'put', value },
      { kind: 'cas', value, expected: prng.pick([0, 2, 3]) },
      { kind: 'delete' },
    ]);
    const changed = input['kind'] !== 'get' && prng.chance({ numerator: 2, denominator: 3 });
    history.push(op(from, to, input, to === Infinity ? undefined : { revision, found, changed }));
  }
  return history;
}

test('agrees with trying everything, over random histories', () => {
  const prng = new Prng(20);
  const seen = { valid: 0, invalid: 0 };
  for (let round = 0; round < 8_000; round++) {
    const history = randomHistory(prng);
    const expected = naive(registerModel, history) ? 'valid' : 'invalid';
    const { verdict } = checkLinearizable(registerModel, history);
    if (verdict !== expected) {
      throw new Error(`${verdict}, not ${expected}: ${JSON.stringify(history)}`);
    }
    seen[expected] += 1;
  }
  expect(Math.min(seen.valid, seen.invalid)).toBeGreaterThan(500);
});
