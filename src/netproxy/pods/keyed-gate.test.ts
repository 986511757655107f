import { expect, test } from '@jest/globals';
import { KeyedGate } from './keyed-gate.js';

/** Jobs that end when they are told to. */
function jobs(gate: KeyedGate) {
  const running: string[] = [];
  const ends = new Map<string, (error?: Error) => void>();
  return {
    running,
    start: (key: string, name: string): Promise<string> =>
      gate.run(key, () => {
        running.push(name);
        return new Promise((resolve, reject) => {
          ends.set(name, (error) => (error === undefined ? resolve(name) : reject(error)));
        });
      }),
    end: async (name: string, error?: Error): Promise<void> => {
      ends.get(name)?.(error);
      await new Promise((resolve) => setImmediate(resolve));
    },
    settle: () => new Promise((resolve) => setImmediate(resolve)),
  };
}

test('jobs of one key run one after the other, of several keys side by side', async () => {
  const { running, start, end, settle } = jobs(new KeyedGate(4));
  const all = [start('a', 'a1'), start('a', 'a2'), start('b', 'b1')];
  await settle();
  expect(running).toEqual(['a1', 'b1']);
  await end('a1');
  expect(running).toEqual(['a1', 'b1', 'a2']);
  await end('a2');
  await end('b1');
  expect(await Promise.all(all)).toEqual(['a1', 'a2', 'b1']);
});

test('no more run at once than may', async () => {
  const { running, start, end, settle } = jobs(new KeyedGate(2));
  const all = ['a', 'b', 'c'].map((key) => start(key, key));
  await settle();
  expect(running).toEqual(['a', 'b']);
  await end('b');
  expect(running).toEqual(['a', 'b', 'c']);
  await end('a');
  await end('c');
  await Promise.all(all);
});

test('a job that fails holds up nobody', async () => {
  const { running, start, end, settle } = jobs(new KeyedGate(1));
  const failed = start('a', 'a1');
  const next = start('a', 'a2');
  failed.catch(() => undefined);
  await settle();
  await end('a1', new Error('no'));
  await expect(failed).rejects.toThrow('no');
  expect(running).toEqual(['a1', 'a2']);
  await end('a2');
  expect(await next).toBe('a2');
});
