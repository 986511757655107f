/** Keep-alive as grpc-go's server has it: which pings are too many, and what becomes of a client that is silent. */
import { afterEach, describe, expect, test } from '@jest/globals';
import { ManualClock } from '../clock.js';
import { errorCode as code, flag, frameType as type } from './constants.js';
import { PingPolice } from './keep-alive.js';
import { frame, numberFrame, until } from './testkit/raw-peer.js';
import type { TestServer } from './testkit/test-server.js';
import { requestBlock, startPair } from './testkit/test-server.js';

const keepAlive = { minTimeMs: 5000, intervalMs: 60_000, timeoutMs: 20_000 };
const pingBytes = Buffer.from('12345678');
const servers: TestServer[] = [];

async function start(): Promise<TestServer & { clock: ManualClock }> {
  const clock = new ManualClock();
  const server = await startPair({ clock, keepAlive });
  servers.push(server);
  return { ...server, clock };
}

afterEach(() => {
  for (const { peer, connection } of servers.splice(0)) {
    connection.destroy();
    peer.socket.destroy();
  }
});

function request(id: number, path: string): Buffer {
  return frame(type.headers, flag.endHeaders | flag.endStream, id, requestBlock(path));
}

/** Pings, and waits for the answer. */
async function ping({ peer }: TestServer): Promise<void> {
  const isAnswer = ({ flags }: { flags: number }): boolean => (flags & flag.ack) !== 0;
  const before = peer.of(type.ping).filter(isAnswer).length;
  peer.send(frame(type.ping, 0, 0, pingBytes));
  await until(() => peer.of(type.ping).filter(isAnswer).length > before, 'the answer to a ping');
}

test('what is too many', () => {
  // Seconds of the pings, and what the client had sent to it before each; the last one ends it.
  const cases: [hasStreams: boolean, pings: [seconds: number, hasSent?: boolean][], ok: boolean][] =
    [
      [true, [[0], [1], [2]], true],
      [true, [[0], [1], [2], [3]], false],
      [true, [[0], [5], [10], [15], [20]], true],
      [true, [[0], [1], [6], [7], [12]], true],
      [true, [[0], [1], [6], [7], [12], [13]], false],
      [true, [[0], [1], [2], [3, true], [4], [5]], true],
      [true, [[0], [1], [2], [3, true], [4], [5], [6]], false],
      [false, [[0], [60], [120]], true],
      [false, [[0], [60], [120], [180]], false],
      [false, [[0], [7200], [14_400], [21_600]], true],
    ];
  for (const [hasStreams, pings, ok] of cases) {
    const police = new PingPolice(5000);
    const allowed = pings.map(([seconds, hasSent = false]) =>
      police.allows(seconds * 1000, hasStreams, hasSent),
    );
    expect([pings, allowed]).toEqual([pings, pings.map((_, at) => ok || at < pings.length - 1)]);
  }
});

describe('a client that pings', () => {
  test('is told to calm down with its fourth ping, though a call is under way', async () => {
    const server = await start();
    const { peer, ends, clock } = server;
    peer.send(request(1, '/hang'));
    for (let count = 0; count < 3; count++) {
      clock.advance(1000);
      await ping(server);
    }
    expect(peer.count(type.goaway)).toBe(0);
    clock.advance(1000);
    await ping(server);
    await until(() => peer.count(type.goaway) > 0, 'GOAWAY');
    const payload = peer.of(type.goaway)[0]?.payload ?? Buffer.alloc(0);
    expect(payload.readUInt32BE(4)).toBe(code.enhanceYourCalm);
    expect(payload.subarray(8).toString()).toBe('too_many_pings');
    expect(ends[0]).toMatchObject({ code: code.enhanceYourCalm });
  });

  test('may go on while it is served', async () => {
    const server = await start();
    for (let count = 0; count < 10; count++) {
      server.peer.send(request(2 * count + 1, '/size/5'));
      await until(() => server.peer.hasEnded(2 * count + 1), 'the answer');
      server.clock.advance(1000);
      await ping(server);
    }
    expect(server.peer.count(type.goaway)).toBe(0);
  });

  test('may go on as often as it is allowed to', async () => {
    const server = await start();
    server.peer.send(request(1, '/hang'));
    for (let count = 0; count < 10; count++) {
      server.clock.advance(5000);
      await ping(server);
    }
    expect(server.peer.count(type.goaway)).toBe(0);
  });
});

describe('a client that is silent', () => {
  const asked = ({ peer }: TestServer): number =>
    peer.of(type.ping).filter(({ flags }) => (flags & flag.ack) === 0).length;

  /** Until the server has read what the client sent before. */
  async function settle(server: TestServer & { clock: ManualClock }): Promise<void> {
    server.clock.advance(0);
    await ping(server);
  }

  test('is pinged, and given up when it says nothing', async () => {
    const server = await start();
    await settle(server);
    server.clock.advance(60_000);
    server.clock.advance(59_999);
    expect(asked(server)).toBe(0);
    server.clock.advance(1);
    await until(() => asked(server) === 1, 'a ping');
    server.clock.advance(19_999);
    expect(server.ends).toEqual([]);
    server.clock.advance(1);
    expect(String(server.ends[0])).toContain('keep-alive ping not answered in time');
    await until(() => server.peer.closed, 'the end');
  });

  test('stays when it answers, with whatever it says', async () => {
    const server = await start();
    await settle(server);
    server.clock.advance(60_000);
    for (let count = 0; count < 3; count++) {
      server.clock.advance(60_000);
      await until(() => asked(server) === count + 1, 'a ping');
      server.peer.send(numberFrame(type.windowUpdate, 0, 1), request(2 * count + 1, '/size/1'));
      await until(() => server.peer.hasEnded(2 * count + 1), 'the answer');
      server.clock.advance(20_000);
    }
    expect(server.ends).toEqual([]);
  });
});
