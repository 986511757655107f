/**
 * Attempts to have a request read in two ways: by the ingress, which chooses the backend by host and path, and by the
 * backend. Each line says what is sent and what is right: the statuses that come back, and which backend sees what,
 * byte by byte.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { ClientHttp2Session } from 'node:http2';
import { askHttp2, exchange, openHttp2, startLab, statuses } from './ingress-lab.js';
import type { Lab } from './ingress-lab.js';

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

beforeEach(() => {
  lab.a.reset();
  lab.b.reset();
});

const get = (target: string, host = 'app.test'): string =>
  `GET ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;
const post = (fields: string, body: string): string =>
  `POST /public HTTP/1.1\r\nHost: app.test\r\n${fields}\r\n${body}`;
/** The request that an attacker wants to smuggle in. */
const hidden = 'GET /admin HTTP/1.1\r\nHost: app.test\r\n\r\n';

describe('paths: what is matched is what is sent', () => {
  /** Target, status, and the request line that the right backend sees. */
  const lines: readonly (readonly [string, number, ('a' | 'b')?, string?])[] = [
    ['/public/x', 200, 'a', '/public/x'],
    ['/public/x?q=/../admin', 200, 'a', '/public/x?q=/../admin'],
    ['/public/../admin', 200, 'b', '/admin'],
    ['/public/%2e%2e/admin', 200, 'b', '/admin'],
    ['/public/.%2E/admin', 200, 'b', '/admin'],
    ['/public/./x', 200, 'a', '/public/x'],
    ['/%61dmin', 200, 'b', '/admin'],
    ['//admin', 200, 'b', '/admin'],
    ['/public//x', 200, 'a', '/public//x'],
    ['/public/a%2fb', 200, 'a', '/public/a%2Fb'],
    ['/public/..%2fadmin', 400],
    ['/public/..%5cadmin', 400],
    ['/public/%252e%252e/admin', 400],
    ['/public/..;/admin', 400],
    ['/public/..;x=1/admin', 400],
    ['/public/x;v=1', 200, 'a', '/public/x;v=1'],
    ['/public\\..\\admin', 400],
    ['/../admin', 400],
    ['/public/../../admin', 400],
    ['/public/%00', 400],
    ['/public/%zz', 400],
    ['/public#/../admin', 400],
    ['*', 400],
    ['http://app.test/public/../admin', 200, 'b', '/admin'],
    ['http://other.test/admin', 400],
    ['http://u:p@app.test/admin', 400],
    ['ftp://app.test/admin', 400],
    ['admin', 400],
    ['/publicity', 404],
    [`/public/${'x'.repeat(9000)}`, 414],
  ];

  const table = lines.map(
    ([target, status, backend, line]) => [target, status, backend, line] as const,
  );

  test.each(table)('HTTP/1.1 %s → %d', async (target, status, backend, line) => {
    const answer = await exchange(lab.http, get(target));
    expect(statuses(answer)).toEqual([status]);
    expectSeen(backend, line);
  });

  const http2 = table.filter(([target]) => target.startsWith('/'));
  test.each(http2)('HTTP/2 %s → %d', async (path, status, backend, line) => {
    const answer = await askHttp2(session, { ':path': path, ':authority': 'app.test' });
    expect(answer.status).toBe(status);
    expectSeen(backend, line);
  });

  function expectSeen(backend: 'a' | 'b' | undefined, line: string | undefined): void {
    const seen = { a: firstTarget(lab.a.received), b: firstTarget(lab.b.received) };
    expect(seen).toEqual({ a: undefined, b: undefined, ...(backend && { [backend]: line }) });
  }
});

function firstTarget(received: string): string | undefined {
  return /^[A-Z]+ (\S+) HTTP\/1\.1\r\n/.exec(received)?.[1];
}

/** Closed without an answer, as when the request's head has gone on already. */
const closed = 0;

describe('framing: one request is one request', () => {
  test.each<readonly [string, string, number[]]>([
    [
      'length and coding',
      post('Content-Length: 4\r\nTransfer-Encoding: chunked\r\n', `0\r\n\r\n${hidden}`),
      [400],
    ],
    [
      'coding and length',
      post('Transfer-Encoding: chunked\r\nContent-Length: 4\r\n', `0\r\n\r\n${hidden}`),
      [400],
    ],
    ['two lengths', post('Content-Length: 0\r\nContent-Length: 40\r\n', hidden), [400]],
    ['a list of lengths', post('Content-Length: 0, 40\r\n', hidden), [400]],
    ['a signed length', post('Content-Length: +4\r\n', 'xxxx'), [400]],
    ['a negative length', post('Content-Length: -1\r\n', hidden), [400]],
    ['a length in hex', post('Content-Length: 0x4\r\n', 'xxxx'), [400]],
    ['a blank before the colon', post('Content-Length : 4\r\n', 'xxxx'), [400]],
    [
      'a coding nobody knows',
      post('Transfer-Encoding: xchunked\r\n', `0\r\n\r\n${hidden}`),
      [400, 501],
    ],
    ['two codings', post('Transfer-Encoding: gzip, chunked\r\n', '0\r\n\r\n'), [501]],
    [
      'chunked twice',
      post('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'),
      [400, 501],
    ],
    [
      'chunked, then identity',
      post('Transfer-Encoding: chunked, identity\r\n', `0\r\n\r\n${hidden}`),
      [400],
    ],
    [
      'a folded line',
      post('X-Other: 1\r\n Transfer-Encoding: chunked\r\nContent-Length: 4\r\n', 'xxxx'),
      [400],
    ],
    ['a bare line feed', 'GET /public HTTP/1.1\nHost: app.test\n\n', [400]],
    ['a bare carriage return', post('X-Other: 1\rTransfer-Encoding: chunked\r\n', ''), [400]],
    [
      'a chunk size that is too large',
      post('Transfer-Encoding: chunked\r\n', 'ffffffffffffffffff\r\n'),
      [400, closed],
    ],
    [
      'a chunk size in hex notation',
      post('Transfer-Encoding: chunked\r\n', '0x0\r\n\r\n'),
      [400, closed],
    ],
    [
      'coding in HTTP/1.0',
      `POST /public HTTP/1.0\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
      [400],
    ],
    ['no host', 'GET /public HTTP/1.1\r\n\r\n', [400]],
    ['two hosts', 'GET /public HTTP/1.1\r\nHost: app.test\r\nHost: any.test\r\n\r\n', [400]],
    ['a host with a path', 'GET /public HTTP/1.1\r\nHost: app.test/x\r\n\r\n', [400]],
    ['a host with a user', 'GET /public HTTP/1.1\r\nHost: u@app.test\r\n\r\n', [400]],
    ['a host list', 'GET /public HTTP/1.1\r\nHost: app.test, any.test\r\n\r\n', [400]],
    ['CONNECT', 'CONNECT app.test:80 HTTP/1.1\r\nHost: app.test:80\r\n\r\n', [405]],
    ['TRACE', 'TRACE /public HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n', [405]],
    ['a name with a NUL', post('X-A\0b: 1\r\n', ''), [400]],
  ])('%s', async (_, bytes, right) => {
    const found = statuses(await exchange(lab.http, bytes));
    expect(found.length).toBeLessThan(2);
    expect(right).toContain(found[0] ?? closed);
    expect(lab.b.received).toBe('');
  });

  test('a body is passed on as a body', async () => {
    const length = Buffer.byteLength(hidden);
    const answer = await exchange(
      lab.http,
      post(`Content-Length: ${length}\r\nConnection: close\r\n`, hidden),
    );
    expect(statuses(answer)).toEqual([200]);
    expect(lab.a.received).toContain(`content-length: ${length}`);
    expect(lab.a.received.endsWith(hidden)).toBe(true);
    expect(lab.b.received).toBe('');
  });

  test('a connection option cannot take a length, a host or ours away', async () => {
    const options =
      'Connection: close, content-length, host, x-real-ip, x-secret\r\nX-Secret: 1\r\n';
    await exchange(lab.http, post(`${options}Content-Length: 4\r\n`, 'body'));
    expect(lab.a.received).toMatch(/content-length: 4\r\n/);
    expect(lab.a.received).toMatch(/host: app\.test\r\n/);
    expect(lab.a.received).toMatch(/x-real-ip: 127\.0\.0\.1\r\n/);
    expect(lab.a.received).not.toMatch(/x-secret/i);
  });

  test('pipelined requests are answered in their order', async () => {
    const one = 'GET /public HTTP/1.1\r\nHost: app.test\r\n\r\n';
    const answer = await exchange(lab.http, `${one}${hidden}${get('/public')}`);
    expect(statuses(answer)).toEqual([200, 200, 200]);
    expect([...answer.matchAll(/\r\n\r\n([ab])/g)].map(([, name]) => name)).toEqual([
      'a',
      'b',
      'a',
    ]);
  });
});

describe('HTTP/2', () => {
  test.each<readonly [string, Record<string, string>, number]>([
    [
      'authority and host differ',
      { ':authority': 'app.test', host: 'any.test', ':path': '/public' },
      400,
    ],
    [
      'authority and host agree',
      { ':authority': 'app.test', host: 'app.test', ':path': '/public' },
      200,
    ],
    ['an authority with a user', { ':authority': 'u@app.test', ':path': '/public' }, 400],
    ['TRACE', { ':method': 'TRACE', ':authority': 'app.test', ':path': '/public' }, 405],
  ])('%s', async (_, headers, status) => {
    expect((await askHttp2(session, headers)).status).toBe(status);
    expect(lab.b.received).toBe('');
  });

  test('a body without a length goes in chunks', async () => {
    const headers = { ':method': 'POST', ':authority': 'app.test', ':path': '/public' };
    expect((await askHttp2(session, headers, hidden)).status).toBe(200);
    expect(lab.a.received).toContain('transfer-encoding: chunked');
    expect(lab.a.received).toContain(`${Buffer.byteLength(hidden).toString(16)}\r\n${hidden}\r\n`);
    expect(lab.b.received).toBe('');
  });
});

describe('who the client is, we say', () => {
  const lies = [
    'X-Forwarded-For: 6.6.6.6',
    'X-Forwarded-Proto: https',
    'X-Forwarded-Host: evil.test',
    'X-Forwarded-Port: 1',
    'X-Forwarded-Prefix: /admin',
    'X-Real-IP: 6.6.6.6',
    'Forwarded: for=6.6.6.6',
    'X_Forwarded_For: 6.6.6.6',
    'X_Real.IP: 6.6.6.6',
    'Proxy: http://6.6.6.6',
    'Proxy-Authorization: 6.6.6.6',
  ];

  test('a client is not believed', async () => {
    await exchange(
      lab.http,
      `GET /public HTTP/1.1\r\nHost: app.test\r\n${lies.join('\r\n')}\r\nConnection: close\r\n\r\n`,
    );
    expect(lab.a.received).not.toMatch(/6\.6\.6\.6|evil|prefix/i);
    expect(lab.a.received).toMatch(/x-forwarded-for: 127\.0\.0\.1\r\n/);
    expect(lab.a.received).toMatch(/x-forwarded-proto: http\r\n/);
    expect(lab.a.received).toMatch(/x-forwarded-host: app\.test\r\n/);
  });

  test('a proxy that is trusted is', async () => {
    const trusting = await startLab({ trustedProxies: ['127.0.0.0/8'] });
    try {
      await exchange(
        trusting.http,
        `GET /public HTTP/1.1\r\nHost: app.test\r\n${lies.join('\r\n')}\r\nConnection: close\r\n\r\n`,
      );
      expect(trusting.a.received).toMatch(/x-forwarded-for: 6\.6\.6\.6, 127\.0\.0\.1\r\n/);
      expect(trusting.a.received).toMatch(/x-real-ip: 6\.6\.6\.6\r\n/);
      expect(trusting.a.received).toMatch(/x-forwarded-proto: https\r\n/);
    } finally {
      await trusting.stop();
    }
  });
});

describe('tunnels begin with 101', () => {
  const upgrade = (protocol: string, after = ''): string =>
    `GET /public HTTP/1.1\r\nHost: app.test\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n\r\n${after}`;

  test('an answer that is no 101 is an answer, and nothing of the client follows it', async () => {
    const answer = await exchange(lab.http, upgrade('websocket', hidden));
    expect(statuses(answer)).toEqual([200]);
    expect(answer).toMatch(/\r\n\r\na$/);
    expect(lab.a.received).toMatch(/upgrade: websocket\r\n/);
    expect(lab.a.received).not.toContain('/admin');
  });

  test('HTTP/2 over plain text is not tunnelled', async () => {
    expect(statuses(await exchange(lab.http, upgrade('h2c', hidden)))).toEqual([200]);
    expect(lab.a.received).not.toMatch(/upgrade|\/admin/i);
  });

  test('101 to another protocol is none', async () => {
    lab.a.answer = lab.a.raw(
      'HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n',
    );
    expect(statuses(await exchange(lab.http, upgrade('websocket')))).toEqual([502]);
  });

  test('101 that nobody asked for is none', async () => {
    lab.a.answer = lab.a.raw('HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n');
    expect(statuses(await exchange(lab.http, get('/public')))).toEqual([502]);
  });

  test('a request to upgrade with a body is refused', async () => {
    const bytes = `POST /public HTTP/1.1\r\nHost: app.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 9\r\n\r\n${hidden}`;
    expect(statuses(await exchange(lab.http, bytes))).toEqual([400]);
    expect(lab.a.received).toBe('');
  });

  test('after 101 bytes go both ways', async () => {
    lab.a.answer = (socket) => {
      socket.write(
        'HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: WebSocket\r\n\r\nhello',
      );
      socket.once('data', (data) => socket.end(data));
    };
    const answer = await exchange(lab.http, upgrade('websocket', 'ping'));
    expect(answer).toMatch(/^HTTP\/1\.1 101 /);
    expect(answer).toMatch(/\r\n\r\nhelloping$/);
  });
});
