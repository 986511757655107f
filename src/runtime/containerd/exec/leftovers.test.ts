import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomUUID } from 'node:crypto';
import { ManualClock } from '../../../lib/clock.js';
import { RuntimeError } from '../../types.js';
import { killLeftExecutions } from './leftovers.js';
import type { ExecName, ExecTasks } from './tasks.js';

let directory = '';
let calls: string[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'leftovers-'));
  calls = [];
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

function tasksOf(changes: Partial<ExecTasks> = {}): ExecTasks {
  const note =
    (call: string) =>
    ({ containerId, execId }: ExecName): Promise<void> => {
      calls.push(`${call} ${containerId}/${execId}`);
      return Promise.resolve();
    };
  return {
    prepare: note('prepare'),
    start: note('start'),
    wait: async (name) => {
      await note('wait')(name);
      return 137;
    },
    kill: note('kill'),
    resize: note('resize'),
    closeStdin: note('closeStdin'),
    remove: note('remove'),
    ...changes,
  };
}

function leave(...names: string[]): void {
  for (const name of names) {
    mkdirSync(join(directory, name));
    writeFileSync(join(directory, name, 'stdout'), '');
  }
}

test('commands of an earlier agent are killed, and removed once they have ended', async () => {
  const execId = `exec-${randomUUID()}`;
  leave(execId);
  const clock = new ManualClock();
  await killLeftExecutions({ tasks: tasksOf(), clock }, { id: 'c1', directory });
  expect(calls).toEqual([`kill c1/${execId}`, `wait c1/${execId}`, `remove c1/${execId}`]);
  expect(readdirSync(directory)).toEqual([]);
});

test('one that containerd does not know, or that never started, is not waited for', async () => {
  const execId = `probe-${randomUUID()}`;
  leave(execId);
  const kill = (): Promise<void> => Promise.reject(new RuntimeError('NotFound', 'not found'));
  const clock = new ManualClock();
  await killLeftExecutions({ tasks: tasksOf({ kill }), clock }, { id: 'c1', directory });
  expect(calls).toEqual([`remove c1/${execId}`]);
  expect(readdirSync(directory)).toEqual([]);
});

test('one that does not end is given up after a while', async () => {
  leave(`exec-${randomUUID()}`);
  const clock = new ManualClock();
  let isWaiting: () => void = () => undefined;
  const waiting = new Promise<void>((resolve) => {
    isWaiting = resolve;
  });
  const wait = (): Promise<number> => {
    isWaiting();
    return new Promise(() => undefined);
  };
  const killed = killLeftExecutions({ tasks: tasksOf({ wait }), clock }, { id: 'c1', directory });
  await waiting;
  clock.advance(5000);
  await killed;
  expect(calls.at(-1)).toMatch(/^remove /);
  expect(readdirSync(directory)).toEqual([]);
});

test('whatever else is in the directory stays', async () => {
  leave('rootfs', 'exec-', 'exec-mine', `exec-${randomUUID()}x`);
  const clock = new ManualClock();
  await killLeftExecutions({ tasks: tasksOf(), clock }, { id: 'c1', directory });
  await killLeftExecutions({ tasks: tasksOf(), clock }, { id: 'c2', directory: '/nowhere' });
  expect(calls).toEqual([]);
  expect(readdirSync(directory)).toHaveLength(4);
});
