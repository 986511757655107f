import { afterEach, describe, expect, test } from '@jest/globals';
import * as http from 'node:http';
import type { AddressInfo } from 'node:net';
import { ManualClock } from '../../lib/clock.js';
import { attemptProbe } from './attempt.js';
import { probeHeaders, probeUrl, redirectTarget } from './http.js';

test.each([
  [{ port: 80 }, 'http://10.0.0.9:80/'],
  [{ port: 80, path: 'healthz' }, 'http://10.0.0.9/healthz'],
  [{ port: 80, path: '/a b?x=%20&y=ä#z' }, 'http://10.0.0.9/a%20b?x=%20&y=%C3%A4'],
  [{ port: 80, path: '//other/x' }, 'http://10.0.0.9//other/x'],
  [{ port: 80, path: '?x' }, 'http://10.0.0.9/?x'],
  [{ port: 8443, scheme: 'HTTPS', host: 'fd00::1' }, 'https://[fd00::1]:8443/'],
])('%j asks for %s', (action, url) => {
  expect(probeUrl(action, '10.0.0.9', action.port).href).toBe(new URL(url).href);
});

test('headers: given twice is sent twice, an empty Accept is not sent', () => {
  expect(probeHeaders({ port: 1 })).toEqual({
    'user-agent': 'kube-probe/1.33',
    accept: '*/*',
    connection: 'close',
  });
  const httpHeaders = [
    { name: 'X-A', value: '1' },
    { name: 'x-a', value: '2' },
    { name: 'Accept', value: '' },
    { name: 'Host', value: 'web.example' },
    { name: 'User-Agent', value: 'me' },
  ];
  expect(probeHeaders({ port: 1, httpHeaders })).toEqual({
    'x-a': ['1', '2'],
    host: 'web.example',
    'user-agent': 'me',
    connection: 'close',
  });
});

test('a field may be named as a member of objects is', () => {
  const httpHeaders = [
    { name: 'constructor', value: '1' },
    { name: '__proto__', value: '2' },
  ];
  const { constructor: first, ...others } = probeHeaders({ port: 1, httpHeaders });
  expect(first).toBe('1');
  expect(Object.entries(others)).toContainEqual(['__proto__', '2']);
});

test('a field that cannot be sent fails the probe, and nothing is left to act at the deadline', async () => {
  const clock = new ManualClock();
  const execSync = async (): Promise<never> => Promise.reject(new Error('not asked for'));
  const httpHeaders = [{ name: 'x', value: '\u2713' }];
  const outcome = await attemptProbe(
    { httpGet: { port: 1, httpHeaders } },
    { podIp: '127.0.0.1', ports: [], clock, execSync },
  );
  expect(outcome).toMatchObject({ ok: false, output: expect.stringContaining('"x"') });
  expect(() => clock.advance(60_000)).not.toThrow();
});

test.each([
  [302, '/next', 'http://10.0.0.9:8080/next'],
  [308, 'http://10.0.0.9:9090/', 'http://10.0.0.9:9090/'],
  [301, 'https://10.0.0.9/', 'https://10.0.0.9/'],
  [302, 'http://10.0.0.8:8080/', undefined],
  [302, '//elsewhere/', undefined],
  [302, undefined, undefined],
  [304, '/next', undefined],
  [200, '/next', undefined],
])('%i to %s leads to %s', (status, location, expected) => {
  const from = new URL('http://10.0.0.9:8080/ready');
  expect(redirectTarget(from, status, location)?.href).toBe(expected);
});

describe('against a server', () => {
  let server: http.Server | undefined;
  const context = {
    podIp: '127.0.0.1',
    ports: [],
    clock: new ManualClock(),
    execSync: async () => ({ exitCode: 1, output: '', timedOut: false }),
  };

  afterEach(async () => {
    server?.closeAllConnections();
    await new Promise((resolve) => server?.close(resolve));
  });

  async function ask(
    path: string,
    answer: (request: http.IncomingMessage, response: http.ServerResponse) => void,
  ): ReturnType<typeof attemptProbe> {
    server = http.createServer(answer);
    await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    return attemptProbe({ httpGet: { port, path } }, context);
  }

  test('a redirect on the host is followed to its end, which counts', async () => {
    const seen: string[] = [];
    const outcome = await ask('login', ({ url = '' }, response) => {
      seen.push(url);
      if (url === '/login') response.writeHead(302, { location: '/broken' }).end('x');
      else response.writeHead(500).end();
    });
    expect(seen).toEqual(['/login', '/broken']);
    expect(outcome).toEqual({ ok: false, output: 'HTTP probe failed with statuscode: 500' });
  });

  test('a redirect to another host is not, and is a success', async () => {
    const outcome = await ask('/', (_request, response) =>
      response.writeHead(302, { location: 'http://198.51.100.1/' }).end('there'),
    );
    expect(outcome).toEqual({
      ok: true,
      output: 'Probe terminated redirects, Response body: there',
      isWarning: true,
    });
  });

  test('redirects without an end fail', async () => {
    let count = 0;
    const outcome = await ask('/', (_request, response) =>
      response.writeHead(302, { location: `/${++count}` }).end(),
    );
    expect(outcome).toMatchObject({ ok: false });
    expect(outcome.output).toContain('stopped after 10 redirects');
    expect(count).toBe(10);
  });

  test('a redirect that cannot be read fails', async () => {
    const outcome = await ask('/', (_request, response) =>
      response.writeHead(302, { location: 'http://[' }).end(),
    );
    expect(outcome).toMatchObject({ ok: false });
  });

  test('of a body 10 KiB are read, then its status counts', async () => {
    let written = 0;
    const outcome = await ask('/', (_request, response) => {
      written += 10 * 1024;
      // The answer never ends.
      response.write('x'.repeat(written));
    });
    expect(outcome).toEqual({ ok: true, output: 'x'.repeat(1024) });
  });

  test('a body that breaks off is no answer', async () => {
    const outcome = await ask('/', (_request, response) => {
      response.writeHead(200, { 'content-length': 100 });
      response.write('begun', () => response.destroy());
    });
    expect(outcome).toMatchObject({ ok: false });
  });
});
