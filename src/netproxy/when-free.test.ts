import { expect, test } from '@jest/globals';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { systemClock } from '../lib/clock.js';
import { silentLogger } from '../lib/log.js';
import { listening, whenFree } from './when-free.js';

const host = '127.0.0.1';
const tools = { clock: systemClock(), log: silentLogger };

test('an address that somebody else has is listened at as soon as it is free', async () => {
  const before = createServer();
  await listening(before, { host, port: 0 });
  const { port } = before.address() as AddressInfo;
  let told = (): void => undefined;
  const warned = new Promise<void>((resolve) => {
    told = resolve;
  });
  const log = { ...silentLogger, warn: () => told() };
  const after = createServer();
  const taken = whenFree(() => listening(after, { host, port }), { ...tools, log });
  await warned;
  expect(after.listening).toBe(false);
  before.close();
  await taken;
  expect((after.address() as AddressInfo).port).toBe(port);
  after.close();
});

test('who waits for an address can be told to end', async () => {
  const before = createServer();
  await listening(before, { host, port: 0 });
  const { port } = before.address() as AddressInfo;
  const stopping = new AbortController();
  const log = { ...silentLogger, warn: () => stopping.abort(new Error('told to end')) };
  const wait = { ...tools, log, signal: stopping.signal };
  await expect(whenFree(() => listening(createServer(), { host, port }), wait)).rejects.toThrow(
    'told to end',
  );
  before.close();
});

test('who waits for long does not gather listeners', async () => {
  const before = createServer();
  await listening(before, { host, port: 0 });
  const { port } = before.address() as AddressInfo;
  const after = createServer();
  const begun = after.listenerCount('listening');
  for (let attempt = 0; attempt < 3; attempt++) {
    await expect(listening(after, { host, port })).rejects.toThrow('EADDRINUSE');
  }
  expect(after.listenerCount('listening')).toBe(begun);
  expect(after.listenerCount('error')).toBe(0);
  before.close();
});

test('an address that is not ours is refused at once', async () => {
  const elsewhere = { host: '192.0.2.1', port: 0 };
  await expect(whenFree(() => listening(createServer(), elsewhere), tools)).rejects.toThrow(
    'EADDRNOTAVAIL',
  );
});
