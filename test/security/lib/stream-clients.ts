/**
 * Clients of exec, attach, port-forward and logs that can stop at any moment and in any way: gRPC, WebSocket, SPDY/3.1.
 */
import * as net from 'node:net';
import { WebSocket } from 'ws';
import type { ExecInput, LogsRequest, PortForwardData } from '../../../src/gen/agent.js';
import type { AgentDefinition } from '../../../src/gen/agent.js';
import type { Client } from '../../../src/lib/grpc/index.js';
import { HeaderWriter } from '../../../src/lib/spdy/headers.js';
import { container } from './closers-rig.js';

/** The kind and the target of a conversation. */
export interface Topic {
  readonly kind: 'exec' | 'attach' | 'portForward' | 'logs';
  readonly command: readonly string[];
  readonly tty: boolean;
  /** Of an echo server. */
  readonly port: number;
}

/** A conversation, which its client can leave in several ways. */
export interface Talk {
  /** Sends the request, for protocols where it comes after the connection. */
  start(): void;
  send(data: Buffer): void;
  halfClose(): void;
  stopReading(): void;
  /** Politely. */
  close(): void;
  /** Without a word. */
  destroy(): void;
  /** Resolves with the first output, and with the end. */
  readonly first: Promise<void>;
  readonly ended: Promise<void>;
}

interface Signal {
  readonly promise: Promise<void>;
  readonly give: () => void;
}

function signal(): Signal {
  let give: () => void = () => undefined;
  const promise = new Promise<void>((resolve) => {
    give = resolve;
  });
  return { promise, give };
}

export function grpcTalk(agent: Client<typeof AgentDefinition>, topic: Topic): Talk {
  const [first, ended] = [signal(), signal()];
  const abort = new AbortController();
  const flow = { reading: true };
  const read = async (stream: AsyncIterable<unknown>): Promise<void> => {
    try {
      for await (const _message of stream) {
        first.give();
        while (!flow.reading && !abort.signal.aborted) {
          await new Promise((resolve) => {
            abort.signal.addEventListener('abort', resolve, { once: true });
          });
        }
      }
    } catch {
      // Cancelled, or the node has gone: that is what is tested.
    } finally {
      first.give();
      ended.give();
    }
  };
  const common = {
    stopReading: () => {
      flow.reading = false;
    },
    destroy: () => abort.abort(),
    first: first.promise,
    ended: ended.promise,
  };
  const options = { signal: abort.signal };
  if (topic.kind === 'logs') {
    const request: LogsRequest = {
      container: container('ticker'),
      follow: true,
      previous: false,
      timestamps: false,
      tailLines: undefined,
      sinceSeconds: undefined,
      sinceTime: '',
      limitBytes: undefined,
    };
    void read(agent.logs(request, options));
    const nothing = (): void => undefined;
    return { ...common, start: nothing, send: nothing, halfClose: nothing, close: common.destroy };
  }
  if (topic.kind === 'portForward') {
    const call = agent.portForward(options);
    void read(call);
    const send = (kind: PortForwardData['kind']): void => {
      if (!call.ended) call.send({ kind });
    };
    return {
      ...common,
      start: () =>
        send({
          $case: 'start',
          value: { container: container(''), port: topic.port, toPodAddress: false },
        }),
      send: (value) => send({ $case: 'data', value }),
      halfClose: () => send({ $case: 'halfClosed', value: true }),
      close: () => call.end(),
    };
  }
  const call = agent[topic.kind](options);
  void read(call);
  const send = (kind: ExecInput['kind']): void => {
    if (!call.ended) call.send({ kind });
  };
  const value = {
    container: container(topic.kind === 'attach' ? 'shell' : 'ticker'),
    command: [...topic.command],
    stdin: true,
    stdout: true,
    stderr: !topic.tty,
    tty: topic.tty,
  };
  return {
    ...common,
    start: () => send({ $case: 'start', value }),
    send: (data) => send({ $case: 'stdin', value: data }),
    halfClose: () => send({ $case: 'stdinClosed', value: true }),
    close: () => call.end(),
  };
}

function query({ kind, command, tty, port }: Topic): string {
  const parameters = new URLSearchParams({ stdin: 'true', tty: String(tty) });
  for (const word of command) parameters.append('command', word);
  if (kind === 'portForward') parameters.append('ports', String(port));
  return `/${kind.toLowerCase()}?${parameters.toString()}`;
}

export function webSocketTalk(gatewayPort: number, topic: Topic, protocol: string): Talk {
  const [first, ended] = [signal(), signal()];
  const socket = new WebSocket(`ws://127.0.0.1:${gatewayPort}${query(topic)}`, protocol);
  socket.on('message', first.give);
  socket.on('error', () => undefined);
  socket.on('close', () => {
    first.give();
    ended.give();
  });
  const send = (message: Buffer): void => {
    if (socket.readyState === WebSocket.OPEN) socket.send(message, () => undefined);
  };
  return {
    start: () => undefined,
    send: (data) => send(Buffer.concat([Buffer.from([0]), data])),
    // v5 has a message for it; the older protocols have none.
    halfClose: () => send(protocol.startsWith('v5') ? Buffer.from([255, 0]) : Buffer.from([0])),
    stopReading: () => socket.pause(),
    close: () => socket.close(1000),
    destroy: () => socket.terminate(),
    first: first.promise,
    ended: ended.promise,
  };
}

/** A hand-made client: streams 1, 3, 5 … for what the topic has. */
export function spdyTalk(gatewayPort: number, topic: Topic): Talk {
  const [first, ended] = [signal(), signal()];
  const socket = net.connect(gatewayPort, '127.0.0.1');
  const isForward = topic.kind === 'portForward';
  let upgraded = false;
  socket.on('data', () => {
    if (upgraded) first.give();
    upgraded = true;
  });
  socket.on('error', () => undefined);
  socket.on('close', () => {
    first.give();
    ended.give();
  });
  const protocol = isForward ? 'portforward.k8s.io' : 'v4.channel.k8s.io';
  socket.write(
    `POST ${query(topic)} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n` +
      `X-Stream-Protocol-Version: ${protocol}\r\n\r\n`,
  );
  const names = isForward
    ? ['error', 'data']
    : ['error', 'stdin', 'stdout', topic.tty ? 'resize' : 'stderr'];
  const writer = new HeaderWriter();
  const input = names.indexOf(isForward ? 'data' : 'stdin') * 2 + 1;
  const open = async (): Promise<void> => {
    for (const [at, name] of names.entries()) {
      const headers = new Map([['streamtype', name]]);
      if (isForward) headers.set('port', String(topic.port)).set('requestid', '1');
      const block = await writer.write(headers);
      const frame = Buffer.alloc(18);
      frame.writeUInt32BE(0x80030001, 0);
      frame.writeUIntBE(block.length + 10, 5, 3);
      frame.writeUInt32BE(at * 2 + 1, 8);
      if (socket.writable) socket.write(Buffer.concat([frame, block]));
    }
  };
  const data = (body: Buffer, flags: number): void => {
    const head = Buffer.alloc(8);
    head.writeUInt32BE(input, 0);
    head.writeUInt8(flags, 4);
    head.writeUIntBE(body.length, 5, 3);
    if (socket.writable) socket.write(Buffer.concat([head, body]));
  };
  return {
    start: () => void open(),
    send: (body) => data(body, 0),
    halfClose: () => data(Buffer.alloc(0), 1),
    stopReading: () => socket.pause(),
    close: () => socket.end(),
    destroy: () => socket.destroy(),
    first: first.promise,
    ended: ended.promise,
  };
}
