/** `proxy` in front of a pretended API server. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { once } from 'node:events';
import * as http from 'node:http';
import * as net from 'node:net';
import type { AddressInfo } from 'node:net';
import { processContext } from '../context.js';
import { run } from '../main.js';

const seen: string[] = [];
let upgradeHeaders: http.IncomingHttpHeaders = {};
let upstream: http.Server;
let port = 0;
let ended: Promise<number>;
let words = '';

const portOf = (server: http.Server): number => (server.address() as AddressInfo).port;

/** Runs `proxy`. @returns its end, once it serves or has failed */
function proxy(...flags: string[]): { ended: Promise<number>; line: Promise<string> } {
  let tell: (line: string) => void = () => undefined;
  const line = new Promise<string>((resolve) => {
    tell = resolve;
  });
  const write = (data: string | Uint8Array): void => tell(Buffer.from(data).toString('utf8'));
  const argv = ['proxy', ...flags, `--server=http://127.0.0.1:${portOf(upstream)}`];
  return { ended: run(argv, { ...processContext, out: write, err: write }), line };
}

beforeAll(async () => {
  upstream = http.createServer((request, response) => {
    seen.push(`${request.method} ${request.url}`);
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
    });
    request.once('end', () => {
      if (request.url === '/refused') {
        const details = { name: 'x', kind: 'pods' };
        response.writeHead(409, { 'content-type': 'application/json' });
        response.end(JSON.stringify({ kind: 'Status', code: 409, details }));
        return;
      }
      response.writeHead(request.method === 'POST' ? 201 : 200, { 'content-type': 'text/plain' });
      response.end(`${size} bytes`);
    });
  });
  // Any other protocol: what comes is sent back in capitals.
  upstream.on('upgrade', (request, socket, head: Buffer) => {
    seen.push(`${request.method} ${request.url}`);
    upgradeHeaders = request.headers;
    socket.on('error', () => socket.destroy());
    if (request.url === '/refused') {
      socket.end('HTTP/1.1 403 Forbidden\r\nContent-Type: a/b\r\nContent-Length: 2\r\n\r\nno');
      return;
    }
    socket.write(
      'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nhi ',
    );
    const answer = (data: Buffer): void => void socket.write(data.toString().toUpperCase());
    if (head.length > 0) answer(head);
    socket.on('data', answer);
    socket.once('end', () => socket.end(' bye'));
  });
  upstream.listen(0, '127.0.0.1');
  await once(upstream, 'listening');
  const served = proxy('--port=0');
  ({ ended } = served);
  words = await served.line;
  port = Number(words.split(':').at(-1));
});

afterAll(() => void upstream.close());

/** One request as it is on the wire: `fetch` would tidy the path up. */
async function ask(
  path: string,
  options: { host?: string; method?: string; body?: string; more?: http.OutgoingHttpHeaders } = {},
): Promise<{ code: number; type: string; text: string }> {
  const { host = `localhost:${port}`, method = 'GET', body, more } = options;
  const headers = { host, ...more };
  const call = http.request({ host: '127.0.0.1', port, path, method, headers });
  call.end(body);
  const [answer] = (await once(call, 'response')) as [http.IncomingMessage];
  let text = '';
  for await (const chunk of answer) text += String(chunk);
  return { code: answer.statusCode ?? 0, type: answer.headers['content-type'] ?? '', text };
}

test('it listens on localhost and says where', () => {
  expect(words).toBe(`Starting to serve on 127.0.0.1:${port}\n`);
});

test('the code, the type and the body of an answer are those of the API server', async () => {
  expect(await ask('/api/v1/namespaces/d/pods/p/log')).toEqual({
    code: 200,
    type: 'text/plain',
    text: '0 bytes',
  });
  const made = await ask('/api/v1/pods?dryRun=All', { method: 'POST', body: 'x'.repeat(100_000) });
  expect(made).toEqual({ code: 201, type: 'text/plain', text: '100000 bytes' });
  expect(seen.at(-1)).toBe('POST /api/v1/pods?dryRun=All');
});

test('a request that offers HTTP/2 as well is carried with its body', async () => {
  const more = { connection: 'Upgrade', upgrade: 'h2c' };
  const { code, text } = await ask('/api', { method: 'POST', body: 'words', more });
  expect({ code, text }).toEqual({ code: 201, text: '5 bytes' });
});

test('a refusal is passed on whole', async () => {
  const { code, text } = await ask('/refused');
  expect(code).toBe(409);
  expect(JSON.parse(text)).toMatchObject({ code: 409, details: { name: 'x', kind: 'pods' } });
});

test.each(['evil.example', 'localhost.evil.example', 'evil.example:8001'])(
  'a request for the host "%s" is refused',
  async (host) => {
    const before = seen.length;
    expect(await ask('/api', { host })).toMatchObject({ code: 403, text: 'Forbidden' });
    expect(seen).toHaveLength(before);
  },
);

test.each([
  '/api/v1/namespaces/d/pods/p/exec?command=id',
  '/api/v1/namespaces/d/pods/p/attach',
  '/api/v1/namespaces/d/pods/p/%65xec',
  '//api/v1/namespaces/d/pods/p/exec',
  '/x/../api/v1/namespaces/d/pods/p/exec',
  '/%zz',
  'http://127.0.0.1/api/v1/namespaces/d/pods/p/exec',
])('%s is refused', async (path) => {
  const before = seen.length;
  expect((await ask(path)).code).toBe(403);
  expect(seen).toHaveLength(before);
});

test.each(['http://evil.example', 'null', 'http://localhost.evil.example:8001', 'file://'])(
  'a request of a page of "%s" is refused',
  async (origin) => {
    expect(await ask('/api', { more: { origin } })).toMatchObject({ code: 403, text: 'Forbidden' });
  },
);

test.each(['http://localhost:3000', 'http://127.0.0.1:8001', 'http://[::1]'])(
  'a page of this machine (%s) may ask',
  async (origin) => expect(await ask('/api', { more: { origin } })).toMatchObject({ code: 200 }),
);

/** Asks for another protocol, sends `text`, and ends. @returns all that is answered */
async function upgrade(
  path: string,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<string> {
  const client = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  const lines = Object.entries({
    host: 'localhost',
    connection: 'Upgrade',
    upgrade: 'x',
    ...headers,
  });
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  // In one piece: the first bytes of the other protocol may come with the request.
  client.end(`GET ${path} HTTP/1.1\r\n${head}\r\n${text}`);
  let answer = '';
  for await (const chunk of client) answer += String(chunk);
  return answer;
}

describe('a request for another protocol', () => {
  const path = '/api/v1/namespaces/d/pods/p/portforward?ports=80';

  test('is carried, and then its bytes both ways to the end of each', async () => {
    const answer = await upgrade(path, 'words');
    expect(answer).toMatch(/^HTTP\/1\.1 101 Switching Protocols\r\n/);
    expect(answer.split('\r\n\r\n')[1]).toBe('hi WORDS bye');
    expect(seen.at(-1)).toBe(`GET ${path}`);
  });

  test('is sent with what negotiates it, and in our name alone', async () => {
    await upgrade(path, '', {
      'sec-websocket-protocol': 'v4.channel.k8s.io',
      'x-stream-protocol-version': 'v4',
      authorization: 'Bearer theirs',
      'impersonate-user': 'admin',
      cookie: 'a=b',
    });
    expect(upgradeHeaders).toMatchObject({
      upgrade: 'x',
      connection: 'Upgrade',
      'sec-websocket-protocol': 'v4.channel.k8s.io',
      'x-stream-protocol-version': 'v4',
    });
    for (const name of ['authorization', 'impersonate-user', 'cookie']) {
      expect(upgradeHeaders).not.toHaveProperty(name);
    }
  });

  test('that is refused gets the refusal', async () => {
    expect(await upgrade('/refused', '')).toMatch(
      /^HTTP\/1\.1 403 Forbidden\r\ncontent-type: a\/b\r\n[^]*\r\n\r\nno$/,
    );
  });

  test.each([
    ['to exec, as it is by kubectl', '/api/v1/namespaces/d/pods/p/exec?command=id', {}],
    ['to another host', path, { host: 'evil.example' }],
    ['of a page of another site', path, { origin: 'http://evil.example' }],
  ])('%s is not carried', async (_, target, headers) => {
    const before = seen.length;
    expect(await upgrade(target, '', headers)).toMatch(/^HTTP\/1\.1 403 [^]*Forbidden$/);
    expect(seen).toHaveLength(before);
  });
});

test('paths are refused and accepted as the flags say, in the language of Go', async () => {
  const flags = ['--port=0', '--reject-paths=^/apis/x,^/$', '--accept-hosts=^*$'];
  const other = proxy(...flags, '--accept-paths=(?i)^/API');
  const own = port;
  port = Number((await other.line).split(':').at(-1));
  try {
    const codeOf = async (target: string): Promise<number> =>
      (await ask(target, { host: 'anything.example' })).code;
    expect(await codeOf('/api/v1/namespaces/d/pods/p/exec')).toBe(200);
    expect(await codeOf('/apis/x/y')).toBe(403);
    expect(await codeOf('/version')).toBe(403);
  } finally {
    port = own;
  }
});

test('a port that is taken is told', async () => {
  const second = proxy(`--port=${port}`);
  expect(await second.line).toBe(
    `error: listen EADDRINUSE: address already in use 127.0.0.1:${port}\n`,
  );
  expect(await second.ended).toBe(1);
});

test('a pattern that is none is told', async () => {
  const wrong = proxy('--port=0', '--accept-hosts=(');
  expect(await wrong.line).toMatch(/^error: --accept-hosts: /);
  expect(await wrong.ended).toBe(1);
});

test('SIGINT ends it, with the connections that are open', async () => {
  const client = net.connect(port, '127.0.0.1');
  client.write('GET /api HTTP/1.1\r\nhost: localhost\r\nconnection: Upgrade\r\nupgrade: x\r\n\r\n');
  await once(client, 'data');
  const closed = once(client.resume(), 'close');
  process.emit('SIGINT');
  expect(await ended).toBe(0);
  await closed;
});
