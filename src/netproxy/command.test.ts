import { expect, test } from '@jest/globals';
import { ManualClock, systemClock } from '../lib/clock.js';
import { createRunner } from './command.js';
import { addLocalAddress, removeLocalAddress } from './local-address.js';

const run = createRunner(systemClock());

test('a program gets its input and its environment, and answers with both outputs', async () => {
  const script = 'cat; echo "$WORD" >&2; exit 3';
  expect(await run('sh', ['-c', script], { stdin: 'in\n', env: { WORD: 'w' } })).toEqual({
    code: 3,
    stdout: 'in\n',
    stderr: 'w\n',
  });
});

test('nothing of an argument is read by a shell', async () => {
  expect((await run('printf', ['%s', '$HOME; `id` "x"'])).stdout).toBe('$HOME; `id` "x"');
});

test('a program that is not there has code -1', async () => {
  const { code, stderr } = await run('trireme-no-such-program', []);
  expect({ code, said: stderr.includes('ENOENT') }).toEqual({ code: -1, said: true });
});

test('a program that does not read its input is judged by its exit code', async () => {
  expect((await run('true', [], { stdin: 'x'.repeat(1_000_000) })).code).toBe(0);
});

test('a program that takes too long is ended', async () => {
  const clock = new ManualClock();
  const answer = createRunner(clock)('sleep', ['1000'], { timeoutMs: 5000 });
  clock.advance(5000);
  expect(await answer).toMatchObject({ code: -1, stderr: 'sleep: no answer in time\n' });
});

test('a program that says too much is ended', async () => {
  const { code, stderr } = await run('head', ['-c', String(65 * 1024 * 1024), '/dev/zero']);
  expect({ code, stderr }).toEqual({ code: -1, stderr: 'head: too much output\n' });
});

test('addresses of services are on the loopback while they are served', async () => {
  const asked: string[] = [];
  const answer = { code: 0, stdout: '', stderr: '' };
  const kernel = async (program: string, args: readonly string[]): Promise<typeof answer> => {
    asked.push([program, ...args].join(' '));
    return answer;
  };
  await addLocalAddress(kernel, '10.96.0.10');
  await removeLocalAddress(kernel, '10.96.0.10');
  expect(asked).toEqual([
    'ip addr replace 10.96.0.10/32 dev lo',
    'ip addr del 10.96.0.10/32 dev lo',
  ]);
  const refused = async (): Promise<typeof answer> => ({ ...answer, code: 2, stderr: 'no' });
  await expect(addLocalAddress(refused, '10.96.0.10')).rejects.toThrow(
    'ip addr replace 10.96.0.10: no',
  );
  // What is gone already need not be taken back.
  await removeLocalAddress(refused, '10.96.0.10');
});
