/** WebSockets whose two ends are in this process, without a port. */
import type { IncomingMessage } from 'node:http';
import { createServer } from 'node:http';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { WebSocket } from 'ws';

/** The end of a WebSocket: what has come, and how it was closed. */
export interface ClientEnd {
  readonly socket: WebSocket;
  /** The messages that have come: bytes as they are, text as text. */
  readonly messages: (Buffer | string)[];
  /** Resolves when so many messages have come. */
  received(count: number): Promise<void>;
  /** Resolves with the code with which it was closed. */
  readonly closed: Promise<number>;
}

/** The upgrade as a server gets it. */
export interface Upgrade {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
}

/** Two streams, each of which reads what the other writes. */
function streamPair(): [Duplex, Duplex] {
  const ends: Duplex[] = [];
  const end = (other: number): Duplex =>
    new Duplex({
      read: () => undefined,
      write: (chunk: Buffer, _encoding, done) => {
        ends[other]?.push(chunk);
        done();
      },
      final: (done) => {
        ends[other]?.push(null);
        done();
      },
      destroy: (error, done) => {
        if (ends[other]?.readableEnded === false) ends[other].push(null);
        done(error);
      },
    });
  ends.push(end(1), end(0));
  const [client, server] = ends as [Duplex, Duplex];
  return [client, server];
}

/** What a socket can do and a stream cannot, and what nobody here needs. */
const socketMethods = {
  setTimeout: () => undefined,
  setNoDelay: () => undefined,
  setKeepAlive: () => undefined,
  ref: () => undefined,
  unref: () => undefined,
  connecting: false,
};

/** Opens a WebSocket to a server that takes the upgrade over. @throws what ends it before it is open */
export async function openWebSocket(
  protocols: string[],
  serve: (upgrade: Upgrade) => void,
): Promise<ClientEnd> {
  const [near, far] = streamPair();
  const server = createServer();
  server.on('upgrade', (request, socket, head) => serve({ request, socket, head }));
  server.emit('connection', Object.assign(far, socketMethods));
  const socket = new WebSocket('ws://node/', protocols, {
    createConnection: () => Object.assign(near, socketMethods) as unknown as Socket,
  });
  const messages: (Buffer | string)[] = [];
  let wake: () => void = () => undefined;
  socket.on('message', (data, isBinary) => {
    const bytes = data as Buffer;
    messages.push(isBinary ? bytes : bytes.toString());
    wake();
  });
  const closed = new Promise<number>((resolve) => socket.once('close', resolve));
  await new Promise<void>((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('error', reject);
  });
  const received = async (count: number): Promise<void> => {
    while (messages.length < count) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  return { socket, messages, received, closed };
}
