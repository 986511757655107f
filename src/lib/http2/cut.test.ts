/** Connections that end at every byte of an exchange: nothing hangs, and each call ends just once. */
import { expect, test } from '@jest/globals';
import { systemClock } from '../clock.js';
import { ClientConnection } from './client-connection.js';
import { flag, frameType as type, preface } from './constants.js';
import {
  frame,
  numberFrame,
  RawPeer,
  settingsFrame,
  socketPair,
  until,
} from './testkit/raw-peer.js';
import {
  answerBlock,
  both,
  hello as message,
  notesIn,
  requestBlock,
  serve,
  trailerBlock,
} from './testkit/test-server.js';

const { endHeaders, endStream } = flag;
const clock = systemClock({ unref: true });
const ways = ['in order', 'by a reset', 'half'] as const;

const toServer = Buffer.concat([
  preface,
  settingsFrame(),
  frame(type.headers, endHeaders, 1, requestBlock('/echo')),
  frame(type.data, 0, 1, message.subarray(0, 7)),
  frame(type.headers, endHeaders, 3, requestBlock('/hang')),
  frame(type.data, endStream, 1, message.subarray(7)),
  numberFrame(type.windowUpdate, 3, 10),
  frame(type.data, endStream, 3, message),
]);

const toClient = Buffer.concat([
  settingsFrame(),
  frame(type.headers, endHeaders, 1, answerBlock),
  frame(type.data, 0, 1, message.subarray(0, 7)),
  frame(type.headers, endHeaders, 3, answerBlock),
  frame(type.data, 0, 1, message.subarray(7)),
  frame(type.headers, both, 1, trailerBlock),
  frame(type.data, 0, 3, message),
  frame(type.headers, both, 3, trailerBlock),
]);

function cut(peer: RawPeer, way: (typeof ways)[number]): void {
  if (way === 'by a reset') peer.socket.resetAndDestroy();
  else if (way === 'half') peer.socket.end();
  else peer.socket.destroySoon();
}

async function forEachCut(bytes: Buffer, run: (at: number) => Promise<void>): Promise<void> {
  const offsets = Array.from({ length: bytes.length + 1 }, (_, at) => at);
  while (offsets.length > 0) await Promise.all(offsets.splice(0, 40).map(run));
}

test.each(ways)('a server whose client goes %s', async (way) => {
  await forEachCut(toServer, async (at) => {
    const [here, there] = await socketPair();
    const peer = new RawPeer(here, { reads: way !== 'half' });
    const { ends, requests, connection } = serve(there);
    peer.send(toServer.subarray(0, at));
    cut(peer, way);
    await until(() => ends.length > 0 && requests.every((one) => one.isClosed), `the end at ${at}`);
    peer.socket.destroy();
    await until(() => there.destroyed, `the socket at ${at}`);
    expect(ends).toHaveLength(1);
    expect(connection.streamCount).toBe(0);
    expect(connection.heldBytes).toBe(0);
    for (const { told } of requests) {
      expect(told.filter((what) => what.startsWith('closed'))).toHaveLength(1);
    }
  });
});

test.each(ways)('a client whose server goes %s', async (way) => {
  await forEachCut(toClient, async (at) => {
    const [here, there] = await socketPair();
    const peer = new RawPeer(there, { reads: false });
    peer.read(preface.length);
    const ends: unknown[] = [];
    const connection = new ClientConnection(here, { onClosed: (error) => ends.push(error) }, clock);
    const told: string[][] = [[], []];
    for (const list of told) {
      connection.request((stream) => {
        if (stream === undefined) return;
        stream.handler = notesIn(list);
        stream.headers(requestBlock('/a'), false);
        stream.endWith(Buffer.from('x'));
      });
    }
    await until(() => peer.hasEnded(3), 'the requests');
    peer.send(toClient.subarray(0, at));
    cut(peer, way);
    await until(() => ends.length > 0, `the end at ${at}`);
    peer.socket.destroy();
    await until(() => here.destroyed, `the socket at ${at}`);
    expect(ends).toHaveLength(1);
    for (const list of told) {
      expect(list.filter((what) => what === 'closed')).toHaveLength(1);
      expect(list.at(-1)).toBe('closed');
    }
    let isRefused = false;
    connection.request((stream) => {
      isRefused = stream === undefined;
    });
    expect(isRefused).toBe(true);
  });
});
