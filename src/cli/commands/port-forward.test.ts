/** `port-forward` in front of a pretended API server. */
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { once } from 'node:events';
import * as http from 'node:http';
import * as net from 'node:net';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';
import { processContext } from '../context.js';
import { run } from '../main.js';

const pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'p', namespace: 'default' },
  spec: { containers: [{ name: 'c', image: 'i' }] },
  status: { phase: 'Running' },
};
const greeting = (channel: number): Buffer => Buffer.from([channel, 80, 0]);

let upstream: http.Server;
/** Is awaited before the handshake. */
let handshake: () => Promise<void>;
let serve: (socket: WebSocket) => void;
let ended: Promise<number>;
let port = 0;
let words = '';

beforeAll(async () => {
  upstream = http.createServer((_, response) => response.end(JSON.stringify(pod)));
  const sockets = new WebSocketServer({
    noServer: true,
    handleProtocols: () => 'v4.channel.k8s.io',
  });
  upstream.on('upgrade', (request, socket, head) => {
    void handshake().then(() =>
      sockets.handleUpgrade(request, socket, head, (opened) => serve(opened)),
    );
  });
  upstream.listen(0, '127.0.0.1');
  await once(upstream, 'listening');
  let tell: () => void = () => undefined;
  const listening = new Promise<void>((resolve) => {
    tell = resolve;
  });
  const write = (data: string | Uint8Array): void => {
    words += Buffer.from(data).toString('utf8');
    tell();
  };
  const { port: at } = upstream.address() as net.AddressInfo;
  ended = run(['port-forward', 'pod/p', ':80', `--server=http://127.0.0.1:${at}`], {
    ...processContext,
    out: write,
    err: write,
  });
  await listening;
  port = Number(/127\.0\.0\.1:(\d+) -> 80/.exec(words)?.[1]);
});

beforeEach(() => {
  handshake = () => Promise.resolve();
  serve = (socket) => {
    for (const channel of [0, 1]) socket.send(greeting(channel));
    socket.on('message', (data: Buffer) => socket.send(data));
  };
});

afterAll(() => void upstream.close());

test('data of more than the buffers hold comes back whole', async () => {
  const sent = Buffer.alloc(8 * 1024 * 1024, 'abcdefg');
  const client = net.connect(port, '127.0.0.1');
  client.write(sent);
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of client as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    size += chunk.length;
    if (size >= sent.length) break;
  }
  expect(Buffer.concat(chunks).equals(sent)).toBe(true);
});

test('what the pod refuses is told, and the connection ends', async () => {
  serve = (socket) => {
    for (const channel of [0, 1]) socket.send(greeting(channel));
    socket.send(Buffer.concat([Buffer.from([1]), Buffer.from('connection refused')]));
  };
  const client = net.connect(port, '127.0.0.1').resume();
  await once(client, 'close');
  expect(words).toContain(`an error occurred forwarding ${port} -> 80: connection refused\n`);
});

test('a client that resets before the pod is reached ends its own stream and nothing else', async () => {
  const client = net.connect(port, '127.0.0.1');
  const closed = new Promise<void>((resolve) => {
    serve = (socket) => socket.once('close', () => resolve());
  });
  await new Promise<void>((arrived) => {
    handshake = async () => {
      arrived();
      client.resetAndDestroy();
      await once(client, 'close');
      // The reset is seen here in a later turn than it was made in.
      for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    };
  });
  await closed;
});

test('SIGINT ends it, with the connections that are open', async () => {
  const client = net.connect(port, '127.0.0.1').resume();
  await new Promise<void>((resolve) => {
    serve = () => resolve();
  });
  const closed = once(client, 'close');
  process.emit('SIGINT');
  expect(await ended).toBe(0);
  await closed;
});
