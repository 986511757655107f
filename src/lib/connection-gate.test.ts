import { afterEach, describe, expect, test } from '@jest/globals';
import type { Socket } from 'node:net';
import { addressKey, ConnectionGate } from './connection-gate.js';
import { socketPair, until } from './http2/testkit/raw-peer.js';

const sockets: Socket[] = [];

afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
});

async function connection(): Promise<Socket> {
  const [here, there] = await socketPair();
  sockets.push(here, there);
  here.on('error', () => undefined);
  return there;
}

describe('a gate', () => {
  test('closes what is one too many of an address, and counts what has closed no more', async () => {
    const gate = new ConnectionGate({ total: 10, perAddress: 2 });
    const [first, second, third] = [await connection(), await connection(), await connection()];
    expect([first, second, third].map((socket) => gate.admits(socket))).toEqual([
      true,
      true,
      false,
    ]);
    expect(third.destroyed).toBe(true);
    first.destroy();
    await until(() => gate.count === 1, 'the end of the first');
    expect(gate.admits(await connection())).toBe(true);
  });

  test('closes what is one too many of all', async () => {
    const gate = new ConnectionGate({ total: 1, perAddress: 5 });
    expect(gate.admits(await connection())).toBe(true);
    expect(gate.admits(await connection())).toBe(false);
  });
});

test.each([
  ['10.1.2.3', '10.1.2.3'],
  ['::ffff:10.1.2.3', '10.1.2.3'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
  ['2001:db8::1', '2001:db8:0:0'],
  ['::1', '0:0:0:0'],
  ['fe80::1%eth0', 'fe80:0:0:0'],
  [undefined, ''],
])('%s is told apart as %s', (address, expected) => {
  expect(addressKey(address)).toBe(expected);
});
