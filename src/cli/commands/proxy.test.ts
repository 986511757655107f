/** `proxy` in front of a pretended API server. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { once } from 'node:events';
import * as http from 'node:http';
import type { AddressInfo } from 'node:net';
import { processContext } from '../context.js';
import { run } from '../main.js';

const seen: string[] = [];
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
  options: { host?: string; method?: string; body?: string } = {},
): Promise<{ code: number; type: string; text: string }> {
  const { host = `localhost:${port}`, method = 'GET', body } = options;
  const call = http.request({ host: '127.0.0.1', port, path, method, headers: { host } });
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

test('SIGINT ends it', async () => {
  process.emit('SIGINT');
  expect(await ended).toBe(0);
});
