import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';
import type { ExecStart } from '../../gen/agent.js';
import type { Clock } from '../../lib/clock.js';
import type { Session } from '../../lib/session.js';
import type { ClientFlow } from './call-link.js';
import type { ExecCall } from './remote-command.js';
import { bridgeCommand } from './remote-command.js';
import { parseResize } from './spdy-command.js';
import { unbatched } from './unbatched.js';

/** The first byte of every message says which stream it belongs to. @see Kubernetes KEP-4006 */
export const channels = {
  stdin: 0,
  stdout: 1,
  stderr: 2,
  error: 3,
  resize: 4,
  close: 255,
} as const;

/** Newest first. Of the old ones, `base64.` carries text. */
const protocols = [
  'v5.channel.k8s.io',
  'v4.channel.k8s.io',
  'v3.channel.k8s.io',
  'v2.channel.k8s.io',
  'channel.k8s.io',
  'v4.base64.channel.k8s.io',
  'base64.channel.k8s.io',
];
/** Bytes that may wait for the client. */
const bufferedBytesMax = 1024 * 1024;

const server = new WebSocketServer({
  noServer: true,
  maxPayload: 4 * 1024 * 1024,
  perMessageDeflate: false,
  handleProtocols: (offered) => protocols.find((protocol) => offered.has(protocol)) ?? false,
});

/** Exec and attach over WebSocket. */
export function serveWebSocketCommand(options: {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
  readonly session: Session;
  readonly start: ExecStart;
  readonly open: () => ExecCall;
  readonly clock: Clock;
}): void {
  const { session, request, socket, head } = options;
  // A handshake that is refused closes the socket, and so does everything that comes later.
  socket.once('close', () => session.end());
  server.handleUpgrade(request, unbatched(socket), head, (webSocket) => {
    run(webSocket, options);
  });
}

function run(
  socket: WebSocket,
  options: {
    readonly session: Session;
    readonly start: ExecStart;
    readonly open: () => ExecCall;
    readonly clock: Clock;
  },
): void {
  const isText = socket.protocol.includes('base64');
  const hasStatus = /^v[45]\./.test(socket.protocol);
  const send = (channel: number, data: Buffer): boolean => {
    if (isText) socket.send(`${channel}${data.toString('base64')}`);
    else socket.send(Buffer.concat([Buffer.from([channel]), data]));
    return socket.bufferedAmount < bufferedBytesMax;
  };
  // Clients learn from an empty message on each channel that the stream stands.
  if (!hasStatus || socket.protocol === 'v4.channel.k8s.io') {
    if (options.start.stdout) send(channels.stdout, Buffer.alloc(0));
  }
  const input = bridgeCommand({
    session: options.session,
    start: options.start,
    open: options.open,
    flow: webSocketFlow(socket),
    clock: options.clock,
    client: {
      stdout: (data) => send(channels.stdout, data),
      stderr: (data) => send(channels.stderr, data),
      drained: () => drained(socket),
      finish: (status) => {
        if (hasStatus) send(channels.error, Buffer.from(JSON.stringify(status)));
        else if (status.status !== 'Success') {
          send(channels.error, Buffer.from(status.message ?? 'the command failed'));
        }
        socket.close(1000);
      },
    },
  });
  socket.on('message', (data, isBinary) => {
    const message = toBuffer(data);
    const channel = isText && !isBinary ? (message[0] ?? 48) - 48 : message[0];
    const body =
      isText && !isBinary
        ? Buffer.from(message.subarray(1).toString('latin1'), 'base64')
        : message.subarray(1);
    if (channel === channels.stdin) {
      if (body.length > 0) input.stdin(body);
    } else if (channel === channels.resize) {
      const size = parseResize(body);
      if (size !== undefined) input.resize(size);
    } else if (channel === channels.close && body[0] === channels.stdin) input.stdinClosed();
  });
  // A broken connection is closed too, and that is what counts.
  socket.on('error', () => undefined);
  socket.on('close', () => input.closed());
}

/** A WebSocket's connection, as one that can wait. */
export function webSocketFlow(socket: WebSocket): ClientFlow {
  return {
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    ping: () => {
      if (socket.readyState === socket.OPEN) socket.ping(Buffer.alloc(0), false, () => undefined);
    },
  };
}

/** `ws` has no drain event; its socket has. */
async function drained(socket: WebSocket): Promise<void> {
  while (socket.bufferedAmount >= bufferedBytesMax && socket.readyState === socket.OPEN) {
    await new Promise<void>((resolve) => {
      const marker = Buffer.alloc(0);
      socket.ping(marker, false, () => resolve());
    });
  }
}

/** The bytes of a message, however `ws` hands them over. */
export function toBuffer(data: Buffer | ArrayBuffer | Buffer[]): Buffer {
  if (Buffer.isBuffer(data)) return data;
  return Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data);
}
