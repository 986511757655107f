/** Exec, attach and port-forward against a server of our own that speaks as a runtime's does. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { until } from '../../lib/http2/testkit/raw-peer.js';
import { systemClock } from '../../lib/clock.js';
import { SpdyConnection } from '../../lib/spdy/connection.js';
import type { SpdyStream } from '../../lib/spdy/connection.js';
import type { ExecOutput, ExecSession } from '../types.js';
import { commandSession } from './command-session.js';
import { portSession } from './port-session.js';
import { openStreams } from './streaming.js';

const clock = systemClock({ unref: true });
const streams = new Map<string, SpdyStream>();
const heard = new Map<string, string>();
let upgrade: string | undefined = 'SPDY/3.1';
let protocol = '';
let server: Server;
let connection: SpdyConnection | undefined;
let url = '';

beforeEach(async () => {
  streams.clear();
  heard.clear();
  upgrade = 'SPDY/3.1';
  server = createServer((_request, response) => {
    response.writeHead(404).end('no such token');
  });
  server.on('upgrade', (request, socket) => {
    protocol = String(request.headers['x-stream-protocol-version']);
    if (upgrade === undefined) {
      socket.end('HTTP/1.1 404 Not Found\r\nContent-Length: 13\r\n\r\nno such token');
      return;
    }
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${upgrade}\r\n\r\n`,
    );
    connection = new SpdyConnection(socket, (stream) => {
      const type = stream.header('streamtype');
      streams.set(type, stream);
      stream.onData((data) => heard.set(type, (heard.get(type) ?? '') + data.toString()));
      stream.onEnd(() => heard.set(type, `${heard.get(type) ?? ''}|`));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/exec/token`;
});
afterEach(() => {
  connection?.close();
  server.close();
  server.closeAllConnections();
});

interface Told extends ExecOutput {
  out: string;
  err: string;
  hasEnded: boolean;
  takes: boolean;
}

function receiver(): Told {
  const told: Told = {
    out: '',
    err: '',
    hasEnded: false,
    takes: true,
    stdout: (data) => {
      told.out += data.toString();
      return told.takes;
    },
    stderr: (data) => {
      told.err += data.toString();
      return told.takes;
    },
    ended: () => {
      told.hasEnded = true;
    },
  };
  return told;
}

const say = (type: string, text: string): void => {
  streams.get(type)?.write(Buffer.from(text));
};

describe('commands', () => {
  const open = async (told: Told, tty = false, stdin = true): Promise<ExecSession> => {
    const session = await commandSession(
      await openStreams(url, 'v4.channel.k8s.io', clock),
      { stdin, tty },
      told,
    );
    const last = tty ? 'resize' : 'stderr';
    await until(() => streams.has(last), 'the streams');
    return session;
  };
  const finish = (words: string): void => {
    if (words !== '') say('error', words);
    for (const stream of streams.values()) stream.end();
    connection?.close();
  };

  test('input goes in and ends, output comes out, the exit code is told', async () => {
    const told = receiver();
    const session = await open(told);
    expect(protocol).toBe('v4.channel.k8s.io');
    expect([...streams.keys()]).toEqual(['error', 'stdin', 'stdout', 'stderr']);
    session.write(Buffer.from('in'));
    session.closeStdin();
    await until(() => heard.get('stdin') === 'in|', 'the input');
    say('stdout', 'out');
    say('stderr', 'err');
    finish(
      '{"status":"Failure","reason":"NonZeroExitCode",' +
        '"details":{"causes":[{"reason":"ExitCode","message":"5"}]}}',
    );
    expect(await session.done).toEqual({ exitCode: 5 });
    expect(told).toMatchObject({ out: 'out', err: 'err', hasEnded: true });
  });

  test('a terminal has sizes and no second output', async () => {
    const session = await open(receiver(), true, false);
    expect([...streams.keys()]).toEqual(['error', 'stdout', 'resize']);
    session.resize({ width: 123, height: 45 });
    await until(() => heard.has('resize'), 'the size');
    expect(JSON.parse(heard.get('resize') ?? '')).toEqual({ Width: 123, Height: 45 });
    finish('{"status":"Success"}');
    expect(await session.done).toEqual({ exitCode: 0 });
  });

  test.each([
    ['', 'the runtime ended the streams without a result'],
    ['plain words', 'plain words'],
    ['{"status":"Failure","message":"no such program"}', 'no such program'],
    ['{"status":"Failure","reason":"NonZeroExitCode"}', 'the runtime says no reason'],
  ])('what is no exit code is an error: %s', async (words, error) => {
    const session = await open(receiver());
    finish(words);
    expect(await session.done).toEqual({ exitCode: 255, error });
  });

  test('output is held while it is not taken', async () => {
    const told = receiver();
    told.takes = false;
    const session = await open(told);
    say('stdout', 'first');
    await until(() => told.out === 'first', 'the first output');
    // The receiver has said no: what comes now waits in the socket.
    say('stdout', 'second');
    finish('{"status":"Success"}');
    await new Promise((resolve) => setImmediate(resolve));
    expect(told.out).toBe('first');
    told.takes = true;
    session.resume();
    expect(await session.done).toEqual({ exitCode: 0 });
    expect(told.out).toBe('firstsecond');
  });

  test('a closed session tells no more, and ends', async () => {
    const told = receiver();
    const session = await open(told);
    session.close();
    say('stdout', 'late');
    await session.done;
    expect(told).toMatchObject({ out: '', hasEnded: false });
  });
});

describe('ports', () => {
  const open = async (told: Told): Promise<ExecSession> => {
    const streamsOf = await openStreams(url, 'portforward.k8s.io', clock);
    const session = await portSession(streamsOf, 8080, told);
    await until(() => streams.size === 2, 'the streams');
    return session;
  };

  test('bytes go both ways, and each way ends by itself', async () => {
    const told = receiver();
    const session = await open(told);
    expect(protocol).toBe('portforward.k8s.io');
    expect(streams.get('data')?.header('port')).toBe('8080');
    session.write(Buffer.from('GET'));
    say('data', 'answer');
    streams.get('error')?.end();
    streams.get('data')?.end();
    await until(() => told.hasEnded, 'the end of the pod');
    expect([heard.get('data'), told.out, told.err]).toEqual(['GET', 'answer', '']);
    session.closeStdin();
    expect(await session.done).toEqual({ exitCode: 0 });
    await until(() => heard.get('data') === 'GET|', 'our end');
  });

  test('a port that nobody listens at is a complaint, and no end', async () => {
    const told = receiver();
    const session = await open(told);
    say('error', 'connection refused');
    streams.get('error')?.end();
    streams.get('data')?.end();
    expect(await session.done).toEqual({ exitCode: 1 });
    expect(told).toMatchObject({ err: 'connection refused', hasEnded: false });
  });

  test('a connection that is lost is not the end of the pod', async () => {
    const told = receiver();
    const session = await open(told);
    connection?.close();
    expect(await session.done).toEqual({ exitCode: 1 });
    expect(told.hasEnded).toBe(false);
  });
});

describe('addresses', () => {
  test.each(['https://127.0.0.1:1/exec/x', '/exec/x', 'not an address', ''])(
    'that are not of plain HTTP are refused: "%s"',
    async (address) => {
      await expect(openStreams(address, 'v4.channel.k8s.io', clock)).rejects.toMatchObject({
        code: 'Unsupported',
      });
    },
  );

  test('what answers with something else says what', async () => {
    upgrade = undefined;
    await expect(openStreams(url, 'v4.channel.k8s.io', clock)).rejects.toMatchObject({
      code: 'Failed',
      message: '404: no such token',
    });
    upgrade = 'websocket';
    await expect(openStreams(url, 'v4.channel.k8s.io', clock)).rejects.toMatchObject({
      code: 'Unsupported',
    });
  });
});
