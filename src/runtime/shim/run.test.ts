/** The shim as parent of a command: its exit code, its streams, and who is attached. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { attachToConsole } from '../console-session.js';
import type { ShimProcess } from '../testkit/shim-process.js';
import { runWords, startShim, until } from '../testkit/shim-process.js';
import type { ExecSession } from '../types.js';

let dir = '';
let shim: ShimProcess | undefined;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'trireme-shim-'));
});
afterEach(() => {
  shim?.child.kill('SIGKILL');
  rmSync(dir, { recursive: true, force: true });
});

function run(
  command: readonly string[],
  settings: Readonly<Record<string, string>> = {},
): ShimProcess {
  shim = startShim(dir, runWords(command, settings));
  return shim;
}

const fileText = (name: string): string => {
  const path = join(dir, name);
  return existsSync(path) ? readFileSync(path, 'latin1') : '';
};

/** An attached client, and the output that it has received. */
interface Attached {
  readonly session: ExecSession;
  stdout: string;
  stderr: string;
}

async function attach(stdin = true): Promise<Attached> {
  // Told after it listens; the socket's file is there a moment before that.
  await until('it listens', () => fileText('pid') !== '');
  const heard = { stdout: '', stderr: '' };
  const session = await attachToConsole(
    dir,
    { stdin },
    {
      stdout: (data) => {
        heard.stdout += data.toString('latin1');
        return true;
      },
      stderr: (data) => {
        heard.stderr += data.toString('latin1');
        return true;
      },
    },
  );
  return Object.assign(heard, { session });
}

describe('how a command ended', () => {
  test.each([
    ['its exit code', ['sh', '-c', 'exit 7'], '7\n'],
    ['success', ['true'], '0\n'],
    ['128 + n for signal n', ['sh', '-c', 'kill -TERM $$'], '143\n'],
    ['a signal that cannot be caught', ['sh', '-c', 'kill -KILL $$'], '137\n'],
    ['127 where there is no such program', ['no-such-program'], '127\n'],
    ['126 for what cannot be run', ['/'], '126\n'],
  ])('%s', async (_, command, code) => {
    expect(await run(command).ended).toBe(0);
    expect(fileText('exit')).toBe(code);
  });

  test('why it could not be run is in its log', async () => {
    const { log, ended } = run(['no-such-program']);
    await ended;
    expect(log()).toEqual(['stderr F exec: "no-such-program": No such file or directory']);
  });

  test('128 when its directory cannot be entered', async () => {
    const { log, ended } = run(['true'], { cwd: '/nowhere' });
    await ended;
    expect(fileText('exit')).toBe('128\n');
    expect(log()).toEqual(['stderr F cannot enter /nowhere: No such file or directory']);
  });
});

describe('a command', () => {
  test('leads a session of its own; its pid is known as soon as signals reach its group', async () => {
    run(['sh', '-c', 'trap "echo got it; exit 3" TERM; echo ready; while :; do sleep 0.05; done']);
    await until('it runs', () => shim?.log().length === 1);
    process.kill(-Number(fileText('pid')), 'SIGTERM');
    expect(await shim?.ended).toBe(0);
    expect(shim?.log()).toContain('stdout F got it');
    expect(fileText('exit')).toBe('3\n');
  });

  test('has its directory, both streams in its log, and nothing to read', async () => {
    const { ended, log } = run(['sh', '-c', 'pwd; cat; echo done >&2'], { cwd: dir });
    await ended;
    expect(log().sort()).toEqual(['stderr F done', `stdout F ${dir}`]);
  });

  test('has none of the descriptors that the shim was given or made', async () => {
    const words = runWords(['sh', '-c', 'ls /proc/$$/fd'], { stdin: '1', sock: 's' });
    shim = startShim(dir, words, ['pipe', 'pipe', 'pipe', 'pipe', 'pipe']);
    await shim.ended;
    const numbers = shim.log().map((line) => Number(line.split(' ')[2]));
    // Higher ones are those of whoever runs the test.
    expect(numbers.filter((number) => number <= 60)).toEqual([0, 1, 2]);
  });

  test('outlives signals to the shim', async () => {
    run(['sh', '-c', 'until [ -e go ]; do sleep 0.02; done; exit 5'], { cwd: dir });
    await until('it runs', () => fileText('pid') !== '');
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) shim?.child.kill(signal);
    writeFileSync(join(dir, 'go'), '');
    expect(await shim?.ended).toBe(0);
    expect(fileText('exit')).toBe('5\n');
  });

  test('that leaves processes with its output behind is over all the same, and they go with it', async () => {
    const { ended } = run(['sh', '-c', 'sleep 1000 & echo $! > left; exit 4'], { cwd: dir });
    expect(await ended).toBe(0);
    expect(fileText('exit')).toBe('4\n');
    const stat = `/proc/${fileText('left').trim()}/stat`;
    await until('it is gone', () => !existsSync(stat) || / Z /.test(readFileSync(stat, 'utf8')));
  });
});

describe('attached clients', () => {
  test('type, see both streams, and hear the exit code; so does the log', async () => {
    run(['sh', '-c', 'read a; echo "out $a"; echo "err $a" >&2; exit 9'], {
      stdin: '1',
      sock: 's',
    });
    const typist = await attach();
    const watcher = await attach(false);
    typist.session.write(Buffer.from('hello\n'));
    expect(await typist.session.done).toEqual({ exitCode: 9 });
    expect(await watcher.session.done).toEqual({ exitCode: 9 });
    for (const { stdout, stderr } of [typist, watcher]) {
      expect([stdout, stderr]).toEqual(['out hello\n', 'err hello\n']);
    }
    expect(shim?.log().sort()).toEqual(['stderr F err hello', 'stdout F out hello']);
    await shim?.ended;
    expect(existsSync(join(dir, 's'))).toBe(false);
  });

  test('come and go: the command goes on without them', async () => {
    run(['sh', '-c', 'while read a; do echo "got $a"; [ "$a" = end ] && exit 6; done'], {
      stdin: '1',
      sock: 's',
    });
    const first = await attach();
    first.session.write(Buffer.from('one\n'));
    await until('the answer is there', () => first.stdout === 'got one\n');
    first.session.close();
    const second = await attach();
    second.session.write(Buffer.from('end\n'));
    expect(await second.session.done).toEqual({ exitCode: 6 });
    expect(shim?.log()).toEqual(['stdout F got one', 'stdout F got end']);
  });

  test('end standard input with stdinOnce: by saying so', async () => {
    run(['sh', '-c', 'cat; echo end'], { stdin: '1', once: '1', sock: 's' });
    const { session } = await attach();
    session.write(Buffer.from('text\n'));
    session.closeStdin();
    expect(await session.done).toEqual({ exitCode: 0 });
    expect(shim?.log()).toEqual(['stdout F text', 'stdout F end']);
  });

  test('end standard input with stdinOnce: by going without a word', async () => {
    run(['sh', '-c', 'cat; echo end'], { stdin: '1', once: '1', sock: 's' });
    const watcher = await attach(false);
    const typist = await attach();
    typist.session.close();
    expect(await watcher.session.done).toEqual({ exitCode: 0 });
    expect(watcher.stdout).toBe('end\n');
  });

  test('that only watch end nothing when they go', async () => {
    run(['sh', '-c', 'read a; echo "got $a"'], { stdin: '1', once: '1', sock: 's' });
    const watcher = await attach(false);
    watcher.session.close();
    const typist = await attach();
    typist.session.write(Buffer.from('line\n'));
    await typist.session.done;
    expect(typist.stdout).toBe('got line\n');
  });

  test('do not end standard input without stdinOnce: it never has an end', async () => {
    run(['sh', '-c', 'while read a; do echo "got $a"; done; echo end'], { stdin: '1', sock: 's' });
    const first = await attach();
    first.session.write(Buffer.from('one\n'));
    first.session.closeStdin();
    // test/e2e/kubectl/kubectl.go, `run --attach --leave-stdin-open`: who has said all is let go.
    expect(await first.session.done).toEqual({ exitCode: 0 });
    await until('the answer is there', () => shim?.log().length === 1);
    const second = await attach();
    second.session.write(Buffer.from('two\n'));
    await until('the answer is there', () => second.stdout === 'got two\n');
    expect(shim?.log()).toEqual(['stdout F got one', 'stdout F got two']);
  });

  test('that do not read are let go, and hold up neither command nor log', async () => {
    run(['sh', '-c', 'read a; head -c 9000000 /dev/zero; echo; echo end'], {
      stdin: '1',
      sock: 's',
      max: '0',
    });
    await until('it listens', () => fileText('pid') !== '');
    const quiet = { stdout: () => false, stderr: () => false };
    const session = await attachToConsole(dir, { stdin: true }, quiet);
    session.write(Buffer.from('go\n'));
    expect(await shim?.ended).toBe(0);
    expect(shim?.log().at(-1)).toBe('stdout F end');
    session.close();
  });
});

describe('a command on a terminal', () => {
  const terminal = { stdin: '1', tty: '1', sock: 's' };

  test('has one, of the size that is told; what is typed ends with its client where stdinOnce says so', async () => {
    run(['sh', '-c', 'read a; tty; stty size; cat > typed; echo end'], {
      ...terminal,
      once: '1',
      cwd: dir,
    });
    const { session } = await attach();
    session.resize({ width: 123, height: 45 });
    session.write(Buffer.from('go\n'));
    session.write(Buffer.from('text\n'));
    session.closeStdin();
    expect(await session.done).toEqual({ exitCode: 0 });
    const text = (shim?.log() ?? []).join('\n');
    // The terminal echoes what is typed, at any time.
    expect(text).toMatch(/stdout F \/dev\/pts\/\d+\r/);
    expect(text).toMatch(/stdout F 45 123\r/);
    expect(text).toMatch(/end\r$/);
    expect(fileText('typed')).toBe('text\n');
  });

  test('hears that the size has changed', async () => {
    run(
      ['sh', '-c', 'trap "stty size; exit 2" WINCH; echo ready; while :; do sleep 0.05; done'],
      terminal,
    );
    const attached = await attach();
    await until('it runs', () => shim?.log().length === 1);
    attached.session.resize({ width: 80, height: 24 });
    expect(await attached.session.done).toEqual({ exitCode: 2 });
    expect(shim?.log()).toEqual(['stdout F ready\r', 'stdout F 24 80\r']);
  });

  test('is in the terminal’s foreground: an interrupt that is typed reaches it', async () => {
    run(['sh', '-c', 'trap "exit 8" INT; echo ready; while :; do sleep 0.05; done'], terminal);
    const { session } = await attach();
    await until('it runs', () => shim?.log().length === 1);
    session.write(Buffer.from('\x03'));
    expect(await session.done).toEqual({ exitCode: 8 });
  });
});
