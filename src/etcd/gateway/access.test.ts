import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { request } from 'node:http';
import { afterEach, expect, test } from '@jest/globals';
import type { Server } from 'node:http';
import { withAccessRules } from './access.js';

let server: Server | undefined;
afterEach(() => {
  server?.close();
});

async function serve(hosts: string[], origins: string[], secure = false): Promise<number> {
  const rules = { hosts: new Set(hosts), origins: new Set(origins) };
  const handler = withAccessRules(rules, (_request, response) => response.end('served'));
  const started = createServer((request, response) => {
    // What a socket of TLS says of itself.
    if (secure) Object.assign(request.socket, { encrypted: true });
    handler(request, response);
  });
  server = started;
  await new Promise<void>((resolve) => started.listen(0, '127.0.0.1', resolve));
  return (started.address() as AddressInfo).port;
}

function ask(
  port: number,
  headers: Record<string, string>,
  method = 'GET',
): Promise<{ status: number | undefined; origin: string | undefined; body: string }> {
  return new Promise((resolve, reject) => {
    const call = request({ host: '127.0.0.1', port, headers, method }, (answer) => {
      let body = '';
      answer.on('data', (chunk: Buffer) => (body += chunk.toString()));
      answer.on('end', () => {
        const origin = answer.headers['access-control-allow-origin'];
        resolve({ status: answer.statusCode, origin, body });
      });
    });
    call.on('error', reject);
    call.end();
  });
}

test('by default all hosts and origins are served, as by etcd', async () => {
  const port = await serve([], []);
  expect(await ask(port, { host: 'any.example:2379' })).toEqual({
    status: 200,
    origin: '*',
    body: 'served',
  });
});

test('hosts that are not listed get 421 without TLS', async () => {
  let port = await serve(['good.example'], ['*']);
  expect(await ask(port, { host: 'good.example:2379' })).toMatchObject({ status: 200 });
  const refused = await ask(port, { host: 'bad.example' });
  expect(refused.status).toBe(421);
  expect(refused.body).toContain('--host-whitelist "bad.example"');
  server?.close();
  port = await serve(['good.example'], ['*'], true);
  expect(await ask(port, { host: 'bad.example' })).toMatchObject({ status: 200 });
});

test('listed origins alone are named; preflights are answered', async () => {
  const port = await serve(['*'], ['https://a.example']);
  const preflight = await ask(port, { origin: 'https://a.example' }, 'OPTIONS');
  expect(preflight).toEqual({ status: 200, origin: 'https://a.example', body: '' });
  expect(await ask(port, { origin: 'https://b.example' })).toEqual({
    status: 200,
    origin: undefined,
    body: 'served',
  });
});
