import { afterEach, expect, test } from '@jest/globals';
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { ManualClock } from '../../lib/clock.js';
import { connectAddress } from './address-session.js';
import { podAddress } from './pod-address.js';

const servers: Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function listen(serve: (socket: Socket) => void): Promise<number> {
  const server = createServer(serve);
  servers.push(server);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return (server.address() as AddressInfo).port;
}

const silent = { stdout: () => true, stderr: () => true };

test('carries both ways, and ends well when the other side has', async () => {
  const port = await listen((socket) => {
    socket.on('data', (data: Buffer) => socket.end(`you said ${data.toString()}`));
  });
  let heard = '';
  const target = { address: '127.0.0.1', port, clock: new ManualClock() };
  const session = connectAddress(target, {
    stdout: (data) => {
      heard += data.toString();
      return true;
    },
    stderr: () => true,
  });
  session.write(Buffer.from('hello'));
  expect(await session.done).toEqual({ exitCode: 0 });
  expect(heard).toBe('you said hello');
  // Nothing happens to a session that is over.
  session.write(Buffer.from('late'));
  session.closeStdin();
  session.close();
});

test('holds what nobody takes, until it is told to go on', async () => {
  const sent = 'x'.repeat(4 * 1024 * 1024);
  const port = await listen((socket) => socket.end(sent));
  let bytes = 0;
  let held: () => void = () => undefined;
  const full = new Promise<void>((resolve) => {
    held = resolve;
  });
  const target = { address: '127.0.0.1', port, clock: new ManualClock() };
  const session = connectAddress(target, {
    stdout: (data) => {
      bytes += data.length;
      if (bytes < 1000) return true;
      held();
      return bytes > 64 * 1024;
    },
    stderr: () => true,
  });
  await full;
  expect(bytes).toBeLessThan(sent.length);
  session.resume();
  await session.done;
  expect(bytes).toBe(sent.length);
});

test('a port that nobody listens on, and an address that does not answer', async () => {
  const port = await listen(() => undefined);
  await new Promise((resolve) => servers.pop()?.close(resolve));
  const clock = new ManualClock();
  const refused = connectAddress({ address: '127.0.0.1', port, clock }, silent);
  expect(await refused.done).toEqual({ exitCode: 1, error: 'connect: connection refused' });
  const open = await listen(() => undefined);
  const late = connectAddress({ address: '127.0.0.1', port: open, clock }, silent);
  clock.advance(10_000);
  expect(await late.done).toEqual({ exitCode: 1, error: 'i/o timeout' });
});

const place = {
  isolatesNetwork: true,
  hostNetwork: false,
  hostIps: ['10.0.0.1'],
  ips: ['10.1.0.9'],
};

test.each([
  ["the pod's own", place, '10.1.0.9'],
  ["the node's, with its network", { ...place, hostNetwork: true }, '10.0.0.1'],
  ['never the loopback', { ...place, ips: ['127.0.0.1'] }, undefined],
  ["nor the node's", { ...place, hostNetwork: true, hostIps: ['127.0.0.1'] }, undefined],
  ['nor a link-local one', { ...place, ips: ['169.254.169.254'] }, undefined],
  ['nor none', { ...place, ips: [] }, undefined],
  ['nor a name', { ...place, ips: ['localhost'] }, undefined],
  [
    'the loopback where all pods are there',
    { ...place, isolatesNetwork: false, ips: ['127.0.0.1'] },
    '127.0.0.1',
  ],
])('address: %s', (_name, where, address) => {
  expect(podAddress(where)).toBe(address);
});
