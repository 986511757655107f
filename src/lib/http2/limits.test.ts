import { afterEach, describe, expect, test } from '@jest/globals';
import { errorCode as code, flag, frameType as type, limits } from './constants.js';
import { frame, numberFrame, until } from './raw-peer.js';
import { requestFrame as request, TestServers, times } from './test-server.js';

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
    expect(mostBytes).toBeLessThan(limits.socketBytesMax + 1024 * 1024);
  });

  test('what all streams hold together is limited', async () => {
    const { peer, connection, ends } = await start();
    const mega = times(63, frame(type.data, 0, 1, Buffer.alloc(16_384)));
    let most = 0;
    for (let id = 1; ends.length === 0; id += 2) {
      for (let at = 5; at < mega.length; at += 16_384 + 9) mega.writeUInt32BE(id, at);
      peer.send(request(id, '/drop', endHeaders), mega);
      await until(() => peer.socket.writableLength === 0 || ends.length > 0, 'room to write');
      most = Math.max(most, connection.heldBytes);
    }
    expect(ends[0]).toMatchObject({ code: code.enhanceYourCalm });
    expect(most).toBeLessThanOrEqual(limits.heldBytesMax);
    expect(connection.heldBytes).toBe(0);
  });
});
