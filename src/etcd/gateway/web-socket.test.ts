import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { EventEmitter } from 'node:events';
import { createServer, request } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocket } from 'ws';
import { silentLogger } from '../../lib/log.js';
import { createGrpcServer } from '../../lib/grpc/index.js';
import type { GrpcServer } from '../../lib/grpc/index.js';
import { until } from '../../lib/http2/testkit/raw-peer.js';
import { relay, webSocketDoor } from './web-socket.js';
import type { Relayed } from './web-socket.js';

let server: GrpcServer;
let url: string;
let requests: IncomingMessage[];
let responses: ServerResponse[];
let bodies: string;
const clients: WebSocket[] = [];

beforeEach(async () => {
  requests = [];
  responses = [];
  bodies = '';
  const rules = { hosts: new Set(['127.0.0.1']), origins: new Set<string>() };
  const limits = { messageBytes: 1000, unsentBytes: 64 * 1024 };
  const onUpgrade = webSocketDoor(
    (request, response) => {
      requests.push(request as IncomingMessage);
      responses.push(response as ServerResponse);
      request.on('data', (chunk: Buffer) => (bodies += chunk.toString()));
    },
    rules,
    limits,
  );
  server = createGrpcServer({
    log: silentLogger,
    onUpgrade,
    fallback: (request, response) => response.end(`plain ${request.url}`),
  });
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
  url = `ws://127.0.0.1:${port}`;
});

afterEach(async () => {
  for (const client of clients.splice(0)) client.terminate();
  await server.close();
});

interface Seen {
  readonly client: WebSocket;
  readonly messages: string[];
  end: string | undefined;
}

function connect(path: string, protocols: string[] = [], headers = {}): Seen {
  const client = new WebSocket(`${url}${path}`, protocols, { headers });
  clients.push(client);
  const seen: Seen = { client, messages: [], end: undefined };
  client.on('message', (data: Buffer) => seen.messages.push(data.toString()));
  client.on('error', (error) => (seen.end = error.message));
  client.on('close', (code) => (seen.end ??= `closed ${code}`));
  return seen;
}

async function begun({ client }: Seen): Promise<void> {
  await until(() => client.readyState === WebSocket.OPEN, 'the connection');
  await until(() => requests.length === 1, 'the request');
}

test('messages are the body of one request, and the lines of its answer are messages', async () => {
  const seen = connect('/v3/watch', [], { origin: 'http://page.example' });
  await begun(seen);
  seen.client.send('{"create_request":{}}');
  await until(() => bodies === '{"create_request":{}}\n', 'the first message');
  seen.client.send('{"cancel_request":{}}');
  await until(() => bodies.endsWith('{"cancel_request":{}}\n'), 'the second message');
  expect(requests[0]).toMatchObject({ method: 'POST', url: '/v3/watch' });
  expect(requests[0]?.headers).toMatchObject({ origin: 'http://page.example' });
  responses[0]?.write('{"result":1}\n\n{"res');
  responses[0]?.write('ult":2}\n');
  await until(() => seen.messages.length === 2, 'both answers');
  responses[0]?.end('{"error":3}');
  await until(() => seen.end !== undefined, 'the end');
  expect(seen.messages).toEqual(['{"result":1}', '{"result":2}', '{"error":3}']);
});

test('the token of a page comes with the protocols', async () => {
  const seen = connect('/v3/watch', ['Bearer', 'simple.token.12']);
  await begun(seen);
  expect(requests[0]?.headers.authorization).toBe('Bearer simple.token.12');
  expect(seen.client.protocol).toBe('Bearer');
});

/** As `curl --http2` and Java's client ask without TLS, and a page for what is no call of the gateway. */
test.each([
  ['/v3/kv/range', 'h2c'],
  ['/metrics', 'websocket'],
])('a request for %s that would like %s is answered as it is', async (path, protocol) => {
  const headers = { connection: 'Upgrade', upgrade: protocol };
  const call = request(`${url.replace('ws:', 'http:')}${path}`, { method: 'POST', headers });
  call.end('{"key":"YQ=="}');
  let text: string | undefined;
  call.on('response', (response) => {
    response.on('data', (chunk: Buffer) => (text = (text ?? '') + chunk.toString()));
  });
  await until(() => text !== undefined, 'the answer');
  expect(text).toBe(`plain ${path}`);
});

test('a client that goes ends its request', async () => {
  const seen = connect('/v3/watch');
  await begun(seen);
  let isGone = false;
  responses[0]?.on('close', () => (isGone = true));
  seen.client.terminate();
  await until(() => isGone, 'the end of the request');
});

/** A client that takes a message from what waits for it in every twentieth turn. */
class SlowClient extends EventEmitter {
  bufferedAmount = 0;
  most = 0;
  messages = 0;
  paused = 0;
  resumed = 0;
  isClosed = false;
  readonly #waiting: { readonly bytes: number; readonly sent: () => void }[] = [];

  send(line: Buffer, _options: object, sent: () => void): void {
    this.messages += 1;
    this.bufferedAmount += line.length;
    this.most = Math.max(this.most, this.bufferedAmount);
    if (this.#waiting.push({ bytes: line.length, sent }) === 1) this.#takeOne(20);
  }

  #takeOne(turns: number): void {
    setImmediate(() => {
      if (turns > 0) return this.#takeOne(turns - 1);
      const taken = this.#waiting.shift();
      this.bufferedAmount -= taken?.bytes ?? 0;
      if (this.#waiting.length > 0) this.#takeOne(20);
      taken?.sent();
    });
  }

  pause(): void {
    this.paused += 1;
  }

  resume(): void {
    this.resumed += 1;
  }

  close(): void {
    this.isClosed = true;
  }

  terminate(): void {
    this.isClosed = true;
  }
}

describe('each side waits for the other', () => {
  const line = 'x'.repeat(60_000);
  let peer: Server;

  afterEach(() => {
    peer.closeAllConnections();
    peer.close();
  });

  async function call(answer: (request: IncomingMessage, response: ServerResponse) => void) {
    peer = createServer(answer);
    await new Promise<void>((resolve) => peer.listen(0, '127.0.0.1', resolve));
    const { port } = peer.address() as AddressInfo;
    const client = new SlowClient();
    const started = request({ host: '127.0.0.1', port, method: 'POST' });
    relay(client as unknown as Relayed, started, { unsentBytes: 64 * 1024 });
    return { client, started };
  }

  test('an answer for a client that reads slowly', async () => {
    const { client, started } = await call((_request, response) => {
      for (let count = 0; count < 200; count += 1) response.write(`${line}\n`);
      response.end();
    });
    await until(() => client.isClosed, 'the end');
    started.destroy();
    expect(client.messages).toBe(200);
    // The bound, and what was read at once with the line that passed it.
    expect(client.most).toBeLessThan(64 * 1024 + 4 * line.length);
  });

  test('a client for a request that is not read', async () => {
    const held: IncomingMessage[] = [];
    const { client, started } = await call((request) => held.push(request));
    await until(() => held.length === 1, 'the request');
    for (let count = 0; count < 1000 && client.paused === 0; count += 1) {
      client.emit('message', Buffer.from(line));
    }
    expect(client.paused).toBe(1);
    expect(client.resumed).toBe(0);
    held[0]?.resume();
    await until(() => client.resumed === 1, 'the rest of what the client says');
    started.destroy();
  });
});

test.each([['a host that is not served', '/v3/watch', { host: 'bad.example' }, '421']])(
  '%s is refused',
  async (_name, path, headers, problem) => {
    const seen = connect(path, [], headers);
    await until(() => seen.end !== undefined, 'the end');
    expect(seen.end).toContain(problem);
    expect(requests).toEqual([]);
  },
);

test('a message beyond the bound ends the connection', async () => {
  const seen = connect('/v3/watch');
  await begun(seen);
  seen.client.send('x'.repeat(1001));
  await until(() => seen.end !== undefined, 'the end');
  expect(seen.end).toBe('closed 1009');
});
