import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { gzipFromBytes } from '../limits.js';
import { badRequest, tooManyInFlight, tooManyRequests } from '../status.js';
import { plainJson } from './negotiate.js';
import { noteHeaders, sendBytes, sendError, sendJson } from './respond.js';
import { exchangeOf } from './testkit/exchange.js';

/** The lines of the header. */
function lines(warnings: readonly string[]): unknown {
  return noteHeaders({ warnings, notes: {} })['warning'];
}

describe('warnings of an answer', () => {
  test('are sent once each, quoted', () => {
    expect(noteHeaders({ warnings: [], notes: {} })).toEqual({});
    expect(lines(['a "b"\nc', 'd', 'd'])).toEqual(['299 - "a \\"b\\" c"', '299 - "d"']);
    expect(lines(['x'.repeat(4_096)])).toEqual([`299 - "${'x'.repeat(4_096)}"`]);
  });

  test('are cut where they are too long together, and the last left out', () => {
    const texts = Array.from({ length: 20 }, (_, at) => String(at % 10).repeat(300 + at));
    const cut = Array.from({ length: 16 }, (_, at) => `299 - "${String(at % 10).repeat(256)}"`);
    expect(lines(texts)).toEqual(cut);
    expect(lines(['y'.repeat(4_097)])).toEqual([`299 - "${'y'.repeat(256)}"`]);
  });
});

describe('an answer', () => {
  const json = Buffer.from('{"kind":"Status","message":"a: b"}');
  const get = (query = '', headers: Record<string, string> = {}) =>
    exchangeOf(`GET /version${query}`, headers);

  test('is JSON as it is, or for those who read it, with line breaks', async () => {
    const plain = get();
    await sendJson(plain, 200, json, plainJson);
    expect(plain.written).toMatchObject({
      code: 200,
      headers: {
        'content-type': 'application/json',
        'cache-control': 'no-cache, private',
        'content-length': json.length,
      },
      body: json,
    });
    for (const reader of [
      get('?pretty=true'),
      get('?pretty'),
      get('', { 'user-agent': 'curl/8' }),
    ]) {
      await sendJson(reader, 200, json, plainJson);
      expect(reader.written.body.toString()).toBe(
        '{\n  "kind": "Status",\n  "message": "a: b"\n}\n',
      );
    }
    const curl = get('?pretty=0', { 'user-agent': 'curl/8' });
    await sendJson(curl, 200, json, plainJson);
    expect(curl.written.body).toEqual(json);
  });

  test('is YAML where that is asked for', async () => {
    const exchange = get();
    await sendJson(exchange, 201, json, { ...plainJson, type: 'yaml' });
    expect(exchange.written.headers['content-type']).toBe('application/yaml');
    expect(exchange.written.body.toString()).toBe('kind: Status\nmessage: "a: b"\n');
  });

  test('is compressed when it is long and the client takes that', async () => {
    const long = Buffer.alloc(gzipFromBytes, 'x');
    const takes = { 'accept-encoding': 'br, gzip' };
    const packed = get('', takes);
    await sendBytes(packed, 200, long, 'text/plain');
    expect(packed.written.headers).toMatchObject({
      'content-encoding': 'gzip',
      vary: 'Accept-Encoding',
      'content-length': packed.written.body.length,
    });
    expect(gunzipSync(packed.written.body)).toEqual(long);
    for (const [exchange, bytes] of [
      [get(), long],
      [get('', takes), long.subarray(1)],
    ] as const) {
      await sendBytes(exchange, 200, bytes, 'text/plain');
      expect(exchange.written.headers['content-encoding']).toBeUndefined();
      expect(exchange.written.body).toEqual(bytes);
    }
  });

  test('to HEAD has no body, and says how long it would be', async () => {
    const exchange = exchangeOf('HEAD /version');
    await sendBytes(exchange, 200, json, 'application/json');
    expect(exchange.written.body).toHaveLength(0);
    expect(exchange.written.headers['content-length']).toBe(json.length);
  });

  test('is the first one that was given', async () => {
    const exchange = get();
    await sendBytes(exchange, 200, json, 'application/json');
    await sendBytes(exchange, 500, Buffer.from('late'), 'text/plain');
    expect(exchange.written).toMatchObject({ code: 200, body: json });
  });
});

describe('an error', () => {
  const sent = async (error: unknown, headers: Record<string, string> = {}) => {
    const exchange = exchangeOf('GET /api/v1/pods', headers);
    await sendError(exchange, error);
    return exchange;
  };

  test('is a Status in the format that was asked for', async () => {
    const error = badRequest('no');
    const { written } = await sent(error, { accept: 'application/yaml' });
    expect(written.code).toBe(400);
    expect(written.body.toString()).toContain('reason: BadRequest\n');
    const strange = await sent(error, { accept: 'text/html' });
    expect(JSON.parse(strange.written.body.toString())).toEqual(error.status);
  });

  test('of ours says nothing but that there is one', async () => {
    const { written } = await sent(new Error('at line 7'));
    expect(written.code).toBe(500);
    expect(JSON.parse(written.body.toString())).toMatchObject({
      reason: 'InternalError',
      code: 500,
    });
  });

  test('says when to come again; of too many requests it does so in plain text', async () => {
    const busy = await sent(tooManyInFlight());
    expect(busy.written.code).toBe(429);
    expect(busy.written.headers).toMatchObject({
      'retry-after': '1',
      'content-type': 'text/plain',
    });
    expect(busy.written.body.toString()).toBe('Too many requests, please try again later.\n');
    const budget = await sent(tooManyRequests('budget', 10));
    expect(budget.written.headers).toMatchObject({
      'retry-after': '10',
      'content-type': 'application/json',
    });
  });

  test('that does not say when is not to be asked for again: Go’s clients would do so at once', async () => {
    const { written } = await sent(tooManyRequests('budget', 0));
    expect(written.headers).not.toHaveProperty('retry-after');
    expect(JSON.parse(written.body.toString())).toMatchObject({ code: 429, details: {} });
    expect(written.body.toString()).not.toContain('retryAfterSeconds');
  });

  test('after an answer has begun ends the connection', async () => {
    const exchange = exchangeOf('GET /api/v1/pods');
    await sendBytes(exchange, 200, Buffer.from('{'), 'application/json');
    await sendError(exchange, badRequest('late'));
    expect(exchange.response.destroyed).toBe(true);
    expect(exchange.written.body.toString()).toBe('{');
  });
});
