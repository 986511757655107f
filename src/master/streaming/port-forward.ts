/**
 * Port-forward between a Kubernetes client and the node's agent. Over SPDY a connection is a pair of streams with the same request id;
 * kubectl since 1.31 sends the same SPDY inside WebSocket messages; other clients use one WebSocket channel pair per port.
 */
import type { IncomingMessage } from 'node:http';
import { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';
import type { PortForwardData } from '../../gen/agent.js';
import type { ClientDuplex } from '../../lib/grpc/index.js';
import { SpdyConnection } from './spdy/connection.js';
import type { SpdyStream } from './spdy/connection.js';
import { acceptUpgrade, refuseUpgrade } from './upgrade.js';
import { toBuffer } from './websocket-command.js';

/** Opens a call whose first message must be sent by the caller. */
export type OpenPortForward = (port: number) => ClientDuplex<PortForwardData, PortForwardData>;

const spdyProtocol = 'portforward.k8s.io';
const tunnelProtocol = 'SPDY/3.1+portforward.k8s.io';
const channelProtocols = ['v4.channel.k8s.io', 'v4.base64.channel.k8s.io'];

/** Over SPDY/3.1. */
export function serveSpdyPortForward(options: {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  readonly open: OpenPortForward;
}): void {
  const offered = String(options.request.headers['x-stream-protocol-version'] ?? '').split(/,\s*/);
  if (!offered.includes(spdyProtocol)) {
    refuseUpgrade(
      options.socket,
      403,
      `unable to negotiate protocol: client supports ${offered.join(', ')}, server supports ${spdyProtocol}`,
    );
    return;
  }
  acceptUpgrade(options.socket, {
    Upgrade: 'SPDY/3.1',
    'X-Stream-Protocol-Version': spdyProtocol,
  });
  forwardSpdy(options.socket, options.open);
}

const server = new WebSocketServer({
  noServer: true,
  maxPayload: 4 * 1024 * 1024,
  perMessageDeflate: false,
  handleProtocols: (offered) =>
    [tunnelProtocol, ...channelProtocols].find((protocol) => offered.has(protocol)) ?? false,
});

/** Over WebSocket: a tunnel for SPDY, or a channel pair per port. @param ports of the query, for the latter */
export function serveWebSocketPortForward(options: {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
  readonly ports: readonly number[];
  readonly open: OpenPortForward;
}): void {
  server.handleUpgrade(options.request, options.socket, options.head, (socket) => {
    if (socket.protocol === tunnelProtocol) forwardSpdy(tunnel(socket), options.open);
    else forwardChannels(socket, options.ports, options.open);
  });
}

/** The bytes inside a WebSocket's binary messages, as a stream. */
function tunnel(socket: WebSocket): Duplex {
  const duplex = new Duplex({
    read: () => socket.resume(),
    write: (chunk: Buffer, _encoding, done) => {
      socket.send(chunk, { binary: true }, (error) => done(error ?? null));
    },
    final: (done) => {
      socket.close(1000);
      done();
    },
    destroy: (error, done) => {
      socket.terminate();
      done(error);
    },
  });
  socket.on('message', (data) => {
    if (!duplex.push(toBuffer(data))) socket.pause();
  });
  socket.on('close', () => duplex.push(null));
  socket.on('error', () => duplex.push(null));
  return duplex;
}

interface Pair {
  data?: SpdyStream;
  error?: SpdyStream;
}

function forwardSpdy(socket: Duplex, open: OpenPortForward): void {
  const pairs = new Map<string, Pair>();
  const connection: SpdyConnection = new SpdyConnection(socket, (stream) => {
    const type = stream.header('streamType');
    const port = Number(stream.header('port'));
    const id = stream.header('requestID') === '' ? String(port) : stream.header('requestID');
    if ((type !== 'data' && type !== 'error') || !(port >= 1 && port <= 65_535)) {
      stream.reset();
      return;
    }
    const pair = pairs.get(id) ?? {};
    pairs.set(id, pair);
    pair[type] = stream;
    if (pair.data === undefined || pair.error === undefined) return;
    pairs.delete(id);
    forwardPair(connection, pair.data, pair.error, port, open);
  });
}

function forwardPair(
  connection: SpdyConnection,
  data: SpdyStream,
  error: SpdyStream,
  port: number,
  open: OpenPortForward,
): void {
  const call = open(port);
  const send = (message: PortForwardData): void => {
    if (call.ended || call.send(message)) return;
    connection.pause();
    void call.drained().then(() => connection.resume());
  };
  data.onData((bytes) => send({ kind: { $case: 'data', value: bytes } }));
  data.onEnd(() => send({ kind: { $case: 'halfClosed', value: true } }));
  data.onClose(() => call.end());
  connection.onClose(() => call.cancel());
  void receive(call, {
    data: async (bytes) => {
      if (!data.write(bytes)) await connection.drained();
    },
    error: (message) => error.write(Buffer.from(message)),
  }).then(() => {
    error.end();
    data.end();
  });
}

function forwardChannels(socket: WebSocket, ports: readonly number[], open: OpenPortForward): void {
  const isText = socket.protocol.includes('base64');
  const send = (channel: number, data: Uint8Array): Promise<void> =>
    new Promise((resolve) => {
      const body = Buffer.from(data);
      const message = isText
        ? `${String.fromCharCode(48 + channel)}${body.toString('base64')}`
        : Buffer.concat([Buffer.from([channel]), body]);
      socket.send(message, () => resolve());
    });
  const calls = ports.map((port, at) => {
    const call = open(port);
    const number = Buffer.alloc(2);
    number.writeUInt16LE(port, 0);
    void send(at * 2, number);
    void send(at * 2 + 1, number);
    void receive(call, {
      data: (bytes) => send(at * 2, bytes),
      error: (message) => void send(at * 2 + 1, Buffer.from(message)),
    }).then(() => socket.close(1000));
    return call;
  });
  socket.on('message', (raw) => {
    const message = toBuffer(raw);
    const channel = isText ? (message[0] ?? 48) - 48 : (message[0] ?? 0);
    const data = isText
      ? Buffer.from(message.subarray(1).toString('latin1'), 'base64')
      : message.subarray(1);
    const call = channel % 2 === 0 ? calls[channel / 2] : undefined;
    if (call === undefined || data.length === 0) return;
    if (call.send({ kind: { $case: 'data', value: data } })) return;
    socket.pause();
    void call.drained().then(() => socket.resume());
  });
  socket.on('error', () => undefined);
  socket.on('close', () => {
    for (const call of calls) call.cancel();
  });
}

/** Hands on what the pod sends, until its side ends. */
async function receive(
  call: ClientDuplex<PortForwardData, PortForwardData>,
  to: { data(bytes: Buffer): Promise<void>; error(message: string): void },
): Promise<void> {
  try {
    for await (const { kind } of call) {
      if (kind?.$case === 'data') await to.data(kind.value);
      else if (kind?.$case === 'error') to.error(kind.value);
      else if (kind?.$case === 'halfClosed') break;
    }
  } catch (error) {
    to.error(error instanceof Error ? error.message : String(error));
  }
}
