import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { turnEffort } from '../../../api/cel/limits.js';
import { Turns } from './turns.js';

/** The turns that the event loop has made. */
let made = 0;
let counting: NodeJS.Immediate;

beforeEach(() => {
  made = 0;
  const count = (): void => {
    made += 1;
    counting = setImmediate(count);
  };
  counting = setImmediate(count);
});

afterEach(() => clearImmediate(counting));

describe('turns of the event loop', () => {
  /** Does pieces of work, all asked for at once, and tells in which turn each was done. */
  async function turnsOf(efforts: readonly number[]): Promise<number[]> {
    const turns = new Turns();
    const done: number[] = [];
    await Promise.all(
      efforts.map(async (taken) => {
        await turns.run((effort) => (effort.left -= taken));
        done.push(made);
      }),
    );
    return done;
  }

  test('those that take little share one', async () => {
    const little = turnEffort / 5;
    expect(await turnsOf([little, little, little, little])).toEqual([0, 0, 0, 0]);
  });

  test('what is used up is there again in the next, one piece at a time', async () => {
    expect(await turnsOf([turnEffort, turnEffort, turnEffort])).toEqual([0, 1, 2]);
  });

  test('pieces add up until one has used up the rest', async () => {
    const half = turnEffort / 2;
    expect(await turnsOf([half, half, half, half, half])).toEqual([0, 0, 1, 1, 2]);
  });

  test('work that fails counts as well', async () => {
    const turns = new Turns();
    const failing = turns.run((effort) => {
      effort.left = -5;
      throw new Error('x');
    });
    const next = turns.run(() => made);
    await expect(failing).rejects.toThrow('x');
    expect(await next).toBe(1);
  });
});
