import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { WebSocket } from 'ws';
import { silentLogger } from '../../lib/log.js';
import { createGrpcServer } from '../../lib/grpc/index.js';
import type { GrpcServer } from '../../lib/grpc/index.js';
import { until } from '../../lib/http2/testkit/raw-peer.js';
import { webSocketDoor } from './web-socket.js';

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
    fallback: (_request, response) => response.end(),
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

test('a client that goes ends its request', async () => {
  const seen = connect('/v3/watch');
  await begun(seen);
  let isGone = false;
  responses[0]?.on('close', () => (isGone = true));
  seen.client.terminate();
  await until(() => isGone, 'the end of the request');
});

test('an answer waits for a client that does not read', async () => {
  const seen = connect('/v3/watch');
  await begun(seen);
  seen.client.pause();
  const [response] = responses;
  const line = `${'x'.repeat(60_000)}\n`;
  let lines = 0;
  const fill = (): void => {
    for (let goesOn = true; goesOn && lines < 10_000; lines += 1) {
      goesOn = response?.write(line) ?? false;
    }
  };
  fill();
  expect(lines).toBeLessThan(10_000);
  response?.on('drain', fill);
  await until(() => (response?.writableLength ?? 0) > 0, 'a full pipe');
  const before = lines;
  response?.removeListener('drain', fill);
  seen.client.resume();
  await until(() => seen.messages.length === before, 'all that was sent');
});

test.each([
  ['another path', '/health', {}, 'Unexpected server response: 404'],
  ['a host that is not served', '/v3/watch', { host: 'bad.example' }, '421'],
])('%s is refused', async (_name, path, headers, problem) => {
  const seen = connect(path, [], headers);
  await until(() => seen.end !== undefined, 'the end');
  expect(seen.end).toContain(problem);
  expect(requests).toEqual([]);
});

test('a message beyond the bound ends the connection', async () => {
  const seen = connect('/v3/watch');
  await begun(seen);
  seen.client.send('x'.repeat(1001));
  await until(() => seen.end !== undefined, 'the end');
  expect(seen.end).toBe('closed 1009');
});
