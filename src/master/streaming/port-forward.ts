/**
 * Port-forward between a Kubernetes client and the node's agent. Over SPDY a connection is a pair of streams with the
 * same request id; kubectl since 1.31 sends the same SPDY inside WebSocket messages; other clients use one WebSocket
 * channel pair per port.
 */
import type { IncomingMessage } from 'node:http';
import { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';
import type { PortForwardData } from '../../gen/agent.js';
import type { Clock } from '../../lib/clock.js';
import type { ClientDuplex } from '../../lib/grpc/index.js';
import { Session } from '../../lib/session.js';
import { errorMessage } from '../../lib/errors.js';
import type { ClientFlow } from './call-link.js';
import { CallLink, sharedFlow } from './call-link.js';
import { SpdyConnection } from '../../lib/spdy/connection.js';
import type { SpdyStream } from '../../lib/spdy/connection.js';
import { unbatched } from './unbatched.js';
import { acceptUpgrade, refuseUpgrade } from './upgrade.js';
import { toBuffer, webSocketFlow } from './websocket-command.js';

/** Opens a call whose first message must be sent by the caller. */
export type OpenPortForward = (port: number) => ClientDuplex<PortForwardData, PortForwardData>;

interface Forwarding {
  readonly open: OpenPortForward;
  readonly clock: Clock;
}

const spdyProtocol = 'portforward.k8s.io';
const tunnelProtocol = 'SPDY/3.1+portforward.k8s.io';
/** The tunnel's name as the library takes it: to it `/` may not be in a name. */
const tunnelToken = tunnelProtocol.replace('/', '.');
const channelProtocols = ['v4.channel.k8s.io', 'v4.base64.channel.k8s.io'];

/** Over SPDY/3.1. */
export function serveSpdyPortForward(options: {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  readonly open: OpenPortForward;
  readonly clock: Clock;
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
  forwardSpdy(options.socket, options);
}

const server = new WebSocketServer({
  noServer: true,
  maxPayload: 4 * 1024 * 1024,
  perMessageDeflate: false,
  handleProtocols: (offered) =>
    offered.has(tunnelToken)
      ? tunnelProtocol
      : (channelProtocols.find((protocol) => offered.has(protocol)) ?? false),
});
const protocolHeader = 'sec-websocket-protocol';

/** Over WebSocket: a tunnel for SPDY, or a channel pair per port. @param ports of the query, for the latter */
export function serveWebSocketPortForward(options: {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
  readonly ports: readonly number[];
  readonly open: OpenPortForward;
  readonly clock: Clock;
}): void {
  if (options.ports.length > channelPortsMax) {
    refuseUpgrade(options.socket, 400, `at most ${channelPortsMax} ports may be forwarded at once`);
    return;
  }
  const { headers } = options.request;
  headers[protocolHeader] = headers[protocolHeader]?.replace(tunnelProtocol, tunnelToken);
  const connection = unbatched(options.socket);
  server.handleUpgrade(options.request, connection, options.head, (socket) => {
    if (socket.protocol === tunnelProtocol) forwardSpdy(tunnel(socket), options);
    else forwardChannels(socket, options.ports, options);
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

/** A client has so long to open the second stream of a pair. @see kubelet's stream creation timeout */
const pairTimeoutMs = 30_000;

interface Pair {
  data?: SpdyStream;
  error?: SpdyStream;
  readonly cancelTimeout: () => void;
}

function forwardSpdy(socket: Duplex, { open, clock }: Forwarding): void {
  const pairs = new Map<string, Pair>();
  const connection: SpdyConnection = new SpdyConnection(socket, (stream) => {
    const type = stream.header('streamType');
    const port = Number(stream.header('port'));
    const id = stream.header('requestID') === '' ? String(port) : stream.header('requestID');
    const isPort = Number.isInteger(port) && port >= 1 && port <= 65_535;
    if ((type !== 'data' && type !== 'error') || !isPort || pairs.get(id)?.[type] !== undefined) {
      stream.reset();
      return;
    }
    const pair = pairs.get(id) ?? newPair(id);
    pair[type] = stream;
    // A stream that ends before its partner has come ends the pair.
    stream.onClose(() => drop(id, pair));
    if (pair.data === undefined || pair.error === undefined) return;
    pairs.delete(id);
    pair.cancelTimeout();
    forwardPair({ connection, flow, data: pair.data, error: pair.error, port, open, clock });
  });
  const flow = sharedFlow(connection);
  const newPair = (id: string): Pair => {
    const pair: Pair = { cancelTimeout: clock.schedule(pairTimeoutMs, () => drop(id, pair)) };
    pairs.set(id, pair);
    return pair;
  };
  const drop = (id: string, pair: Pair): void => {
    pair.cancelTimeout();
    if (pairs.get(id) !== pair) return;
    pairs.delete(id);
    pair.data?.reset();
    pair.error?.reset();
  };
}

/** Forwards a connection of a client, over a pair of streams. */
function forwardPair(pair: {
  readonly connection: SpdyConnection;
  readonly flow: ClientFlow;
  readonly data: SpdyStream;
  readonly error: SpdyStream;
  readonly port: number;
  readonly open: OpenPortForward;
  readonly clock: Clock;
}): void {
  const { connection, data, error, port, clock } = pair;
  const session = new Session({ clock });
  // Both sides have ended it, the client has reset it, or its connection is gone.
  data.onClose(() => session.end());
  let said = '';
  const call = tryOpen(
    () => pair.open(port),
    (text) => {
      said = text;
    },
  );
  const link = call === undefined ? undefined : new CallLink(session, call, pair);
  data.onData((bytes) => link?.push({ kind: { $case: 'data', value: bytes } }, bytes.length));
  data.onEnd(() => link?.push({ kind: { $case: 'halfClosed', value: true } }, 0));
  session.run(async () => {
    if (call === undefined) error.write(Buffer.from(said));
    else {
      await receive(call, {
        data: async (bytes) => {
          if (!data.write(bytes)) await connection.drained();
        },
        error: (message) => error.write(Buffer.from(message)),
      });
    }
    error.end();
    data.end();
  });
}

/** Each port has two channels, and a channel's number is one byte. */
const channelPortsMax = 127;

function forwardChannels(socket: WebSocket, ports: readonly number[], options: Forwarding): void {
  const isText = socket.protocol.includes('base64');
  const send = (channel: number, data: Uint8Array): Promise<void> =>
    new Promise((resolve) => {
      const body = Buffer.from(data);
      const message = isText
        ? `${String.fromCharCode(48 + channel)}${body.toString('base64')}`
        : Buffer.concat([Buffer.from([channel]), body]);
      // A message that could not be sent has found a connection that is closed, and `close` ends the sessions.
      socket.send(message, () => resolve());
    });
  const flow = sharedFlow(webSocketFlow(socket));
  let open = ports.length;
  const links = ports.map((port, at) => {
    const session = new Session({ clock: options.clock });
    socket.on('close', () => session.end());
    const link = channelPair({ ...options, session, flow, port, at, send });
    // The connection has the life of its last port.
    session.onEnd(() => {
      open -= 1;
      if (open === 0) socket.close(1000);
    });
    return link;
  });
  socket.on('message', (raw) => {
    const message = toBuffer(raw);
    const channel = isText ? (message[0] ?? 48) - 48 : (message[0] ?? 0);
    const data = isText
      ? Buffer.from(message.subarray(1).toString('latin1'), 'base64')
      : message.subarray(1);
    const link = channel % 2 === 0 ? links[channel / 2] : undefined;
    if (data.length > 0) link?.push({ kind: { $case: 'data', value: data } }, data.length);
  });
  // A broken connection is closed too, and that is what counts.
  socket.on('error', () => undefined);
}

/** Serves a port's channels: its number on each, then the pod's bytes. */
function channelPair(options: {
  readonly session: Session;
  readonly flow: ClientFlow;
  readonly port: number;
  /** The position of the port in the request, from 0. */
  readonly at: number;
  readonly send: (channel: number, data: Uint8Array) => Promise<void>;
  readonly clock: Clock;
  readonly open: OpenPortForward;
}): CallLink<PortForwardData, PortForwardData> | undefined {
  const { session, port, at, send } = options;
  const [data, error] = [at * 2, at * 2 + 1];
  const number = Buffer.alloc(2);
  number.writeUInt16LE(port, 0);
  let said = '';
  const call = tryOpen(
    () => options.open(port),
    (text) => {
      said = text;
    },
  );
  session.run(async () => {
    await Promise.all([send(data, number), send(error, number)]);
    if (call === undefined) await send(error, Buffer.from(said));
    else {
      await receive(call, {
        data: (bytes) => send(data, bytes),
        error: (message) => {
          session.run(() => send(error, Buffer.from(message)));
        },
      });
    }
    session.end();
  });
  return call === undefined ? undefined : new CallLink(session, call, options);
}

type PortCall = ClientDuplex<PortForwardData, PortForwardData>;

function tryOpen(open: () => PortCall, complain: (text: string) => void): PortCall | undefined {
  try {
    return open();
  } catch (error) {
    complain(errorMessage(error));
    return undefined;
  }
}

/** Hands on what the pod sends, until its side ends. */
async function receive(
  call: PortCall,
  to: { data(bytes: Buffer): Promise<void>; error(message: string): void },
): Promise<void> {
  try {
    for await (const { kind } of call) {
      if (kind?.$case === 'data') await to.data(kind.value);
      else if (kind?.$case === 'error') to.error(kind.value);
      else if (kind?.$case === 'halfClosed') break;
    }
  } catch (error) {
    to.error(errorMessage(error));
  }
}
