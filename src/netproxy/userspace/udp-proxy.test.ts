import { afterEach, describe, expect, test } from '@jest/globals';
import { createSocket } from 'node:dgram';
import type { Socket } from 'node:dgram';
import { ManualClock } from '../../lib/clock.js';
import type { Endpoint } from '../model/service-model.js';
import { Balancer } from './balancer.js';
import { UdpProxy } from './udp-proxy.js';

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

async function bound(): Promise<Socket> {
  const socket = createSocket('udp4');
  ends.push(() => new Promise<void>((resolve) => socket.close(resolve)));
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  return socket;
}

/** Answers each datagram with its name and the text. */
async function endpoint(name: string): Promise<Endpoint> {
  const socket = await bound();
  socket.on('message', (message, from) => {
    socket.send(`${name}:${message.toString()}`, from.port, from.address);
  });
  const flags = { ready: true, serving: true, terminating: false, local: true, elsewhere: false };
  return { ip: '127.0.0.1', port: socket.address().port, ...flags };
}

async function proxied(
  endpoints: readonly Endpoint[],
): Promise<{ readonly clock: ManualClock; readonly port: number }> {
  const clock = new ManualClock();
  const balancer = new Balancer();
  balancer.update(endpoints, 0);
  const proxy = new UdpProxy(balancer, clock);
  ends.push(() => proxy.close());
  return { clock, port: await proxy.listen('127.0.0.1', 0) };
}

/** A client that asks from one port. */
async function client(port: number): Promise<(text: string) => Promise<string>> {
  const socket = await bound();
  return (text) =>
    new Promise((resolve) => {
      socket.once('message', (answer) => resolve(answer.toString()));
      socket.send(text, port, '127.0.0.1');
    });
}

describe('datagrams', () => {
  test('of one client go to one endpoint, of another to the next', async () => {
    const { port } = await proxied([await endpoint('a'), await endpoint('b')]);
    const [first, second] = [await client(port), await client(port)];
    expect(await first('1')).toBe('a:1');
    expect(await first('2')).toBe('a:2');
    expect(await second('1')).toBe('b:1');
    expect(await first('3')).toBe('a:3');
  });

  test('of a client that was quiet for ten seconds are a new flow', async () => {
    const { clock, port } = await proxied([await endpoint('a'), await endpoint('b')]);
    const ask = await client(port);
    expect(await ask('1')).toBe('a:1');
    clock.advance(6_000);
    expect(await ask('2')).toBe('a:2');
    clock.advance(6_000);
    expect(await ask('3')).toBe('a:3');
    clock.advance(10_000);
    expect(await ask('4')).toBe('b:4');
  });
});
