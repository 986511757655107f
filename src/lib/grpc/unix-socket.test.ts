import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import * as net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { silentLogger } from '../log.js';
import { targetOf, unixPath } from '../member-url.js';
import { createGrpcChannel } from './channel.js';
import { EchoDefinition, echoHandlers } from './testkit/echo-service.js';
import { createGrpcServer } from './server.js';

let directory = '';
const cleanups: (() => unknown)[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'trireme-unix-'));
});

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  rmSync(directory, { recursive: true });
});

async function serve(path: string): Promise<void> {
  const server = createGrpcServer({ log: silentLogger });
  server.addService(EchoDefinition, echoHandlers());
  cleanups.push(() => server.close());
  await server.listen({ path });
}

async function echo(path: string): Promise<string> {
  const target = targetOf(`unix://${path}`);
  const channel = createGrpcChannel({ target, log: silentLogger });
  cleanups.push(() => channel.close());
  const answer = await channel.client(EchoDefinition).unary(Buffer.from('hello'));
  return Buffer.from(answer).toString();
}

test('calls over a socket in the file system', async () => {
  const path = join(directory, 'a:1');
  await serve(path);
  expect(await echo(path)).toBe('hello');
});

test('a socket that was left behind gives way, a file does not', async () => {
  const left = join(directory, 'left');
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(`${left}-before`, resolve));
  renameSync(`${left}-before`, left);
  await new Promise((resolve) => server.close(resolve));
  await serve(left);
  expect(await echo(left)).toBe('hello');

  const file = join(directory, 'file');
  writeFileSync(file, 'precious');
  await expect(serve(file)).rejects.toThrow(/EADDRINUSE/);
  expect(readFileSync(file, 'utf8')).toBe('precious');
});

test('what a URL names', () => {
  expect(unixPath('unix://localhost:1')).toBe('localhost:1');
  expect(unixPath('unix:///run/a.sock')).toBe('/run/a.sock');
  expect(unixPath('unix://')).toBeUndefined();
  expect(unixPath('http://unix://a')).toBeUndefined();
  expect(targetOf('https://[::1]:2380')).toBe('[::1]:2380');
  expect(targetOf('unix://m1')).toBe('unix:m1');
});
