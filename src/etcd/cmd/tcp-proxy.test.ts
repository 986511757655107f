import * as net from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { ManualClock, systemClock } from '../../lib/clock.js';
import { silentLogger } from '../../lib/log.js';
import { until } from '../../lib/http2/testkit/raw-peer.js';
import { gatewayOptions } from './gateway.js';
import { TcpProxy } from './tcp-proxy.js';

const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface Member {
  readonly port: number;
  readonly accepted: net.Socket[];
  close(): Promise<void>;
}

/** Says its name, then gives back what it gets, and ends when the other side has. */
async function startMember(name: string, port = 0): Promise<Member> {
  const accepted: net.Socket[] = [];
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    accepted.push(socket);
    socket.on('error', () => undefined);
    socket.write(`${name} `);
    socket.pipe(socket);
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const close = (): Promise<void> => {
    for (const socket of accepted) socket.destroy();
    return new Promise((resolve) => server.close(() => resolve()));
  };
  cleanups.push(close);
  return { port: (server.address() as net.AddressInfo).port, accepted, close };
}

async function startProxy(ports: readonly number[]): Promise<{ port: number; clock: ManualClock }> {
  const clock = new ManualClock();
  const endpoints = ports.map((port) => ({ host: '127.0.0.1', port }));
  const proxy = new TcpProxy({ endpoints, retryMs: 60_000, clock, log: silentLogger });
  const port = await proxy.listen({ host: '127.0.0.1', port: 0 });
  cleanups.push(() => proxy.close());
  return { port, clock };
}

interface Talk {
  readonly socket: net.Socket;
  /** The text received so far. */
  readonly text: () => string;
  /** Resolves with the whole text at the end. */
  readonly ended: Promise<string>;
}

function talk(port: number): Talk {
  const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  const parts: Buffer[] = [];
  const text = (): string => Buffer.concat(parts).toString();
  socket.on('data', (part: Buffer) => parts.push(part));
  socket.on('error', () => undefined);
  const ended = new Promise<string>((resolve) => {
    socket.on('close', () => resolve(text()));
    socket.on('end', () => socket.end());
  });
  cleanups.push(() => socket.destroy());
  return { socket, text, ended };
}

/** Says one thing and no more. @returns the answer, with the name of who gave it */
function ask(port: number, what: string): Promise<string> {
  const { socket, ended } = talk(port);
  socket.end(what);
  return ended;
}

describe('a proxy', () => {
  test('goes to its endpoints in turn', async () => {
    const [a, b] = [await startMember('a'), await startMember('b')];
    const { port } = await startProxy([a.port, b.port]);
    const answers: string[] = [];
    for (const what of ['1', '2', '3']) answers.push(await ask(port, what));
    expect(answers).toEqual(['a 1', 'b 2', 'a 3']);
  });

  test('passes on much, and the end of one direction before the other', async () => {
    const { port } = await startProxy([(await startMember('a')).port]);
    const much = 'x'.repeat(5_000_000);
    expect((await ask(port, much)).length).toBe(much.length + 2);
  });

  test('leaves out an endpoint that refuses, until it answers again', async () => {
    const [a, b] = [await startMember('a'), await startMember('b')];
    const { port, clock } = await startProxy([a.port, b.port]);
    await a.close();
    expect([await ask(port, '1'), await ask(port, '2')]).toEqual(['b 1', 'b 2']);
    const again = await startMember('a', a.port);
    expect([await ask(port, '3'), await ask(port, '4')]).toEqual(['b 3', 'b 4']);
    expect(again.accepted).toHaveLength(0);
    clock.advance(60_000);
    await until(() => again.accepted.length === 1, 'a look at the endpoint');
    const deadlineMs = systemClock().monotonicMs() + 10_000;
    while (!(await ask(port, '5')).startsWith('a')) {
      if (systemClock().monotonicMs() > deadlineMs) throw new Error('the endpoint is left out');
    }
  });

  test('closes the connection when no endpoint answers', async () => {
    const a = await startMember('a');
    const { port } = await startProxy([a.port]);
    await a.close();
    expect(await ask(port, '1')).toBe('');
  });

  test.each(['client', 'member'])('a connection that the %s breaks ends for both', async (who) => {
    const a = await startMember('a');
    const { port } = await startProxy([a.port]);
    const { socket, text, ended } = talk(port);
    await until(() => text() === 'a ', 'a word from the member');
    const there = a.accepted[0];
    if (who === 'client') socket.resetAndDestroy();
    else there?.resetAndDestroy();
    await until(() => there?.destroyed === true, 'the end at the member');
    await ended;
  });
});

test('what the command line may say', () => {
  const local = (port: number): object => ({ host: '127.0.0.1', port });
  expect(gatewayOptions(['start'])).toEqual({
    listenAt: local(23_790),
    endpoints: [local(2379)],
    retryMs: 60_000,
  });
  const words = ['--endpoints=http://a:1, b:2', 'start', '--listen-addr', '[::1]:3'];
  expect(gatewayOptions([...words, '--retry-delay=2s', '--insecure-discovery=false'])).toEqual({
    listenAt: { host: '::1', port: 3 },
    endpoints: [
      { host: 'a', port: 1 },
      { host: 'b', port: 2 },
    ],
    retryMs: 2000,
  });
  expect(gatewayOptions([])).toBeUndefined();
  expect(gatewayOptions(['start', '--help'])).toBeUndefined();
});

test.each([
  [['stop'], 'unknown command "stop"'],
  [['start', '--nope'], 'unknown flag: --nope'],
  [['start', '--endpoints'], 'flag needs an argument: --endpoints'],
  [['start', '--endpoints=a'], 'error parsing endpoint "a"'],
  [['start', '--listen-addr=:x'], 'failed to validate listen address: ":x"'],
  [['start', '--retry-delay=soon'], 'invalid argument "soon"'],
  [['start', '--discovery-srv=example.com'], '--discovery-srv=example.com is not supported'],
])('%j is refused', (words, text) => {
  expect(() => gatewayOptions(words)).toThrow(text);
});
