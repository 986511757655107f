import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { ExecStart } from '../../gen/agent.js';
import type { Clock } from '../../lib/clock.js';
import { endSocket } from '../../lib/linger.js';
import type { Session } from '../../lib/session.js';
import type { CommandInput, CommandStatus, ExecCall } from './remote-command.js';
import { bridgeCommand } from './remote-command.js';
import type { SpdyStream } from '../../lib/spdy/connection.js';
import { SpdyConnection } from '../../lib/spdy/connection.js';
import { acceptUpgrade, refuseUpgrade } from './upgrade.js';

/** Newest first; v5 is for WebSocket only. */
const protocols = ['v4.channel.k8s.io', 'v3.channel.k8s.io', 'v2.channel.k8s.io'];
/** A client has so long to open its streams. */
const streamsTimeoutMs = 30_000;

/** Exec and attach over SPDY/3.1, as kubectl before 1.31 does, and newer ones when WebSocket fails. */
export function serveSpdyCommand(options: {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  readonly session: Session;
  readonly start: ExecStart;
  readonly open: () => ExecCall;
  readonly clock: Clock;
}): void {
  const { request, socket, session, start } = options;
  const offered = String(request.headers['x-stream-protocol-version'] ?? '').split(/,\s*/);
  const protocol = protocols.find((candidate) => offered.includes(candidate));
  if (protocol === undefined) {
    refuseUpgrade(
      socket,
      403,
      `unable to negotiate protocol: client supports ${offered.join(', ')}, server supports ${protocols.join(', ')}`,
    );
    session.end();
    return;
  }
  acceptUpgrade(socket, { Upgrade: 'SPDY/3.1', 'X-Stream-Protocol-Version': protocol });
  const wanted = new Set(
    [
      'error',
      start.stdin ? 'stdin' : '',
      start.stdout ? 'stdout' : '',
      start.stderr && !start.tty ? 'stderr' : '',
      start.tty && protocol !== 'v2.channel.k8s.io' ? 'resize' : '',
    ].filter((name) => name !== ''),
  );
  const streams = new Map<string, SpdyStream>();
  const connection = new SpdyConnection(socket, (stream) => {
    const type = stream.header('streamType');
    if (!wanted.has(type) || streams.has(type)) {
      stream.reset();
      return;
    }
    streams.set(type, stream);
    if (streams.size === wanted.size) {
      cancelTimeout();
      run(options, connection, streams, protocol);
    }
  });
  const cancelTimeout = options.clock.schedule(streamsTimeoutMs, () => connection.close());
  session.onEnd(cancelTimeout);
  connection.onClose(() => session.end());
}

function run(
  options: {
    readonly socket: Duplex;
    readonly session: Session;
    readonly start: ExecStart;
    readonly open: () => ExecCall;
    readonly clock: Clock;
  },
  connection: SpdyConnection,
  streams: ReadonlyMap<string, SpdyStream>,
  protocol: string,
): void {
  const output = (name: string) => (data: Buffer) => streams.get(name)?.write(data) ?? true;
  const input: CommandInput = bridgeCommand({
    session: options.session,
    start: options.start,
    open: options.open,
    flow: connection,
    clock: options.clock,
    client: {
      stdout: output('stdout'),
      stderr: output('stderr'),
      drained: () => connection.drained(),
      finish: (status) => {
        const text = protocol === 'v4.channel.k8s.io' ? JSON.stringify(status) : plainText(status);
        if (text !== '') streams.get('error')?.write(Buffer.from(text));
        for (const stream of streams.values()) stream.end();
        // All has been said. A client that does not close the connection does not hold it either.
        connection.finishSoon();
        endSocket(options.socket, options.clock);
      },
    },
  });
  const stdin = streams.get('stdin');
  stdin?.onData((data) => input.stdin(data));
  stdin?.onEnd(() => input.stdinClosed());
  streams.get('resize')?.onData((data) => {
    const size = parseResize(data);
    if (size !== undefined) input.resize(size);
  });
}

/** Before v4 the error stream is text, and empty after a success. */
function plainText(status: CommandStatus): string {
  return status.status === 'Success' ? '' : (status.message ?? 'the command failed');
}

/** `{"Width":80,"Height":24}`. */
export function parseResize(data: Buffer): { width: number; height: number } | undefined {
  try {
    const { Width: width, Height: height } = JSON.parse(data.toString('utf8')) as {
      Width?: unknown;
      Height?: unknown;
    };
    if (typeof width !== 'number' || typeof height !== 'number') return undefined;
    const ok = (value: number): boolean => Number.isInteger(value) && value >= 0 && value < 65_536;
    return ok(width) && ok(height) ? { width, height } : undefined;
  } catch {
    return undefined;
  }
}
