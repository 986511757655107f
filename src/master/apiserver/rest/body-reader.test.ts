import { describe, expect, test } from '@jest/globals';
import { PassThrough } from 'node:stream';
import { ManualClock } from '../../../lib/clock.js';
import { bodyTimeoutMs, maxBodyBytesPerUser, maxRequestBytes } from '../limits.js';
import { BodyReader } from './body-reader.js';
import type { Exchange } from './exchange.js';

/** The part of an exchange that a body is read from. */
function exchange(headers: Record<string, string> = {}): {
  body: PassThrough;
  exchange: Exchange;
} {
  const body = new PassThrough();
  const request = Object.assign(body, { headers });
  return { body, exchange: { request } as unknown as Exchange };
}

describe('a body', () => {
  test('is there when its last byte is', async () => {
    const reader = new BodyReader(new ManualClock());
    const { body, exchange: asked } = exchange();
    const read = reader.read(asked, 'a');
    body.write('{"a"');
    body.end(':1}');
    expect((await read).toString()).toBe('{"a":1}');
    expect(reader.heldBytes).toBe(0);
  });

  test('that stalls ends as a request that takes too long, and its connection with it', async () => {
    const clock = new ManualClock();
    const reader = new BodyReader(clock);
    const { body, exchange: asked } = exchange({ 'content-length': '100' });
    const read = reader.read(asked, 'a');
    body.write('{');
    await new Promise((resolve) => setImmediate(resolve));
    expect(reader.heldBytes).toBe(1);
    clock.advance(bodyTimeoutMs);
    await expect(read).rejects.toMatchObject({
      code: 504,
      reason: 'Timeout',
      message: 'Timeout: request did not complete within the allotted timeout',
    });
    expect(body.isPaused()).toBe(true);
    expect(reader.heldBytes).toBe(0);
  });

  test('beyond the limit is refused, announced or not', async () => {
    const reader = new BodyReader(new ManualClock());
    const announced = exchange({ 'content-length': String(maxRequestBytes + 1) });
    await expect(reader.read(announced.exchange, 'a')).rejects.toMatchObject({ code: 413 });
    const { body, exchange: asked } = exchange();
    const read = reader.read(asked, 'a');
    body.end(Buffer.alloc(maxRequestBytes + 1));
    await expect(read).rejects.toMatchObject({ code: 413, reason: 'RequestEntityTooLarge' });
    expect(reader.heldBytes).toBe(0);
  });

  test('of a user whose bodies hold too much is refused, and of others is not', async () => {
    const reader = new BodyReader(new ManualClock());
    const piece = Buffer.alloc(maxRequestBytes);
    const stalled = Array.from({ length: Math.floor(maxBodyBytesPerUser / piece.length) }, () => {
      const { body, exchange: asked } = exchange();
      const read = reader.read(asked, 'greedy');
      body.write(piece);
      return { body, read };
    });
    await new Promise((resolve) => setImmediate(resolve));
    const more = exchange();
    const refused = reader.read(more.exchange, 'greedy');
    more.body.write(piece);
    await expect(refused).rejects.toMatchObject({ code: 429, reason: 'TooManyRequests' });
    const other = exchange();
    const read = reader.read(other.exchange, 'modest');
    other.body.end('{}');
    expect((await read).toString()).toBe('{}');
    for (const { body, read: gone } of stalled) {
      body.destroy();
      await expect(gone).rejects.toMatchObject({ code: 504 });
    }
    expect(reader.heldBytes).toBe(0);
  });
});
