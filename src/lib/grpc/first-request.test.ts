/** The limits of a connection before its protocol is known. */
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { Socket } from 'node:net';
import { BytePool } from '../byte-pool.js';
import { frameType } from '../http2/constants.js';
import { frame, numberFrame, settingsFrame, socketPair } from '../http2/testkit/raw-peer.js';
import { FirstRequestFinder } from './first-request.js';

const megabyte = 1024 * 1024;
const window = numberFrame(frameType.windowUpdate, 0, 1);
const ping = frame(frameType.ping, 0, 0, Buffer.alloc(8));
let here: Socket;
let there: Socket;

beforeEach(async () => {
  [here, there] = await socketPair();
});

afterEach(() => {
  here.destroy();
  there.destroy();
});

/** Sends a frame until the connection is cut. @returns how many it took */
function sendUntilCut(finder: FirstRequestFinder, bytes: Buffer, most: number): number {
  let count = 0;
  while (count < most && !here.destroyed) {
    expect(finder.take(bytes)).toBeUndefined();
    count++;
  }
  return count;
}

test('frames before the first request are held up to a bound, and given back', () => {
  const pool = new BytePool(megabyte);
  const finder = new FirstRequestFinder(here, pool);
  finder.take(settingsFrame());
  expect(sendUntilCut(finder, window, 10_000)).toBeLessThan(1000);
  expect(here.destroyed).toBe(true);
  expect(pool.heldBytes).toBeLessThanOrEqual(96 * 1024);
  finder.release();
  expect(pool.heldBytes).toBe(0);
});

test('all connections that are looked at share what they hold', () => {
  const pool = new BytePool(10_000);
  expect(pool.take(9000)).toBe(true);
  const finder = new FirstRequestFinder(here, pool);
  finder.take(settingsFrame());
  expect(sendUntilCut(finder, window, 10_000)).toBeLessThan(10);
  expect(here.destroyed).toBe(true);
  finder.release();
  expect(pool.heldBytes).toBe(9000);
});

test('a peer that does not read the answers to its pings is cut off', () => {
  const finder = new FirstRequestFinder(here, new BytePool(megabyte));
  finder.take(settingsFrame());
  // As if nothing left the process.
  here.cork();
  const most = (2 * 64 * 1024) / ping.length;
  expect(sendUntilCut(finder, ping, most)).toBeLessThan(most);
  expect(here.destroyed).toBe(true);
});
