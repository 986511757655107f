/**
 * HTTP/1.1 as every listener of the product serves it: what breaks the protocol, and upgrades behind other requests.
 */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import * as http from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import * as http2 from 'node:http2';
import * as net from 'node:net';
import type { Duplex } from 'node:stream';
import { systemClock } from './clock.js';
import { createGrpcServer } from './grpc/index.js';
import type { GrpcServer } from './grpc/index.js';
import { boundHttp1, http1Options, leaveBody } from './http1.js';
import { until } from './http2/testkit/raw-peer.js';
import { silentLogger } from './log.js';
import { http1Limits } from './net-limits.js';

const clock = systemClock({ unref: true });
const host = 'Host: a\r\n';
const upgrade = `GET /up HTTP/1.1\r\n${host}Connection: Upgrade\r\nUpgrade: x\r\n\r\n`;

describe('HTTP/1.1', () => {
  let server: GrpcServer;
  let port: number;
  let held: ServerResponse[];
  let upgrades: string[];
  const sockets: (net.Socket | Duplex)[] = [];

  beforeEach(async () => {
    held = [];
    upgrades = [];
    server = createGrpcServer({
      log: silentLogger,
      clock,
      fallback: (request, response) => {
        if (request.url?.startsWith('/echo') === true) {
          let body = '';
          request.on('data', (chunk: Buffer) => (body += chunk.toString()));
          request.on('end', () => response.end(`echo of ${body}.`));
        } else if (request.url === '/hold') held.push(response as ServerResponse);
        else if (request.url === '/large') {
          leaveBody(request as IncomingMessage, response as ServerResponse, clock);
          response.writeHead(413, { 'content-length': 9 }).end('too large');
        } else response.end(`plain ${request.url ?? ''}`);
      },
      onUpgrade: (request, socket, head, decline) => {
        if (request.url?.startsWith('/echo') === true) {
          decline();
          return;
        }
        sockets.push(socket);
        upgrades.push(`${request.url ?? ''} ${head.toString()}`);
        socket.write('HTTP/1.1 101 Switching Protocols\r\n\r\n');
      },
    });
    ({ port } = await server.listen({ host: '127.0.0.1', port: 0 }));
  });

  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    await server.close();
  });

  function connect(bytes: string): { text: string; socket: net.Socket; closed: boolean } {
    const socket = net.connect({ port, host: '127.0.0.1', noDelay: true });
    sockets.push(socket);
    const seen = { text: '', socket, closed: false };
    socket.on('data', (chunk: Buffer) => (seen.text += chunk.toString()));
    socket.on('error', () => undefined);
    socket.on('close', () => (seen.closed = true));
    socket.on('end', () => socket.end());
    socket.write(bytes);
    return seen;
  }

  async function answers(): Promise<void> {
    const seen = connect(`GET /good HTTP/1.1\r\n${host}\r\n`);
    await until(() => seen.text.includes('plain /good'), 'the answer of a good request');
  }

  test('the answer to a body that is not read reaches a client that is still sending it', async () => {
    const bytes = 8 * 1024 * 1024;
    const seen = connect(`POST /large HTTP/1.1\r\n${host}Content-Length: ${bytes}\r\n\r\n`);
    const errors: Error[] = [];
    seen.socket.on('error', (error) => errors.push(error));
    seen.socket.write(Buffer.alloc(bytes));
    await until(() => seen.closed, 'the end of the connection');
    expect(errors).toEqual([]);
    expect(seen.text).toMatch(/^HTTP\/1.1 413 [^]*Connection: close\r\n[^]*too large$/i);
  });

  test('a request that wants to upgrade is answered like any other where nothing is upgraded', async () => {
    const plain = createGrpcServer({
      log: silentLogger,
      clock,
      fallback: (request, response) => {
        let body = '';
        request.on('data', (chunk: Buffer) => (body += chunk.toString()));
        request.on('end', () => response.end(`plain ${body}`));
      },
    });
    port = (await plain.listen({ host: '127.0.0.1', port: 0 })).port;
    // As `curl --http2` asks.
    const h2c =
      'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n';
    const post = `POST /x HTTP/1.1\r\n${host}${h2c}Content-Length: 4\r\n\r\nbody`;
    // What is sent behind it is not looked at: the client is told that the connection ends.
    const seen = connect(`${post}GET /y HTTP/1.1\r\n${host}\r\n`);
    await until(() => seen.closed, 'the end of the connection');
    expect(seen.text).toMatch(/^HTTP\/1.1 200 OK\r\n[^]*Connection: close\r\n[^]*plain body$/);
    await plain.close();
  });

  test('an upgrade that is declined is a request like any other, and others follow it', async () => {
    const h2c =
      'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n';
    const post = `POST /echo HTTP/1.1\r\n${host}${h2c}Content-Length: 4\r\n\r\n`;
    const seen = connect(`GET /hold HTTP/1.1\r\n${host}\r\n${post}bo`);
    await until(() => held.length === 1, 'the first request');
    held[0]?.end('first');
    await until(() => seen.text.includes('first'), 'the first answer');
    seen.socket.write(`dy${post}more${upgrade}rest`);
    await until(() => seen.text.includes('101'), 'the upgrade');
    const answered = [...seen.text.matchAll(/first|echo of \w+|101/g)].map(([found]) => found);
    expect(answered).toEqual(['first', 'echo of body', 'echo of more', '101']);
    expect(upgrades).toEqual(['/up rest']);
  });

  test('a declined upgrade with too many fields is refused', async () => {
    const fields = 'a: b\r\n'.repeat(http1Limits.headerCount);
    const asks = 'Connection: Upgrade\r\nUpgrade: h2c\r\n';
    const seen = connect(`POST /echo HTTP/1.1\r\n${host}${asks}${fields}\r\n`);
    await until(() => seen.closed, 'the end');
    expect(seen.text.slice(0, 12)).toBe('HTTP/1.1 431');
  });

  test('an upgrade behind a request waits for its answer', async () => {
    const seen = connect(`GET /hold HTTP/1.1\r\n${host}\r\n${upgrade}rest`);
    await until(() => held.length === 1, 'the request');
    expect(upgrades).toEqual([]);
    held[0]?.end('first');
    await until(() => seen.text.includes('101'), 'the upgrade');
    expect(upgrades).toEqual(['/up rest']);
    expect(seen.text.indexOf('first')).toBeLessThan(seen.text.indexOf('101'));
  });

  test.each([
    ['answered at once', `GET /version HTTP/1.1\r\n${host}\r\n`],
    ['of many', `GET /version HTTP/1.1\r\n${host}\r\n`.repeat(20)],
    ['whose expectation Node refuses', `GET / HTTP/1.1\r\n${host}Expect: other\r\n\r\n`],
  ])('an upgrade behind a request %s is served', async (_name, before) => {
    const seen = connect(before + upgrade);
    await until(() => seen.text.includes('101'), 'the upgrade');
    expect(upgrades).toEqual(['/up ']);
    await answers();
  });

  test('an upgrade behind a request that ends the connection is not served', async () => {
    const seen = connect(`GET / HTTP/1.1\r\n\r\n${upgrade}`);
    await until(() => seen.closed, 'the end');
    expect(seen.text).toContain('400 Bad Request');
    expect(upgrades).toEqual([]);
    await answers();
  });

  test('a connection that closes while an upgrade waits ends the answers before it', async () => {
    const seen = connect(
      `GET /hold HTTP/1.1\r\n${host}\r\nGET /hold HTTP/1.1\r\n${host}\r\n${upgrade}`,
    );
    await until(() => held.length === 2, 'the requests');
    seen.socket.resetAndDestroy();
    await until(() => held.every((response) => response.destroyed), 'the end of both');
    expect(upgrades).toEqual([]);
  });

  test('requests beyond the limit that do not wait for answers end their connection', async () => {
    const seen = connect(`GET /hold HTTP/1.1\r\n${host}\r\n`.repeat(http1Limits.pipelined + 10));
    await until(() => seen.closed, 'the end');
    expect(held).toHaveLength(http1Limits.pipelined);
    await answers();
  });

  test('CONNECT ends its connection', async () => {
    const seen = connect('CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n');
    await until(() => seen.closed, 'the end');
    expect(seen.text).toBe('');
    await answers();
  });

  const post = 'POST /good HTTP/1.1\r\n';
  /** RFC 9112: what a server must refuse, since another reader of the same bytes could see other requests in them. */
  const refused: readonly [section: string, name: string, bytes: string, status: string][] = [
    ['6.1', 'two framings', `${host}Transfer-Encoding: chunked\r\nContent-Length: 3\r\n`, '400'],
    ['6.1', 'chunked not last', `${host}Transfer-Encoding: chunked, gzip\r\n`, '400'],
    ['6.1', 'an unknown coding', `${host}Transfer-Encoding: xchunked\r\n`, '501'],
    ['6.1', 'a coding that stays open', `${host}Transfer-Encoding: identity\r\n`, '501'],
    ['6.3', 'two lengths', `${host}Content-Length: 3\r\nContent-Length: 4\r\n`, '400'],
    ['6.3', 'a list of lengths', `${host}Content-Length: 3, 4\r\n`, '400'],
    ['6.3', 'a signed length', `${host}Content-Length: +3\r\n`, '400'],
    ['6.3', 'a hexadecimal length', `${host}Content-Length: 0x3\r\n`, '400'],
    ['6.3', 'an endless length', `${host}Content-Length: ${'9'.repeat(30)}\r\n`, '400'],
    ['2.2', 'a bare CR', `${host}a: b\rc: d\r\n`, '400'],
    ['2.2', 'a bare LF', `${host}a: b\nc: d\r\n`, '400'],
    ['2.2', 'blanks before the first field', ` ${host}`, '400'],
    ['5.1', 'a blank before the colon', `${host}Content-Length : 3\r\n`, '400'],
    ['5.2', 'a folded field', `${host}a: b\r\n c\r\n`, '400'],
    ['5.5', 'NUL in a value', `${host}a: b\0c\r\n`, '400'],
    ['3.2', 'no Host', '', '400'],
    ['3.2', 'two Hosts', `${host}${host}`, '400'],
    ['5.4', 'too long a head', `${host}a: ${'b'.repeat(http1Limits.headBytes)}\r\n`, '431'],
    ['5.4', 'too many fields', host + 'a: b\r\n'.repeat(http1Limits.headerCount), '431'],
  ];

  test.each(refused)('RFC 9112, %s: %s is refused', async (_section, _name, bytes, status) => {
    const seen = connect(`${post}${bytes}\r\n3\r\nabc\r\n0\r\n\r\n`);
    await until(() => seen.closed, 'the end');
    expect(seen.text.slice(0, 12)).toBe(`HTTP/1.1 ${status}`);
    expect(seen.text).not.toContain('plain /');
    await answers();
  });

  test('what is no request behind one whose answer is outstanding closes without an answer', async () => {
    const seen = connect(`GET /hold HTTP/1.1\r\n${host}\r\nnonsense\r\n\r\n`);
    await until(() => seen.closed, 'the end');
    expect(seen.text).toBe('');
  });
});

test('both kinds of server have the times of heads and of idle connections', () => {
  const secure = http2.createSecureServer({ allowHTTP1: true });
  boundHttp1(secure);
  for (const server of [http.createServer(http1Options), secure]) {
    expect(server).toMatchObject({
      headersTimeout: http1Limits.headMs,
      keepAliveTimeout: http1Limits.idleMs,
    });
  }
});
