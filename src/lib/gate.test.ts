import { expect, test } from '@jest/globals';
import { SharedGate } from './gate.js';

test('one owner leaves places to others, and gets its next when one of its own is free', async () => {
  const gate = new SharedGate(4, 2);
  const begun: string[] = [];
  const ends = new Map<string, () => void>();
  const start = (owner: string, name: string): Promise<void> =>
    gate.run(owner, () => {
      begun.push(name);
      return new Promise((resolve) => ends.set(name, resolve));
    });
  const greedy = ['a1', 'a2', 'a3', 'a4', 'a5'].map((name) => start('a', name));
  const others = [start('b', 'b1'), start('c', 'c1'), start('d', 'd1')];
  await Promise.resolve();
  expect(begun).toEqual(['a1', 'a2', 'b1', 'c1']);
  ends.get('b1')!();
  await others[0];
  expect(begun).toEqual(['a1', 'a2', 'b1', 'c1', 'd1']);
  ends.get('a1')!();
  await greedy[0];
  expect(begun.at(-1)).toBe('a3');
});
