import { afterEach, expect, test } from '@jest/globals';
import type { ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { ManualClock } from '../../lib/clock.js';
import { portOf, until } from '../../lib/http2/testkit/raw-peer.js';
import { answerHalfOpen } from './half-open.js';
import { clientLimits } from './limits.js';

const cleanups: (() => void)[] = [];

afterEach(() => {
  for (const clean of cleanups.splice(0)) clean();
});

interface Rig {
  readonly clock: ManualClock;
  readonly client: Socket;
  readonly response: ServerResponse;
  readonly answer: () => string;
}

/** A request whose client has closed its sending side, before the answer. */
async function halfClosed(): Promise<Rig> {
  const clock = new ManualClock();
  const server = createServer();
  answerHalfOpen(server, clock);
  const responses: ServerResponse[] = [];
  let hasEnded = false;
  server.on('request', (_, response) => responses.push(response));
  server.on('connection', (socket) => socket.on('end', () => (hasEnded = true)));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const client = connect({ port: portOf(server), host: '127.0.0.1', allowHalfOpen: true });
  cleanups.push(() => {
    client.destroy();
    server.close();
  });
  let text = '';
  client.on('data', (chunk: Buffer) => (text += chunk.toString()));
  client.end('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  await until(() => hasEnded && responses.length === 1, 'the request and its end');
  const [response] = responses;
  if (response === undefined) throw new Error('no request');
  return { clock, client, response, answer: () => text };
}

test('a client that has closed its sending side gets its answer, and its connection ends', async () => {
  const { client, response, answer } = await halfClosed();
  response.end('all of it');
  await until(() => client.readableEnded, 'the end');
  expect(answer()).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\nall of it$/);
});

test('one whose answer takes long is taken for gone', async () => {
  const { clock, response } = await halfClosed();
  response.write('a part');
  clock.advance(clientLimits.halfOpenMs - 1);
  expect(response.destroyed).toBe(false);
  clock.advance(1);
  await until(() => response.destroyed, 'the end');
});
