/** Watches and logs over WebSocket, for clients in browsers, which cannot read an answer while it comes. */
import type { Socket } from 'node:net';
import type { MessageSocket } from '../../streaming/index.js';
import { acceptMessages } from '../../streaming/index.js';
import { watcherBufferedBytes } from '../limits.js';
import type { WatchItem, WatchSink } from '../verbs/index.js';
import type { Upgrading } from './socket-switch.js';
import type { WatchEvents } from './watch-events.js';
import type { WatchAnswer } from './watch-request.js';

/** `base64url.bearer.authorization.k8s.io.` is how a browser shows its token, and is no protocol. */
const plain = (offered: readonly string[]): string[] =>
  offered.filter((name) => !name.startsWith('base64url.bearer.authorization.k8s.io.'));

/**
 * A watch with a message for each event: text for JSON, bytes for protobuf. A subprotocol that a client offers is taken
 * whatever it is, but of several none (golang.org/x/net/websocket).
 */
export function watchMessages(upgrading: Upgrading, events: WatchEvents): WatchAnswer {
  const socket = accept(upgrading, (offered) => {
    const names = plain(offered);
    return names.length > 1 ? undefined : (names[0] ?? '');
  });
  if (socket === undefined) return { sink: nowhere, closed: Promise.resolve() };
  return { sink: new WatchMessages(socket, events), closed: socket.closed };
}

function accept(
  { request, response, socket, head }: Upgrading,
  choose: (offered: readonly string[]) => string | undefined,
): MessageSocket | undefined {
  response.detachSocket(socket as Socket);
  return acceptMessages({ request, socket, head }, choose);
}

const nowhere: WatchSink = {
  send: () => true,
  drained: () => Promise.resolve(),
  end: () => undefined,
};

/** The four bytes of a message's length, which a WebSocket message has by itself. */
const lengthBytes = 4;

class WatchMessages implements WatchSink {
  readonly #socket: MessageSocket;
  readonly #events: WatchEvents;

  constructor(socket: MessageSocket, events: WatchEvents) {
    this.#socket = socket;
    this.#events = events;
  }

  send(items: readonly WatchItem[]): boolean {
    const { areText } = this.#events;
    let goesOn = true;
    for (const item of items) {
      const bytes = this.#events.bytes(item);
      goesOn = areText
        ? this.#socket.send(bytes, 'text')
        : this.#socket.send(bytes.subarray(lengthBytes), 'bytes');
    }
    if (this.#socket.bufferedBytes > watcherBufferedBytes) this.#socket.destroy();
    return goesOn;
  }

  drained(): Promise<void> {
    return this.#socket.drained();
  }

  end(): void {
    this.#socket.end();
  }
}

/** The subprotocols of a log: bytes, or text in base64. Without one it is bytes. */
const logProtocols = ['binary.k8s.io', 'base64.binary.k8s.io'];

/** Takes chunks of a log as messages. */
export interface LogMessages {
  readonly closed: Promise<void>;
  send(data: Buffer): Promise<void>;
  end(): void;
}

/**
 * Opens the messages of a log; the first one is empty, so that the client knows that it has begun.
 * @returns undefined when the handshake is refused: none of the client's subprotocols is known
 */
export function logMessages(upgrading: Upgrading): LogMessages | undefined {
  const socket = accept(upgrading, (offered) => {
    const names = plain(offered);
    return names.length === 0 ? '' : names.find((name) => logProtocols.includes(name));
  });
  if (socket === undefined) return undefined;
  const isText = socket.protocol.startsWith('base64.');
  const send = async (data: Buffer): Promise<void> => {
    const sent = isText
      ? socket.send(Buffer.from(data.toString('base64')), 'text')
      : socket.send(data, 'bytes');
    if (!sent) await socket.drained();
  };
  void send(Buffer.alloc(0));
  return { closed: socket.closed, send, end: () => socket.end() };
}
