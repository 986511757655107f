/** The shim as terminal of a session, as relay of a connection, and as init of a shared PID namespace. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import type { ShimProcess } from '../testkit/shim-process.js';
import { startShim, until } from '../testkit/shim-process.js';

let dir = '';
let shim: ShimProcess | undefined;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'trireme-shim-'));
});
afterEach(() => {
  shim?.child.kill('SIGKILL');
  rmSync(dir, { recursive: true, force: true });
});

describe('a terminal', () => {
  /** `ctr` and `sh` below it: standard input and output are pipes, sizes come on descriptor 3. */
  function onTerminal(script: string, mode: readonly string[] = ['cooked']): ShimProcess {
    const words = ['pty', ...mode, 'sh', '-c', script];
    shim = startShim(dir, words, ['pipe', 'pipe', 'pipe', 'pipe']);
    return shim;
  }
  const sizes = (): Writable => [...(shim?.child.stdio ?? [])][3] as Writable;

  test.each([
    ['exit 3', 3],
    ['exit 0', 0],
    ['kill -TERM $$', 143],
  ])('ends as its command does: %s', async (script, code) => {
    expect(await onTerminal(script).ended).toBe(code);
  });

  test('says why a command cannot be run', async () => {
    shim = startShim(dir, ['pty', 'no-such-program']);
    expect(await shim.ended).toBe(127);
    expect(shim.output()).toContain('exec: "no-such-program": No such file or directory');
  });

  test('echoes and translates when it is cooked', async () => {
    const { child, output, ended } = onTerminal('read a; echo "got $a"');
    child.stdin?.write('word\n');
    expect(await ended).toBe(0);
    expect(output()).toBe('word\r\ngot word\r\n');
  });

  test('changes nothing when it is raw: another terminal does that', async () => {
    const { child, output, ended } = onTerminal('echo ready; read a; echo "got $a"', []);
    await until('it runs', () => output() === 'ready\n');
    child.stdin?.write('word\n');
    expect(await ended).toBe(0);
    expect(output()).toBe('ready\ngot word\n');
  });

  test('has the size that is told, also one that comes in pieces', async () => {
    const wait = (size: string): string =>
      `until [ "$(stty size)" = "${size}" ]; do sleep 0.02; done; echo "${size}"`;
    const { output, ended } = onTerminal(`${wait('24 80')}; ${wait('45 123')}`);
    sizes().write('24 80\n4');
    await until('it has the first size', () => output() === '24 80\r\n');
    sizes().write('5 123\n');
    expect(await ended).toBe(0);
    expect(output()).toBe('24 80\r\n45 123\r\n');
  });

  test('tells its command the end of input', async () => {
    const { child, output, ended } = onTerminal('cat; echo end');
    child.stdin?.end('text\n');
    expect(await ended).toBe(0);
    expect(output()).toMatch(/text\r\nend\r\n$/);
  });

  test('that is told to end lets its command hear it', async () => {
    const { child, output, ended } = onTerminal(
      `trap 'echo > heard; exit' HUP; echo ready; while :; do sleep 0.02; done`,
    );
    await until('it runs', () => output() === 'ready\r\n');
    child.kill('SIGTERM');
    expect(await ended).toBe(143);
    expect(existsSync(join(dir, 'heard'))).toBe(true);
  });

  test('that is told to end kills a command that does not care', async () => {
    const { child, output, ended } = onTerminal(
      `trap '' HUP TERM; echo $$; while :; do sleep 0.02; done`,
    );
    await until('it runs', () => output().endsWith('\r\n'));
    child.kill('SIGTERM');
    expect(await ended).toBe(143);
    await until('the command is gone', () => !existsSync(`/proc/${output().trim()}`));
  });

  test('whose reader is gone tells its command', async () => {
    const { child, output, ended } = onTerminal(
      `trap 'echo > heard; exit 1' HUP; echo ready; while :; do echo; sleep 0.02; done`,
    );
    await until('it runs', () => output().startsWith('ready'));
    child.stdout?.destroy();
    expect(await ended).toBe(1);
    expect(existsSync(join(dir, 'heard'))).toBe(true);
  });
});

describe('a relay', () => {
  let server: Server;
  afterEach(() => {
    server.close();
  });

  async function listen(serve: Parameters<typeof createServer>[1]): Promise<number> {
    server = createServer({ allowHalfOpen: true }, serve);
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    return (server.address() as AddressInfo).port;
  }

  test('copies both ways, and passes each end on by itself', async () => {
    const port = await listen((socket) => {
      let text = '';
      socket.on('data', (bytes: Buffer) => {
        text += bytes.toString();
      });
      // Answers only when it has heard the end: a relay that closed both ways would take nothing back.
      socket.on('end', () => socket.end(`heard ${text}`));
    });
    shim = startShim(dir, ['relay', '127.0.0.1', String(port)]);
    shim.child.stdin?.end('question');
    expect(await shim.ended).toBe(0);
    expect(shim.output()).toBe('connected\nheard question');
  });

  test('passes on the end of the other side while input stays open', async () => {
    const port = await listen((socket) => socket.end('bye'));
    shim = startShim(dir, ['relay', '127.0.0.1', String(port)]);
    const closed = new Promise((resolve) => {
      shim?.child.stdout?.on('end', resolve);
    });
    await closed;
    expect(shim.output()).toBe('connected\nbye');
    shim.child.stdin?.end();
    expect(await shim.ended).toBe(0);
  });

  test('carries more than any buffer holds', async () => {
    const port = await listen((socket) => socket.pipe(socket));
    shim = startShim(dir, ['relay', '127.0.0.1', String(port)]);
    shim.child.stdin?.end(Buffer.alloc(3_000_000, 'x'));
    expect(await shim.ended).toBe(0);
    expect(shim.output()).toHaveLength('connected\n'.length + 3_000_000);
  });

  test('says where nobody listens', async () => {
    const port = await listen(() => undefined);
    await new Promise((resolve) => {
      server.close(resolve);
    });
    shim = startShim(dir, ['relay', '127.0.0.1', String(port)]);
    expect(await shim.ended).toBe(1);
    expect(shim.output()).toContain(
      `failed to connect to 127.0.0.1:${port} inside the pod's network: Connection refused`,
    );
  });
});

test('the init of a shared PID namespace says that it is ready, and stays', async () => {
  shim = startShim(dir, ['pause']);
  await until('it is ready', () => shim?.output() === 'ready\n');
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) shim.child.kill(signal);
  expect(shim.child.exitCode).toBeNull();
  shim.child.kill('SIGKILL');
  expect(await shim.ended).toBe(137);
});
