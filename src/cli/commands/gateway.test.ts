import { afterEach, describe, expect, test } from '@jest/globals';
import { once } from 'node:events';
import * as net from 'node:net';
import { ManualClock } from '../../lib/clock.js';
import { silentLogger } from '../../lib/log.js';
import { createGateway } from './gateway.js';
import type { Address } from './gateway-targets.js';

const open: net.Server[] = [];

afterEach(() => {
  for (const server of open.splice(0)) server.close();
});

async function listen(server: net.Server): Promise<Address> {
  open.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  return { host: '127.0.0.1', port };
}

/** Says its name to whoever connects, and keeps the connection. */
function master(name: string): Promise<Address> {
  return listen(
    net.createServer((socket) => {
      socket.on('error', () => undefined);
      socket.write(name);
    }),
  );
}

async function connect({ port }: Address): Promise<{ socket: net.Socket; name: string }> {
  const socket = net.connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  const [data] = (await once(socket, 'data')) as [Buffer];
  return { socket, name: data.toString() };
}

describe('the gateway', () => {
  test('leaves a master that accepts connections and is not ready, and comes back to it', async () => {
    const targets = [await master('one'), await master('two')];
    const sick = new Set<Address>();
    const { gateway, watched } = createGateway({
      targets,
      log: silentLogger,
      clock: new ManualClock(),
      probe: (target) => Promise.resolve(sick.has(target) ? 'not ready' : undefined),
    });
    const at = await listen(gateway);
    const before = await connect(at);
    expect(before.name).toBe('one');
    const [first, second] = targets as [Address, Address];
    sick.add(first);
    const ended = once(before.socket, 'close');
    for (let look = 0; look < 3; look++) await watched.look();
    await ended;
    const meanwhile = await connect(at);
    expect(meanwhile.name).toBe('two');
    // None is ready: whoever accepts may still answer, and nobody is cut off.
    sick.add(second);
    for (let look = 0; look < 3; look++) await watched.look();
    expect((await connect(at)).name).toBe('two');
    expect(meanwhile.socket.destroyed).toBe(false);
    sick.delete(first);
    await watched.look();
    expect((await connect(at)).name).toBe('one');
  });

  test('one question that fails leaves nobody out', async () => {
    const targets = [await master('one'), await master('two')];
    let asked = 0;
    const { gateway, watched } = createGateway({
      targets,
      log: silentLogger,
      clock: new ManualClock(),
      probe: () => (++asked > 2 ? Promise.resolve(undefined) : Promise.reject(new Error('late'))),
    });
    const at = await listen(gateway);
    await watched.look();
    expect((await connect(at)).name).toBe('one');
    await watched.look();
    expect((await connect(at)).name).toBe('one');
  });
});
