import { afterAll, describe, expect, test } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import * as http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../lib/clock.js';
import { globalFlags } from '../command/global-flags.js';
import { parseLine } from '../command/parse.js';
import type { GlobalValues } from './client-config.js';
import { loadKubeConfig } from './client-config.js';
import { goDurationMs } from './duration.js';
import { createKubeClient } from './rest-client.js';
import { refusalText } from './status-error.js';
import { linesOf } from './watch.js';

const directory = mkdtempSync(join(tmpdir(), 'trireme-kube-'));
afterAll(() => rmSync(directory, { recursive: true }));

const flagsOf = (...argv: string[]): GlobalValues =>
  parseLine(globalFlags, argv).values as GlobalValues;

function kubeconfig(servers: readonly string[], user: object = {}): string {
  const path = join(directory, `config-${servers.join('-').replaceAll(/\W/g, '')}`);
  const [server = '', ...others] = servers;
  const grpc = others.map((url) => `127.0.0.1:${Number(new URL(url).port) + 1}`);
  const extensions = [{ name: 'trireme.dev/grpc', extension: { servers: grpc } }];
  const config = {
    'current-context': 'c',
    clusters: [{ name: 'k', cluster: { server, extensions } }],
    contexts: [{ name: 'c', context: { cluster: 'k', user: 'u', namespace: 'jobs' } }],
    users: [{ name: 'u', user }],
  };
  writeFileSync(path, JSON.stringify(config));
  return path;
}

describe('kubeconfigs', () => {
  test('the other masters are those of the extension, REST one port below gRPC', () => {
    const path = kubeconfig(['https://h:6443', 'https://127.0.0.1:7443']);
    const config = loadKubeConfig(flagsOf('--kubeconfig', path));
    expect(config.servers).toEqual(['https://h:6443', 'https://127.0.0.1:7443']);
    expect(config.namespace).toBe('jobs');
  });

  test('flags say who asks', () => {
    const path = kubeconfig(['https://h:6443'], { token: 'abc' });
    const { headers } = loadKubeConfig(
      flagsOf('--kubeconfig', path, '--as', 'alice', '--as-group', 'x', '--as-group', 'y'),
    );
    expect(headers).toEqual({
      authorization: 'Bearer abc',
      'impersonate-user': 'alice',
      'impersonate-group': ['x', 'y'],
    });
  });

  test('a context that is not there', () => {
    const path = kubeconfig(['https://h:6443']);
    expect(() => loadKubeConfig(flagsOf('--kubeconfig', path, '--context', 'x'))).toThrow(
      'context "x" does not exist',
    );
  });
});

/** A server that answers `answer`. */
async function serve(code: number, answer: unknown): Promise<{ url: string; close: () => void }> {
  const server = http.createServer((_, response) => {
    response.writeHead(code, { warning: '299 - "old \\"x\\""' });
    response.end(JSON.stringify(answer));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => void server.close(),
  };
}

describe('requests', () => {
  test('another master is asked when one does not answer, and the user is told', async () => {
    const dead = await serve(200, {});
    dead.close();
    const living = await serve(200, { ok: true });
    let words = '';
    const path = kubeconfig([dead.url, living.url]);
    const err = (text: string): void => void (words += text);
    const client = createKubeClient(flagsOf('--kubeconfig', path), { clock: systemClock(), err });
    expect(await client.json({ path: '/x' })).toEqual({ ok: true });
    const [was, is] = [dead, living].map(({ url }) => new URL(url).host);
    expect(words).toBe(
      `No answer from master ${was} (ECONNREFUSED); asked ${is} instead.\nWarning: old "x"\n`,
    );
    // It stays with the one that answers, and says so once.
    await client.json({ path: '/x' });
    expect(words.split('\n')).toHaveLength(3);
    expect(client.server).toBe(living.url);
    client.close();
    living.close();
  });

  test('a server that is not there', async () => {
    const dead = await serve(200, {});
    dead.close();
    const client = createKubeClient(flagsOf('--server', dead.url), {
      clock: systemClock(),
      err: () => undefined,
    });
    const { host } = new URL(dead.url);
    await expect(client.json({ path: '/x' })).rejects.toThrow(
      `The connection to the server ${host} was refused - did you specify the right host or port?`,
    );
  });

  test('a refusal is the Status that the server sent', async () => {
    const status = { kind: 'Status', code: 404, reason: 'NotFound', message: 'pods "x" not found' };
    const server = await serve(404, status);
    const client = createKubeClient(flagsOf('--server', server.url), {
      clock: systemClock(),
      err: () => undefined,
    });
    await expect(client.json({ path: '/x' })).rejects.toMatchObject({
      code: 404,
      reason: 'NotFound',
    });
    client.close();
    server.close();
  });
});

describe('refusals in words', () => {
  const invalid = (causes: object[]): Parameters<typeof refusalText>[0] => ({
    code: 422,
    reason: 'Invalid',
    message: 'm',
    details: { kind: 'Pod', name: 'x', causes },
  });

  test.each([
    [
      { code: 404, reason: 'NotFound', message: 'gone', details: {} },
      'Error from server (NotFound): gone',
    ],
    [{ code: 500, reason: '', message: 'gone', details: {} }, 'Error from server: gone'],
    [invalid([{ field: 'a', message: 'b' }]), 'The Pod "x" is invalid: a: b'],
    [
      invalid([
        { field: 'a', message: 'b' },
        { field: 'c', message: 'd' },
      ]),
      'The Pod "x" is invalid: \n* a: b\n* c: d',
    ],
    [
      { code: 401, reason: 'Unauthorized', message: 'Unauthorized', details: {} },
      'error: You must be logged in to the server (Unauthorized)',
    ],
  ])('%j', (error, text) => {
    expect(refusalText(error)).toBe(text);
  });
});

test.each([
  ['90', 90_000],
  ['1m30s', 90_000],
  ['0', 0],
  ['-1s', -1000],
])('%s is a duration', (text, ms) => {
  expect(goDurationMs(text)).toBe(ms);
});

test('lines that come in pieces', async () => {
  async function* pieces(): AsyncGenerator<Buffer> {
    for (const piece of ['a\nb', 'c', '\n\nd']) yield Buffer.from(piece);
  }
  const lines: string[] = [];
  for await (const line of linesOf(pieces())) lines.push(line);
  expect(lines).toEqual(['a', 'bc', 'd']);
});
