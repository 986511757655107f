/**
 * Answers that no backend should give. The client must always get an answer, and the ingress serve the next request.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { ClientHttp2Session } from 'node:http2';
import { connect } from 'node:net';
import type { Answer, Lab } from './ingress-lab.js';
import { askHttp2, exchange, openHttp2, startLab, statuses } from './ingress-lab.js';

let lab: Lab;
let session: ClientHttp2Session;

beforeAll(async () => {
  lab = await startLab();
  session = openHttp2(lab.https);
});

afterAll(async () => {
  session.destroy();
  await lab.stop();
});

beforeEach(() => lab.a.reset());

const request = 'GET / HTTP/1.1\r\nHost: any.test\r\nConnection: close\r\n\r\n';
const asked = { ':path': '/', ':authority': 'any.test' };
const head = 'HTTP/1.1 200 OK\r\n';

describe('502 at worst', () => {
  const bad: readonly (readonly [string, (lab: Lab) => Answer])[] = [
    ...['000', '099', '600', '999', '42', '1000', 'abc'].map(
      (status) => [`status ${status}`, ({ a }: Lab) => a.says(status)] as const,
    ),
    ['status 101', ({ a }) => a.says(101, 'Connection: Upgrade\r\nUpgrade: x\r\n')],
    ['status 100 and no other', ({ a }) => a.raw('HTTP/1.1 100 Continue\r\n\r\n')],
    ['endless interim answers', ({ a }) => a.raw('HTTP/1.1 103 Hints\r\n\r\n'.repeat(50))],
    ['no answer', ({ a }) => a.raw('')],
    ['half a head', ({ a }) => a.raw('HTTP/1.1 200 OK\r\nConte')],
    ['no HTTP', ({ a }) => a.raw('SSH-2.0-OpenSSH\r\n')],
    ['HTTP/0.9', ({ a }) => a.raw('<html>')],
    ['two lengths', ({ a }) => a.raw(`${head}Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx`)],
    [
      'length and coding',
      ({ a }) => a.raw(`${head}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`),
    ],
    ['a head without end', ({ a }) => a.raw(`${head}${'X-A: b\r\n'.repeat(20_000)}\r\n`)],
    ['a NUL in a value', ({ a }) => a.raw(`${head}X-A: a\0b\r\nContent-Length: 1\r\n\r\nx`)],
    ['a folded line', ({ a }) => a.raw(`${head}X-A: a\r\n b\r\nContent-Length: 1\r\n\r\nx`)],
  ];

  test.each(bad)('%s', async (_, answer) => {
    lab.a.answer = answer(lab);
    expect(statuses(await exchange(lab.http, request))).toEqual([502]);
    expect((await askHttp2(session, asked)).status).toBe(502);
    lab.a.reset();
    expect(statuses(await exchange(lab.http, request))).toEqual([200]);
  });
});

test('a client that closes its sending side first gets the answer', async () => {
  const socket = connect({ port: lab.http, host: '127.0.0.1', allowHalfOpen: true });
  socket.end('GET / HTTP/1.1\r\nHost: any.test\r\n\r\n');
  let text = '';
  for await (const chunk of socket) text += String(chunk);
  expect(statuses(text)).toEqual([200]);
  expect(text).toMatch(/\r\n\r\na$/);
});

test('a body that is cut off does not look whole', async () => {
  lab.a.answer = lab.a.raw(`${head}Content-Length: 10\r\n\r\nhalf`);
  const text = await exchange(lab.http, request);
  expect(text).toMatch(/content-length: 10\r\n/i);
  expect(text).toMatch(/half$/);
  expect((await askHttp2(session, asked)).code).not.toBe(0);
  lab.a.answer = lab.a.raw(`${head}Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n`);
  expect(await exchange(lab.http, request)).not.toMatch(/\r\n0\r\n\r\n$/);
  expect((await askHttp2(session, asked)).code).not.toBe(0);
});

test('fields of the connection stay on it', async () => {
  lab.a.answer = lab.a.says(
    200,
    'Connection: keep-alive, x-hop\r\nKeep-Alive: timeout=9\r\nX-Hop: 1\r\nProxy-Authenticate: x\r\nUpgrade: h3\r\nTrailer: x\r\nX-End: 1\r\n',
  );
  const text = await exchange(lab.http, request);
  expect(text).not.toMatch(/x-hop|timeout=9|proxy-authenticate|h3|trailer/i);
  expect(text).toMatch(/x-end: 1/i);
  const { status, headers } = await askHttp2(session, asked);
  expect([status, headers['x-hop'], headers['x-end']]).toEqual([200, undefined, '1']);
});

test.each(['204 No Content', '304 Not Modified'])(
  '%s has no body, whatever follows',
  async (status) => {
    lab.a.answer = lab.a.raw(
      `HTTP/1.1 ${status}\r\nContent-Length: 5\r\n\r\nHTTP/1.1 200 OK\r\n\r\n`,
    );
    const text = await exchange(lab.http, request);
    expect(statuses(text)).toEqual([Number(status.slice(0, 3))]);
    expect(text).toMatch(/\r\n\r\n$/);
    expect((await askHttp2(session, asked)).body).toBe('');
  },
);

test('HEAD has no body', async () => {
  lab.a.answer = lab.a.says(200);
  const text = await exchange(lab.http, request.replace('GET', 'HEAD'));
  expect(text).toMatch(/content-length: 1\r\n/i);
  expect(text).toMatch(/\r\n\r\n$/);
});

test('interim answers are between the backend and us', async () => {
  lab.a.answer = lab.a.raw(
    `HTTP/1.1 103 Hints\r\nLink: x\r\n\r\n${head}Content-Length: 1\r\n\r\na`,
  );
  expect(statuses(await exchange(lab.http, request))).toEqual([200]);
  expect((await askHttp2(session, asked)).status).toBe(200);
});

test('a client that waits for 100 gets it from us, and the backend none to give', async () => {
  const bytes =
    'POST / HTTP/1.1\r\nHost: any.test\r\nExpect: 100-continue\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi';
  expect(statuses(await exchange(lab.http, bytes))).toEqual([100, 200]);
  expect(lab.a.received).not.toMatch(/expect/i);
});
