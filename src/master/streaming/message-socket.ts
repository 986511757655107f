/** WebSockets on which only the server speaks, in whole messages: watches and logs. */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';
import { unbatched } from './unbatched.js';
import { guardSocket } from './upgrade.js';

/** The server's end. */
export interface MessageSocket {
  /** The subprotocol that both speak; empty without one. */
  readonly protocol: string;
  /** Resolves when it is closed, by whichever side. */
  readonly closed: Promise<void>;
  /** Bytes that the client has not taken yet. */
  readonly bufferedBytes: number;
  /** Sends a message, as text or as bytes. @returns false when the client is behind: wait for {@link drained} */
  send(message: Buffer, as: 'text' | 'bytes'): boolean;
  /** Resolves when all that was sent has gone, or never will. */
  drained(): Promise<void>;
  /** Closes in order. */
  end(): void;
  /** Breaks the connection. */
  destroy(): void;
}

/** Chooses among the subprotocols that a client offers: one of them, or empty for none; undefined refuses. */
export type ChooseProtocol = (offered: readonly string[]) => string | undefined;

/** A client that has so much to read is waited for. */
const bufferedBytesMax = 64 * 1024;
/** Clients have nothing to say; what they say is read and dropped. */
const messageBytesMax = 64 * 1024;

/**
 * Takes a request over as a WebSocket.
 * @returns undefined when the client has gone, or its handshake was answered with a refusal
 */
export function acceptMessages(
  { request, socket, head }: Upgrade,
  choose: ChooseProtocol,
): MessageSocket | undefined {
  guardSocket(socket);
  if (socket.destroyed) return undefined;
  const offered = String(request.headers['sec-websocket-protocol'] ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  const protocol = choose(offered);
  if (protocol === undefined) {
    socket.end('HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
    return undefined;
  }
  const server = new WebSocketServer({
    noServer: true,
    maxPayload: messageBytesMax,
    perMessageDeflate: false,
    handleProtocols: () => (protocol === '' ? false : protocol),
  });
  let made: MessageSocket | undefined;
  server.handleUpgrade(request, unbatched(socket), head, (webSocket) => {
    made = messageSocket(webSocket, protocol);
  });
  return made;
}

interface Upgrade {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
}

function messageSocket(socket: WebSocket, protocol: string): MessageSocket {
  let unsent = 0;
  let wake: () => void = () => undefined;
  socket.on('error', () => undefined);
  socket.on('message', () => undefined);
  const closed = new Promise<void>((resolve) => {
    socket.once('close', () => {
      wake();
      resolve();
    });
  });
  return {
    protocol,
    closed,
    get bufferedBytes(): number {
      return socket.bufferedAmount;
    },
    send: (message, as) => {
      unsent++;
      socket.send(message, { binary: as === 'bytes' }, () => {
        unsent--;
        if (unsent === 0) wake();
      });
      return socket.bufferedAmount < bufferedBytesMax;
    },
    drained: () =>
      new Promise((resolve) => {
        if (unsent === 0 || socket.readyState === socket.CLOSED) resolve();
        else wake = resolve;
      }),
    end: () => socket.close(1000),
    destroy: () => socket.terminate(),
  };
}
