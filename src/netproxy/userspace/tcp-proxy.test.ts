import { connect, createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { afterEach, expect, test } from '@jest/globals';
import { systemClock } from '../../lib/clock.js';
import type { Endpoint } from '../model/service-model.js';
import { Balancer } from './balancer.js';
import { TcpProxy } from './tcp-proxy.js';

const servers: Server[] = [];
const clock = systemClock();

afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** Answers only after the client has closed its half. */
async function endpoint(name: string): Promise<Endpoint> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    let text = '';
    socket.on('data', (data) => (text += data.toString()));
    socket.on('end', () => socket.end(`${name}:${text}`));
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const flags = { ready: true, serving: true, terminating: false, local: true, elsewhere: false };
  return { ip: '127.0.0.1', port, ...flags };
}

function exchange(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    socket.on('data', (data) => (answer += data.toString()));
    socket.on('end', () => resolve(answer));
    socket.on('error', reject);
    socket.end(text);
  });
}

async function withProxy<T>(
  cluster: readonly Endpoint[],
  affinitySeconds: number,
  use: (port: number) => Promise<T>,
): Promise<T> {
  const balancer = new Balancer();
  balancer.update(cluster, affinitySeconds);
  const proxy = new TcpProxy(balancer, clock);
  try {
    return await use(await proxy.listen('127.0.0.1', 0));
  } finally {
    await proxy.close();
  }
}

test('endpoints take turns, halves close one by one', async () => {
  const cluster = [await endpoint('a'), await endpoint('b')];
  await withProxy(cluster, 0, async (port) => {
    const answers = [];
    for (let turn = 0; turn < 4; turn++) answers.push(await exchange(port, `${turn}`));
    expect(answers).toEqual(['a:0', 'b:1', 'a:2', 'b:3']);
  });
});

test('an endpoint that refuses is passed over', async () => {
  const good = await endpoint('good');
  const bad = { ...good, port: 1 };
  await withProxy([bad, good], 0, async (port) => {
    for (let turn = 0; turn < 4; turn++) expect(await exchange(port, 'x')).toBe('good:x');
  });
});

test('a client with affinity stays', async () => {
  const cluster = [await endpoint('a'), await endpoint('b')];
  await withProxy(cluster, 60, async (port) => {
    for (let turn = 0; turn < 4; turn++) expect(await exchange(port, 'x')).toBe('a:x');
  });
});

test('without endpoints a connection is reset', async () => {
  await withProxy([], 0, async (port) => {
    await expect(exchange(port, 'x')).rejects.toThrow(/ECONNRESET/);
  });
});
