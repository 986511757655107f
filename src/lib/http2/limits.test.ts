import { afterEach, describe, expect, test } from '@jest/globals';
import { BytePool } from '../byte-pool.js';
import { ManualClock } from '../clock.js';
import { knownPeer, streamBytes } from '../net-limits.js';
import { errorCode as code, flag, frameType as type } from './constants.js';
import { frame, numberFrame, until } from './testkit/raw-peer.js';
import { requestFrame as request, TestServers, times } from './testkit/test-server.js';

const { endHeaders } = flag;
const servers = new TestServers();
const start = servers.start.bind(servers);

afterEach(() => servers.end());

describe('limits', () => {
  test('streams beyond the limit are refused, and those before it go on', async () => {
    const { peer, requests: seen } = await start({ maxConcurrentStreams: 2 });
    peer.send(request(1, '/hang'), request(3, '/hang'), request(5, '/echo'));
    await until(() => peer.resetCode(5) !== undefined, 'the refusal');
    expect(peer.resetCode(5)).toBe(code.refusedStream);
    peer.send(numberFrame(type.rstStream, 1, code.cancel), request(7, '/size/10'));
    await until(() => peer.hasEnded(7), 'the answer');
    expect(seen.map((one) => one.isClosed)).toEqual([true, false, true]);
  });

  test.each([
    ['pings', frame(type.ping, 0, 0, Buffer.alloc(8))],
    ['requests that are refused', request(2 ** 31 - 1, '/hang')],
  ])('a peer that sends %s and reads nothing is cut off', async (_name, bytes) => {
    const { peer, connection, ends } = await start({ reads: false, maxConcurrentStreams: 0 });
    const part = times(10_000, bytes);
    let id = 1;
    let mostBytes = 0;
    while (ends.length === 0 && !peer.closed) {
      for (let at = 5; part[3] === type.headers && at < part.length; at += bytes.length, id += 2) {
        part.writeUInt32BE(id, at);
      }
      if (!peer.socket.write(Buffer.from(part))) {
        await until(() => peer.socket.writableLength === 0 || ends.length > 0, 'room to write');
      }
      mostBytes = Math.max(mostBytes, connection.writer.waitingBytes);
    }
    expect(ends[0]).toMatchObject({ code: code.enhanceYourCalm });
    expect(mostBytes).toBeLessThan(knownPeer.unreadBytes + 1024 * 1024);
  });

  test('a stream that would make its connection hold too much is reset, and others go on', async () => {
    const pool = new BytePool(1024 * 1024 * 1024);
    const bounds = { receivedBytes: 4 * 1024 * 1024 };
    const { peer, connection, ends } = await start({ limits: bounds, pool });
    const mega = times(63, frame(type.data, 0, 1, Buffer.alloc(16_384)));
    let most = 0;
    for (let id = 3; id < 41; id += 2) {
      for (let at = 5; at < mega.length; at += 16_384 + 9) mega.writeUInt32BE(id, at);
      peer.send(request(id, '/drop', endHeaders), mega);
      await until(() => peer.socket.writableLength === 0, 'room to write');
      most = Math.max(most, connection.heldBytes);
    }
    peer.send(request(101, '/size/10'));
    await until(() => peer.hasEnded(101), 'the answer of another stream');
    expect(peer.resetCode(3)).toBeUndefined();
    expect(peer.resetCode(39)).toBe(code.enhanceYourCalm);
    expect(most).toBeLessThanOrEqual(bounds.receivedBytes);
    expect(connection.heldBytes).toBe(pool.heldBytes - connection.streamCount * streamBytes);
    connection.destroy();
    expect(ends).toHaveLength(1);
    expect(connection.heldBytes).toBe(0);
    expect(pool.heldBytes).toBe(0);
  });

  test('connections share a bound, and each gives back what it held', async () => {
    const pool = new BytePool(1024 * 1024);
    const [first, second] = [await start({ pool }), await start({ pool })];
    const part = times(45, frame(type.data, 0, 1, Buffer.alloc(16_384)));
    for (const { peer } of [first, second]) peer.send(request(1, '/drop', endHeaders), part);
    await until(
      () => [first, second].some(({ peer }) => peer.resetCode(1) === code.enhanceYourCalm),
      'a reset',
    );
    first.connection.destroy();
    second.connection.destroy();
    expect(pool.heldBytes).toBe(0);
  });

  test('a connection without streams ends in order, and one with a stream goes on', async () => {
    const clock = new ManualClock();
    const idle = await start({ clock, limits: { idleMs: 1000 } });
    const busy = await start({ clock, limits: { idleMs: 1000 } });
    busy.peer.send(request(1, '/hang'));
    await until(() => busy.requests.length === 1, 'the request');
    clock.advance(1000);
    clock.advance(1000);
    clock.advance(1000);
    await until(() => idle.peer.closed, 'the end');
    expect(idle.peer.goawayCode).toBe(code.noError);
    expect(idle.ends).toEqual([undefined]);
    busy.peer.send(frame(type.ping, 0, 0, Buffer.alloc(8)));
    await until(() => busy.peer.count(type.ping) === 1, 'the answer to a ping');
  });
});
