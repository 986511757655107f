import { afterEach, describe, expect, test } from '@jest/globals';
import { ManualClock, systemClock } from '../clock.js';
import { ClientConnection } from './client-connection.js';
import {
  errorCode as code,
  flag,
  frameType as type,
  limits,
  preface,
  setting,
} from './constants.js';
import { encodeFields } from './hpack-encoder.js';
import {
  frame,
  numberFrame,
  RawPeer,
  settingsFrame,
  socketPair,
  until,
} from './testkit/raw-peer.js';
import type { Http2Stream } from './stream.js';
import type { TestServer } from './testkit/test-server.js';
import { answerBlock, requestBlock, startPair } from './testkit/test-server.js';

const { endHeaders, endStream, ack } = flag;
const bigWindow = 2 ** 31 - 1 - 65_535;
const cleanups: (() => void)[] = [];

afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

async function start(options: Parameters<typeof startPair>[0] = {}): Promise<TestServer> {
  const server = await startPair(options);
  cleanups.push(() => {
    server.connection.destroy();
    server.peer.socket.destroy();
  });
  return server;
}

function request(id: number, path: string, flags: number = endHeaders | endStream): Buffer {
  return frame(type.headers, flags, id, requestBlock(path));
}

/** All that the other side does with what it has is done when it answers this. */
async function settle(peer: RawPeer): Promise<void> {
  const before = peer.count(type.ping);
  peer.send(frame(type.ping, 0, 0, Buffer.alloc(8)));
  await until(() => peer.count(type.ping) > before, 'a pong');
}

describe('a server', () => {
  test.each([1, 7, 100])('keeps within a window of %i bytes', async (windowBytes) => {
    const { peer } = await start({ settings: [[setting.initialWindowSize, windowBytes]] });
    peer.send(request(1, '/size/500'), request(3, '/size/0'));
    let granted = windowBytes;
    while (!peer.hasEnded(1)) {
      await until(() => peer.dataBytes(1) === granted || peer.hasEnded(1), 'all that is allowed');
      expect(peer.dataBytes(1)).toBeLessThanOrEqual(granted);
      peer.send(numberFrame(type.windowUpdate, 1, windowBytes));
      granted += windowBytes;
    }
    expect(peer.dataBytes(1)).toBe(505);
    expect(peer.of(type.headers, 1)).toHaveLength(2);
  });

  test('a window may become negative on the way', async () => {
    const { peer } = await start({ settings: [[setting.initialWindowSize, 1000]] });
    peer.send(request(1, '/size/5000'));
    await until(() => peer.dataBytes(1) === 1000, 'the first window');
    peer.send(settingsFrame([setting.initialWindowSize, 100]));
    peer.send(numberFrame(type.windowUpdate, 1, 900));
    await settle(peer);
    expect(peer.dataBytes(1)).toBe(1000);
    peer.send(numberFrame(type.windowUpdate, 1, 1));
    await until(() => peer.dataBytes(1) === 1001, 'one more byte');
    peer.send(settingsFrame([setting.initialWindowSize, 0]));
    peer.send(settingsFrame([setting.initialWindowSize, 200], [setting.initialWindowSize, 110]));
    await until(() => peer.dataBytes(1) === 1011, 'ten more');
    peer.send(settingsFrame([setting.initialWindowSize, 100_000]));
    await until(() => peer.hasEnded(1), 'the rest');
    expect(peer.dataBytes(1)).toBe(5005);
  });

  test('keeps within the window of the connection, and lets all streams have of it', async () => {
    const { peer } = await start({ settings: [[setting.initialWindowSize, 2 ** 31 - 1]] });
    const ids = Array.from({ length: 50 }, (_, at) => 2 * at + 1);
    peer.send(...ids.map((id) => request(id, '/size/10000')));
    const total = (): number => ids.reduce((sum, id) => sum + peer.dataBytes(id), 0);
    await until(() => total() === 65_535, 'the first window');
    await settle(peer);
    expect(total()).toBe(65_535);
    const unserved = ids.filter((id) => peer.dataBytes(id) === 0);
    // Each window update serves the stream that waits longest.
    for (let count = 0; count < 2 * ids.length; count++) {
      peer.send(numberFrame(type.windowUpdate, 0, 50));
    }
    await settle(peer);
    expect(unserved.length).toBeGreaterThan(30);
    for (const id of unserved) expect(peer.dataBytes(id)).toBeGreaterThanOrEqual(50);
    peer.send(numberFrame(type.windowUpdate, 0, 10_000_000));
    await until(() => ids.every((id) => peer.hasEnded(id)), 'all answers');
    expect(total()).toBe(50 * 10_005);
  });

  test('an answer larger than all windows and frames', async () => {
    const { peer } = await start();
    const size = 3_000_000;
    peer.send(request(1, `/size/${size}`));
    let credited = 0;
    while (!peer.hasEnded(1)) {
      await until(() => peer.dataBytes(1) > credited || peer.hasEnded(1), 'more');
      const more = peer.dataBytes(1) - credited;
      credited += more;
      if (more > 0) {
        peer.send(numberFrame(type.windowUpdate, 0, more), numberFrame(type.windowUpdate, 1, more));
      }
    }
    expect(peer.dataBytes(1)).toBe(size + 5);
    const longest = Math.max(...peer.of(type.data, 1).map((seen) => seen.payload.length));
    expect(longest).toBe(16_384);
  });

  test('five thousand streams that wait for windows', async () => {
    const { peer, connection } = await start({ settings: [[setting.initialWindowSize, 10]] });
    const ids = Array.from({ length: 5000 }, (_, at) => 2 * at + 1);
    peer.send(numberFrame(type.windowUpdate, 0, bigWindow));
    peer.send(...ids.map((id) => request(id, '/size/1000')));
    await until(() => peer.count(type.data) >= ids.length, 'the first ten bytes of each');
    expect(connection.streamCount).toBe(5000);
    peer.send(settingsFrame([setting.initialWindowSize, 1005]));
    await until(() => connection.streamCount === 0, 'all answers');
    await settle(peer);
    expect(peer.of(type.data).reduce((sum, seen) => sum + seen.payload.length, 0)).toBe(
      5000 * 1005,
    );
    expect(connection.heldBytes).toBe(0);
  });

  test('a sender is told to wait, and told again when there is room, when it is reset and when all ends', async () => {
    const { peer, requests } = await start();
    peer.send(request(1, '/hang'), request(3, '/hang'), request(5, '/hang'));
    await until(() => requests.length === 3, 'the requests');
    const part = Buffer.alloc(100_000);
    for (const { stream } of requests) {
      stream.headers(answerBlock, false);
      const room = [1, 2, 3, 4].map(() => stream.message([part]));
      expect(room.at(-1)).toBe(false);
    }
    peer.send(numberFrame(type.rstStream, 3, code.cancel));
    peer.send(numberFrame(type.windowUpdate, 0, bigWindow));
    peer.send(numberFrame(type.windowUpdate, 1, 300_000));
    await until(() => requests[0]?.told.includes('writable') === true, 'the word');
    expect(requests[1]?.told).toEqual(['end', `closed ${code.cancel}`]);
    expect(requests[2]?.told).toEqual(['end']);
    peer.socket.destroy();
    await until(() => requests[2]?.isClosed === true, 'the end');
    expect(requests[0]?.told).toEqual(['end', 'writable', 'closed ']);
  });

  test('a peer that reads nothing, whatever its windows, costs no more than the socket and each stream may hold', async () => {
    const { peer, requests, connection } = await start({
      reads: false,
      settings: [[setting.initialWindowSize, 2 ** 31 - 1]],
    });
    peer.send(numberFrame(type.windowUpdate, 0, bigWindow), request(1, '/hang'));
    await until(() => requests.length === 1, 'the request');
    const stream = (requests[0] as { stream: Http2Stream }).stream;
    stream.headers(answerBlock, false);
    const part = Buffer.alloc(50_000);
    let sent = 0;
    // In one turn, so that nothing leaves: the stream says so all the same.
    while (stream.message([part]) && sent < 100_000_000) sent += part.length;
    expect(sent).toBeLessThan(1_000_000);
    // Then as fast as the peer's system takes it.
    let told = 0;
    for (let quiet = 0; quiet < 20; quiet++) {
      const now = requests[0]?.told.length ?? 0;
      if (now > told) quiet = 0;
      told = now;
      while (!stream.full && stream.message([part]));
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    expect(connection.writer.waitingBytes).toBeLessThan(2 * limits.socketBytesHigh);
    expect(connection.heldBytes).toBeLessThan(1_000_000);
    const other = await start();
    other.peer.send(request(1, '/size/10'));
    await until(() => other.peer.hasEnded(1), 'the answer on another connection');
    peer.read();
    stream.finish(answerBlock);
    await until(() => peer.hasEnded(1), 'all of it');
  });

  test('a stream whose owner takes nothing holds up no other', async () => {
    const { peer, requests } = await start();
    peer.send(request(1, '/pause', endHeaders));
    for (let sent = 0; sent < limits.streamWindowBytes; sent += 16_384) {
      peer.send(frame(type.data, 0, 1, Buffer.alloc(16_384)));
    }
    peer.send(request(3, '/echo', endHeaders));
    for (let sent = 0; sent < 2 * limits.streamWindowBytes; sent += 16_384) {
      peer.send(frame(type.data, 0, 3, Buffer.alloc(16_384)));
    }
    peer.send(frame(type.data, endStream, 3));
    await until(() => requests[1]?.told.includes('end') === true, 'the other request');
    expect(requests[0]?.received).toBe(limits.streamWindowBytes);
    expect(peer.count(type.windowUpdate, 1)).toBe(0);
    await until(() => peer.count(type.windowUpdate, 3) > 1, 'windows of the other');
    requests[0]?.stream.resume();
    await until(() => peer.count(type.windowUpdate, 1) === 1, 'a new window');
  });

  test('closing lets calls under way finish, takes no new ones and ends then', async () => {
    const { peer, requests, connection, ends } = await start();
    peer.send(request(1, '/hang'), request(3, '/hang', endHeaders));
    await until(() => requests.length === 2, 'the requests');
    connection.close();
    await until(() => peer.goawayCode !== undefined, 'the word');
    expect(peer.goawayCode).toBe(code.noError);
    expect(peer.of(type.goaway)[0]?.payload.readUInt32BE(0)).toBe(3);
    peer.send(request(5, '/echo', endHeaders), frame(type.data, endStream, 5, [1]));
    await until(() => peer.resetCode(5) === code.refusedStream, 'the refusal');
    for (const { stream } of requests) {
      stream.headers(answerBlock, false);
      stream.message([Buffer.alloc(30_000)]);
      stream.finish(encodeFields([['grpc-status', '0']]));
    }
    await until(() => peer.closed, 'the end');
    expect([peer.hasEnded(1), peer.hasEnded(3)]).toEqual([true, true]);
    expect(peer.resetCode(3)).toBe(code.noError);
    expect(ends).toEqual([undefined]);
    expect(requests).toHaveLength(2);
  });

  test('a peer that closes its half and reads nothing is let go', async () => {
    const clock = new ManualClock();
    const { peer, requests, ends, connection } = await start({
      reads: false,
      clock,
      settings: [[setting.initialWindowSize, 2 ** 31 - 1]],
    });
    peer.send(numberFrame(type.windowUpdate, 0, bigWindow), request(1, '/size/9999999'));
    await until(() => requests[0]?.told.includes('end') === true, 'the request');
    peer.socket.end();
    await until(() => ends.length === 1, 'the end');
    expect(requests[0]?.told.at(-1)).toBe('closed ');
    await until(() => {
      clock.advance(10_000);
      return connection.socket.destroyed;
    }, 'the socket');
    expect(clock.pending).toBe(0);
  });
});

describe('a client', () => {
  async function startClient(): Promise<{ peer: RawPeer; connection: ClientConnection }> {
    const [here, there] = await socketPair();
    const peer = new RawPeer(there, { reads: false });
    peer.read(preface.length);
    const clock = systemClock({ unref: true });
    const connection = new ClientConnection(here, { onClosed: () => undefined }, clock);
    cleanups.push(() => {
      connection.destroy();
      peer.socket.destroy();
    });
    return { peer, connection };
  }

  function open(connection: ClientConnection): { stream: Http2Stream; told: string[] } {
    const told: string[] = [];
    let opened: Http2Stream | undefined;
    connection.request((stream) => {
      opened = stream;
    });
    if (opened === undefined) throw new Error('no stream');
    opened.handler = {
      onHeaders: () => undefined,
      onData: () => undefined,
      onEnd: () => told.push('end'),
      onWritable: () => told.push('writable'),
      onClosed: (reset) => told.push(`closed ${reset ?? ''}`),
    };
    opened.headers(requestBlock('/a'), false);
    return { stream: opened, told };
  }

  test.each([1, 3, 100])('keeps within a window of %i bytes', async (windowBytes) => {
    const { peer, connection } = await startClient();
    peer.send(settingsFrame([setting.initialWindowSize, windowBytes]));
    await until(
      () => peer.frames.some((seen) => seen.type === type.settings && seen.flags === ack),
      'settings',
    );
    const { stream } = open(connection);
    stream.endWith(Buffer.alloc(300));
    for (let granted = windowBytes; !peer.hasEnded(1); granted += windowBytes) {
      await until(() => peer.dataBytes(1) === granted || peer.hasEnded(1), 'all that is allowed');
      expect(peer.dataBytes(1)).toBeLessThanOrEqual(granted);
      peer.send(numberFrame(type.windowUpdate, 1, windowBytes));
    }
    expect(peer.dataBytes(1)).toBe(305);
  });

  test('a server that stops reading holds up the sender, and a reset frees it', async () => {
    const { peer, connection } = await startClient();
    peer.send(settingsFrame());
    const { stream, told } = open(connection);
    while (stream.message([Buffer.alloc(20_000)]));
    await until(() => peer.dataBytes(1) === 65_535, 'the first window');
    expect(told).toEqual([]);
    expect(connection.heldBytes).toBeGreaterThan(0);
    peer.send(numberFrame(type.rstStream, 1, code.cancel));
    await until(() => told.length > 0, 'the end');
    expect(told).toEqual([`closed ${code.cancel}`]);
    expect(stream.message([Buffer.alloc(10)])).toBe(true);
    expect(connection.heldBytes).toBe(0);
  });
});
