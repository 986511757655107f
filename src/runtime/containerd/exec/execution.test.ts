import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { closeSync, existsSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../../lib/clock.js';
import { createCommandRunner } from '../../spawn.js';
import type { ExecOutput } from '../../types.js';
import { RuntimeError } from '../../types.js';
import type { OciSpec } from '../oci.js';
import { collectExecution } from './collect.js';
import type { ExecRequest } from './execution.js';
import { startExecution } from './execution.js';
import { processOfCommand } from './process.js';
import type { ExecTasks } from './tasks.js';

const clock = systemClock();
const run = createCommandRunner({ clock });
const name = { containerId: 'c1', execId: 'e1' };

let dir = '';
let calls: string[] = [];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'exec-'));
  calls = [];
});

afterEach(() => rmSync(dir, { recursive: true, force: true }));

const own: OciSpec['process'] = {
  terminal: false,
  user: { uid: 1000, gid: 1000 },
  args: ['server'],
  env: ['PATH=/bin'],
  cwd: '/srv',
  capabilities: { bounding: [], effective: [], permitted: [], inheritable: [], ambient: [] },
  rlimits: [],
  noNewPrivileges: true,
};

function request(options: { stdin?: boolean; tty?: boolean } = {}): ExecRequest {
  const { stdin = false, tty = false } = options;
  const process = processOfCommand(own, { command: ['echo'], tty });
  return { name, directory: join(dir, 'e1'), process, stdin };
}

/** The command itself: what it does with its pipes once it is started, and its exit code. */
type Command = (paths: { stdin: string; stdout: string; stderr: string }) => Promise<number>;

/** A task service in which one command runs. */
function tasksOf(command: Command, changes: Partial<ExecTasks> = {}): ExecTasks {
  let paths = { stdin: '', stdout: '', stderr: '' };
  let ended: Promise<number> = Promise.resolve(0);
  const told = (call: string): Promise<void> => {
    calls.push(call);
    return Promise.resolve();
  };
  return {
    prepare: (_name, _process, pipes) => {
      paths = pipes;
      return told('prepare');
    },
    start: () => {
      ended = command(paths);
      return told('start');
    },
    wait: () => ended,
    kill: (_name, signal) => told(`kill ${signal}`),
    resize: (_name, { width, height }) => told(`resize ${width}x${height}`),
    closeStdin: () => told('closeStdin'),
    remove: () => told('remove'),
    ...changes,
  };
}

/** Writes and has gone before anybody reads, as a short command on a busy machine does. */
function prints(path: string, text: string): void {
  const fd = openSync(path, 'w');
  writeSync(fd, text);
  closeSync(fd);
}

function collector(): { readonly output: ExecOutput; readonly text: () => string } {
  let text = '';
  const take =
    (mark: string) =>
    (data: Buffer): boolean => {
      text += `${mark}${data.toString()}`;
      return true;
    };
  return { output: { stdout: take('1:'), stderr: take('2:') }, text: () => text };
}

describe('a command', () => {
  test('that has ended before anybody reads has lost nothing', async () => {
    const tasks = tasksOf(({ stdout, stderr }) => {
      prints(stdout, 'out');
      prints(stderr, 'err');
      return Promise.resolve(7);
    });
    const { output, text } = collector();
    const session = await startExecution({ tasks, run, clock }, request(), output);
    expect(await session.done).toEqual({ exitCode: 7 });
    expect(['1:out2:err', '2:err1:out']).toContain(text());
    expect(calls).toEqual(['prepare', 'start', 'remove']);
    expect(existsSync(join(dir, 'e1'))).toBe(false);
  });

  test('is removed only once its streams have ended, whatever its caller is slow to take', async () => {
    const size = 1024 * 1024;
    const tasks = tasksOf(async ({ stdout, stderr }) => {
      closeSync(openSync(stderr, 'w'));
      // More than the pipe holds: written while it is read.
      await writeFile(stdout, Buffer.alloc(size, 'x'));
      return 0;
    });
    let taken = 0;
    let takenAtRemoval = 0;
    tasks.remove = () => {
      takenAtRemoval = taken;
      return Promise.resolve();
    };
    const output: ExecOutput = {
      stdout: (data) => {
        taken += data.length;
        setImmediate(() => session.resume());
        return false;
      },
      stderr: () => true,
    };
    const session = await startExecution({ tasks, run, clock }, request(), output);
    await session.done;
    expect(taken).toBe(size);
    expect(takenAtRemoval).toBe(size);
  });

  test('gets its input to the last byte, and hears of its end', async () => {
    let read = '';
    const tasks = tasksOf(
      async ({ stdin, stdout, stderr }) => {
        const fd = openSync(stdin, 'r+');
        closeSync(openSync(stderr, 'w'));
        await closed;
        const buffer = Buffer.alloc(100);
        read = buffer.toString('utf8', 0, readSync(fd, buffer));
        closeSync(fd);
        prints(stdout, 'done');
        return 0;
      },
      { closeStdin: () => Promise.resolve(hearsOfEnd()) },
    );
    let hearsOfEnd: () => void = () => undefined;
    const closed = new Promise<void>((resolve) => {
      hearsOfEnd = resolve;
    });
    const { output, text } = collector();
    const session = await startExecution({ tasks, run, clock }, request({ stdin: true }), output);
    session.write(Buffer.from('one '));
    session.write(Buffer.from('two'));
    session.closeStdin();
    expect(await session.done).toEqual({ exitCode: 0 });
    expect(read).toBe('one two');
    expect(text()).toBe('1:done');
  });

  test('without input has no pipe for it; one on a terminal has one stream, and a size', async () => {
    let seen = {};
    const tasks = tasksOf((paths) => {
      seen = paths;
      prints(paths.stdout, 'here');
      return Promise.resolve(0);
    });
    const { output } = collector();
    const session = await startExecution({ tasks, run, clock }, request({ tty: true }), output);
    session.resize({ width: 80, height: 24 });
    await session.done;
    expect(seen).toEqual({ stdin: '', stdout: join(dir, 'e1', 'stdout'), stderr: '' });
    expect(calls).toContain('resize 80x24');
  });

  test('has one size set at a time, and the last one at the end', async () => {
    const open: (() => void)[] = [];
    const sizes: number[] = [];
    const end: { now: () => void } = { now: () => undefined };
    const tasks = tasksOf(() => new Promise((resolve) => (end.now = () => resolve(0))), {
      resize: (_name, { width }) => {
        sizes.push(width);
        return new Promise((resolve) => open.push(resolve));
      },
    });
    const { output } = collector();
    const session = await startExecution({ tasks, run, clock }, request({ tty: true }), output);
    for (let width = 1; width <= 1000; width += 1) session.resize({ width, height: 24 });
    expect(sizes).toEqual([1]);
    while (sizes.length < 2) {
      open.splice(0).forEach((answer) => answer());
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(sizes).toEqual([1, 1000]);
    open.splice(0).forEach((answer) => answer());
    end.now();
    session.close();
  });

  test('that cannot be started leaves nothing, and says why as containerd does', async () => {
    const message = 'OCI runtime exec failed: exec: "no": executable file not found in $PATH';
    const start = (): Promise<void> => Promise.reject(new RuntimeError('Failed', message));
    const tasks = tasksOf(() => Promise.resolve(0), { start });
    const started = startExecution({ tasks, run, clock }, request(), collector().output);
    await expect(started).rejects.toThrow(`failed to start exec "e1": ${message}`);
    expect(calls).toEqual(['prepare', 'kill 9', 'remove']);
    expect(existsSync(join(dir, 'e1'))).toBe(false);
  });

  test('whose caller goes is killed, and its streams are given up though something holds them', async () => {
    let end: (code: number) => void = () => undefined;
    let held = -1;
    const tasks = tasksOf(
      ({ stdout }) => {
        held = openSync(stdout, 'w');
        return new Promise((resolve) => {
          end = resolve;
        });
      },
      {
        kill: (_name, signal) => {
          calls.push(`kill ${signal}`);
          end(137);
          return Promise.resolve();
        },
      },
    );
    const session = await startExecution({ tasks, run, clock }, request(), collector().output);
    session.close();
    session.close();
    expect(await session.done).toEqual({ exitCode: 137 });
    expect(calls.filter((call) => call.startsWith('kill'))).toEqual(['kill 9']);
    closeSync(held);
  });

  test.each([
    ['containerd was away for a moment', ['Unavailable', 'DeadlineExceeded'] as const, 3],
    ['its container was removed', ['NotFound'] as const, 137],
  ])('is waited for: %s', async (_what, failures, exitCode) => {
    const left = [...failures];
    const wait = (): Promise<number> => {
      const failure = left.shift();
      return failure === undefined
        ? Promise.resolve(3)
        : Promise.reject(new RuntimeError(failure, 'no'));
    };
    const command: Command = ({ stdout, stderr }) => {
      for (const path of [stdout, stderr]) closeSync(openSync(path, 'w'));
      return Promise.resolve(0);
    };
    const tasks = tasksOf(command, { wait });
    const session = await startExecution({ tasks, run, clock }, request(), collector().output);
    expect(await session.done).toEqual({ exitCode });
  });
});

describe('a command that is collected', () => {
  test('keeps the beginning of its output', async () => {
    const tasks = tasksOf(({ stdout, stderr }) => {
      prints(stdout, 'abcdef');
      closeSync(openSync(stderr, 'w'));
      return Promise.resolve(1);
    });
    const limits = { timeoutMs: 60_000, maxBytes: 4 };
    const collected = await collectExecution({ tasks, run, clock }, request(), limits);
    expect(collected).toEqual({ exitCode: 1, output: 'abcd', timedOut: false });
  });

  test('is killed when its time is up', async () => {
    let end: (code: number) => void = () => undefined;
    const command: Command = ({ stdout, stderr }) => {
      for (const path of [stdout, stderr]) closeSync(openSync(path, 'w'));
      return new Promise((resolve) => {
        end = resolve;
      });
    };
    const kill = (): Promise<void> => Promise.resolve(end(137));
    const tasks = tasksOf(command, { kill });
    const limits = { timeoutMs: 1, maxBytes: 4 };
    const collected = await collectExecution({ tasks, run, clock }, request(), limits);
    expect(collected).toEqual({ exitCode: 137, output: '', timedOut: true });
  });

  test('that cannot be started fails, with the reason as its output', async () => {
    const start = (): Promise<void> => Promise.reject(new RuntimeError('Failed', 'no such file'));
    const tasks = tasksOf(() => Promise.resolve(0), { start });
    const limits = { timeoutMs: 60_000, maxBytes: 4 };
    const collected = await collectExecution({ tasks, run, clock }, request(), limits);
    expect(collected).toEqual({
      exitCode: 127,
      output: 'failed to start exec "e1": no such file',
      timedOut: false,
    });
  });
});

test('a command runs as its container does, and knows the kind of its terminal', () => {
  const plain = processOfCommand(own, { command: ['sh', '-c', 'a b'], tty: false });
  expect(plain).toEqual({ ...own, args: ['sh', '-c', 'a b'] });
  const onTerminal = processOfCommand(own, { command: ['sh'], tty: true });
  expect(onTerminal).toEqual({
    ...own,
    terminal: true,
    args: ['sh'],
    env: ['PATH=/bin', 'TERM=xterm'],
  });
  const chosen = processOfCommand({ ...own, env: ['TERM=vt100'] }, { command: ['sh'], tty: true });
  expect(chosen.env).toEqual(['TERM=vt100']);
});
