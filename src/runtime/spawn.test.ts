import { describe, expect, test } from '@jest/globals';
import { systemClock } from '../lib/clock.js';
import { createCommandRunner } from './spawn.js';

const clock = systemClock();
const widths = { control: 1, transfer: 1, guest: 1 };

describe('commands', () => {
  test('one lane does not wait for another', async () => {
    const run = createCommandRunner({ clock, widths });
    const guest = run('sleep', ['30'], { timeoutMs: 2000, lane: 'guest' });
    const transfer = run('sleep', ['30'], { timeoutMs: 2000, lane: 'transfer' });
    const control = await run('echo', ['here'], { timeoutMs: 1500 });
    expect(control).toMatchObject({ code: 0, stdout: 'here\n', timedOut: false });
    expect(await Promise.all([guest, transfer])).toMatchObject([
      { timedOut: true },
      { timedOut: true },
    ]);
  });

  test('one that leaves a child with its output ends in its time, and frees its place', async () => {
    const run = createCommandRunner({ clock, widths });
    const line = ['-c', 'sleep 30 & echo begun; wait'];
    for (const lane of ['control', 'guest'] as const) {
      const late = await run('sh', line, { timeoutMs: 300, lane });
      expect(late).toMatchObject({ stdout: 'begun\n', timedOut: true });
      const next = await run('true', [], { timeoutMs: 5000, lane });
      expect(next).toMatchObject({ code: 0, timedOut: false });
    }
  });

  test('arguments that no process can have are a result like any other', async () => {
    const run = createCommandRunner({ clock, widths });
    const result = await run('echo', ['a\0b'], { timeoutMs: 1000 });
    expect(result.code).toBe(127);
    expect(result.stderr).toContain('null bytes');
    expect(await run('/no/such/program', [], { timeoutMs: 1000 })).toMatchObject({ code: 127 });
  });
});
