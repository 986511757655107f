import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import * as http from 'node:http';
import * as net from 'node:net';
import type { AddressInfo } from 'node:net';
import { ServerResponse } from 'node:http';
import { gunzipSync, gzipSync, inflateRawSync, deflateRawSync } from 'node:zlib';
import { podKind } from '../../../api/core/pod.js';
import type { Connector } from '../subresources/connector.js';
import type { Verbs } from '../verbs/index.js';
import type { Exchange } from './exchange.js';
import { open } from './pipeline.js';
import { proxiedPath, serveProxy, upgradeProxy } from './proxy.js';
import { parseRequest } from './request-info.js';
import { sendError } from './respond.js';

const proxy = '/api/v1/namespaces/n/pods/p/proxy';
const servers: http.Server[] = [];
let port = 0;
let backendPort = 0;
/** What the backend does with a connection: the raw bytes of its answer follow from the head of the request. */
let answer: (head: string, socket: net.Socket, request: http.IncomingMessage) => void;
let admitted: unknown;

/** Lets everybody in, and notes what would be shown to admission. */
const verbs = {
  connect: async (_call: unknown, decode: (target: object) => Connect) => {
    const target = { kind: podKind, namespace: 'n', name: 'p', subresource: 'proxy' };
    const { options, use } = decode(target);
    admitted = options;
    await use({ target, user: { name: 'u', groups: [] } }, () => undefined);
  },
} as unknown as Verbs;

interface Connect {
  readonly options: unknown;
  readonly use: (context: object, started: () => void) => Promise<number>;
}

const connector = {
  backend: () =>
    Promise.resolve({
      host: '10.0.0.1:80',
      connect: () => net.connect({ host: '127.0.0.1', port: backendPort }),
    }),
} as unknown as Connector;

async function listen(server: http.Server): Promise<number> {
  servers.push(server);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return (server.address() as AddressInfo).port;
}

async function guarded(exchange: Exchange, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    await sendError(exchange, error);
  }
}

beforeEach(async () => {
  const backend = http.createServer((request) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      answer(`${headOf(request)}\n${Buffer.concat(chunks).toString()}`, request.socket, request);
    });
  });
  backend.on('upgrade', (request, socket) => {
    answer(headOf(request), socket as net.Socket, request);
  });
  backendPort = await listen(backend);
  const front = http.createServer((request, response) => {
    const exchange = open(request, response);
    void guarded(exchange, () => serveProxy(exchange, { verbs, connector }));
  });
  front.on('upgrade', (request, socket, head) => {
    socket.on('error', () => undefined);
    const response = new ServerResponse(request);
    response.assignSocket(socket as net.Socket);
    const exchange = open(request, response);
    response.once('finish', () => socket.end());
    void guarded(exchange, () =>
      upgradeProxy(exchange, { verbs, connector }, { request, response, socket, head }),
    );
  });
  port = await listen(front);
});

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});

function headOf(request: http.IncomingMessage): string {
  const lines = [`${request.method ?? ''} ${request.url ?? ''}`];
  for (let at = 0; at < request.rawHeaders.length; at += 2) {
    const name = (request.rawHeaders[at] ?? '').toLowerCase();
    lines.push(`${name}: ${request.rawHeaders[at + 1] ?? ''}`);
  }
  return `${lines.join('\n')}\n`;
}

interface Answer {
  readonly code: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Buffer;
}

function call(
  method: string,
  path: string,
  headers: http.OutgoingHttpHeaders = {},
  body?: string,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = http.request(
      { method, path, port, host: '127.0.0.1', headers: { host: 'api:1', ...headers } },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const { statusCode: code = 0 } = response;
          resolve({ code, headers: response.headers, body: Buffer.concat(chunks) });
        });
      },
    );
    request.on('error', reject);
    request.end(body);
  });
}

/** The backend says this, whatever it is asked, and closes. */
function says(...parts: readonly (string | Buffer)[]): void {
  answer = (_head, socket) => {
    for (const part of parts) socket.write(part);
    socket.end();
  };
}

/** The backend answers with the request as it got it. */
function echoes(): void {
  answer = (head, socket) => socket.end(`HTTP/1.1 200 OK\r\n\r\n${head}`);
}

const ok = 'HTTP/1.1 200 OK\r\n';

test.each([
  ['GET', proxy, ''],
  ['GET', `${proxy}/`, '/'],
  ['GET', `${proxy}/a/b`, '/a/b'],
  ['GET', `${proxy}/a/b/`, '/a/b/'],
  ['GET', `${proxy}/a%2Fb%20c`, '/a/b c'],
])('%s %s asks for %j', (method, path, wanted) => {
  expect(proxiedPath(parseRequest(method, path, new URLSearchParams()))).toBe(wanted);
});

describe('a request', () => {
  test('reaches the backend without what is only for this server', async () => {
    echoes();
    const { body } = await call('GET', `${proxy}/a%20b/(c)/?x=a+b&y=%20;z`, {
      authorization: 'Bearer secret',
      'impersonate-user': 'somebody',
      'x-remote-user': 'somebody',
      'x-remote-extra-a': 'b',
      'x-mine': '1',
      'x-forwarded-for': '192.0.2.1',
      te: 'trailers',
    });
    expect(body.toString()).toBe(
      [
        'GET /a%20b/%28c%29/?x=a+b&y=%20;z',
        'x-mine: 1',
        'host: api:1',
        'x-forwarded-for: 192.0.2.1, 127.0.0.1',
        `x-forwarded-uri: ${proxy}/a%20b/%28c%29/`,
        'connection: close',
        '',
        '',
      ].join('\n'),
    );
    expect(admitted).toMatchObject({ kind: 'PodProxyOptions', path: '/a b/(c)/' });
  });

  test.each(['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])(
    '%s goes with its body',
    async (method) => {
      echoes();
      const chunked = await call(method, `${proxy}/x`, { 'transfer-encoding': 'chunked' }, 'hello');
      expect(chunked.body.toString()).toMatch(/transfer-encoding: chunked\n\nhello$/);
      const counted = await call(method, `${proxy}/x`, { 'content-length': 5 }, 'hello');
      expect(counted.body.toString()).toMatch(/content-length: 5\n[^]*\n\nhello$/);
    },
  );

  test('for the proxy itself is sent to its root, if it reads', async () => {
    echoes();
    for (const method of ['GET', 'HEAD']) {
      const { code, headers } = await call(method, `${proxy}?a=b`);
      expect([code, headers.location]).toEqual([301, `${proxy}/?a=b`]);
    }
    expect((await call('POST', proxy)).body.toString()).toMatch(/^POST \/\n/);
  });

  test('cannot leave the backend', async () => {
    echoes();
    const { body } = await call('GET', `${proxy}/a/../..//b`);
    expect(body.toString()).toMatch(/^GET \/b\n/);
  });
});

describe('an answer', () => {
  test('without a length ends with its connection', async () => {
    says('HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nold', ' times');
    expect((await call('GET', `${proxy}/`)).body.toString()).toBe('old times');
  });

  test('says nothing of its connection, and opens nothing to other sites', async () => {
    says(
      `${ok}Keep-Alive: timeout=5\r\nAccess-Control-Allow-Origin: *\r\nX-A: 1\r\nX-A: 2\r\n`,
      'Set-Cookie: a=b\r\nSet-Cookie: c=d\r\nContent-Length: 0\r\n\r\n',
    );
    const { headers } = await call('GET', `${proxy}/`);
    expect(headers).toMatchObject({ 'x-a': '1, 2', 'set-cookie': ['a=b', 'c=d'] });
    expect(headers).not.toHaveProperty('access-control-allow-origin');
  });

  test.each([
    ['/there', `${proxy}/there`],
    ['http://api:1/there', `${proxy}/there`],
    ['http://10.0.0.1:80/there/', `${proxy}/there/`],
    ['https://elsewhere/there', 'https://elsewhere/there'],
    ['there', 'there'],
  ])('that leads to %s leads to %s', async (location, wanted) => {
    says(`HTTP/1.1 302 Found\r\nLocation: ${location}\r\nContent-Length: 0\r\n\r\n`);
    const { code, headers } = await call('GET', `${proxy}/a/b`);
    expect([code, headers.location]).toEqual([302, wanted]);
  });

  const page = '<a href="/x">';
  const rewritten = `<a href="${proxy}/x">`;
  test.each([
    ['', (bytes: Buffer) => bytes, (bytes: Buffer) => bytes],
    ['gzip', gzipSync, gunzipSync],
    ['deflate', deflateRawSync, inflateRawSync],
  ])('that is a page, coded as %j, has its links rewritten', async (coding, encode, decode) => {
    const body = encode(Buffer.from(page));
    const field = coding === '' ? '' : `Content-Encoding: ${coding}\r\n`;
    says(
      `${ok}Content-Type: text/html; charset=utf-8\r\n${field}Content-Length: ${body.length}\r\n\r\n`,
      body,
    );
    const found = await call('GET', `${proxy}/a/`);
    expect(decode(found.body).toString()).toBe(rewritten);
    expect(found.headers['content-encoding'] ?? '').toBe(coding);
  });

  test.each([
    ['text/plain', ''],
    ['text/html', 'Content-Encoding: br\r\n'],
  ])('of type %s %s goes as it is', async (type, field) => {
    says(`${ok}Content-Type: ${type}\r\n${field}Content-Length: ${page.length}\r\n\r\n${page}`);
    const { body, headers } = await call('GET', `${proxy}/`);
    expect(body.toString()).toBe(page);
    expect(headers['content-length']).toBe(String(page.length));
  });

  test('that breaks off breaks the answer to the client', async () => {
    answer = (_head, socket) => {
      socket.write(`${ok}Content-Length: 100\r\n\r\nhalf`);
      socket.end();
    };
    await expect(call('GET', `${proxy}/`)).rejects.toThrow('aborted');
  });

  test('of nobody is an error', async () => {
    servers[0]?.close();
    backendPort = 1;
    const { code, body } = await call('GET', `${proxy}/`);
    expect([code, JSON.parse(body.toString())]).toEqual([
      503,
      {
        kind: 'Status',
        apiVersion: 'v1',
        metadata: {},
        status: 'Failure',
        message: 'error trying to reach service: connect ECONNREFUSED 127.0.0.1:1',
        reason: 'ServiceUnavailable',
        code: 503,
      },
    ]);
  });
});

/** Sends a request that asks for another protocol. @returns all that comes back until the end, or until `enough` */
function upgrade(text: string, enough: (soFar: string) => boolean = () => false): Promise<string> {
  return new Promise((resolve, reject) => {
    let got = '';
    const socket = net.connect({ host: '127.0.0.1', port }, () => {
      socket.write(
        `GET ${proxy}/socket HTTP/1.1\r\nHost: api:1\r\nAuthorization: Bearer secret\r\n` +
          'Connection: Upgrade\r\nUpgrade: chat\r\n' +
          'Sec-WebSocket-Protocol: base64url.bearer.authorization.k8s.io.c2VjcmV0, chat.v1\r\n' +
          `\r\n${text}`,
      );
    });
    socket.on('data', (data) => {
      got += data.toString();
      if (enough(got)) socket.end();
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(got));
  });
}

describe('another protocol', () => {
  test('is carried both ways', async () => {
    let seen = '';
    answer = (head, socket) => {
      seen = head;
      socket.write(
        'HTTP/1.1 101 Switching\r\nUpgrade: chat\r\nConnection: Upgrade\r\nX: y\r\n\r\nhi',
      );
      socket.on('data', (data) => socket.write(`<${data.toString()}>`));
    };
    const got = await upgrade('early', (text) => text.endsWith('<early>'));
    expect(got).toMatch(/^HTTP\/1.1 101 Switching\r\nUpgrade: chat\r\n[^]*\r\n\r\nhi<early>$/);
    expect(seen).toMatch(/^GET \/socket\n/);
    expect(seen).toContain('upgrade: chat');
    expect(seen).toContain('sec-websocket-protocol: chat.v1');
    expect(seen).not.toMatch(/secret|c2VjcmV0/);
  });

  test('that is refused ends with the refusal', async () => {
    says('HTTP/1.1 403 No\r\nX: y\r\nContent-Length: 2\r\n\r\nno');
    expect(await upgrade('')).toMatch(/^HTTP\/1.1 403 Forbidden\r\nx: y\r\n[^]*\r\n\r\nno$/);
  });

  test('that is answered as if nothing had been asked is an error', async () => {
    says(`${ok}Content-Length: 2\r\n\r\nok`);
    const got = await upgrade('');
    expect(got).toMatch(/^HTTP\/1.1 500 /);
    expect(got).toContain('"message":"invalid upgrade response: status code 200"');
  });
});
