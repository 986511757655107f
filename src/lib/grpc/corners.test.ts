/** Calls that are not quite in order, answered as grpc-go's server (etcd 3.5.30) answered the same bytes. */
import * as http2 from 'node:http2';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { grpcMessage } from '../http2/testkit/raw-peer.js';
import { silentLogger } from '../log.js';
import { EchoDefinition, echoHandlers } from './testkit/echo-service.js';
import type { GrpcServer } from './server.js';
import { createGrpcServer } from './server.js';

let server: GrpcServer;
let client: http2.ClientHttp2Session;

beforeAll(async () => {
  server = createGrpcServer({ log: silentLogger });
  server.addService(EchoDefinition, echoHandlers());
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
  client = http2.connect(`http://127.0.0.1:${port}`);
});

afterAll(async () => {
  client.close();
  await server.close();
});

/**
 * The answer as a caller sees it: fields of the answer's head and its trailers as one, and the bytes of its messages.
 */
function call(
  headers: http2.OutgoingHttpHeaders,
  body: Buffer,
): Promise<Record<string, unknown> & { body: Buffer }> {
  return new Promise((resolve, reject) => {
    const stream = client.request({
      ':method': 'POST',
      ':path': '/trireme.test.Echo/Unary',
      'content-type': 'application/grpc',
      te: 'trailers',
      ...headers,
    });
    const seen: Record<string, unknown> = {};
    const parts: Buffer[] = [];
    stream.on('response', (fields) => Object.assign(seen, fields));
    stream.on('trailers', (fields) => Object.assign(seen, fields));
    stream.on('error', reject);
    stream.on('data', (part: Buffer) => parts.push(part));
    stream.on('close', () => resolve({ ...seen, body: Buffer.concat(parts) }));
    stream.end(body);
  });
}

const whole = grpcMessage(Buffer.alloc(0));

function marked(format: number): Buffer {
  const bytes = Buffer.from(whole);
  bytes[0] = format;
  return bytes;
}

test.each([
  [{ 'grpc-encoding': 'snappy' }, 12, /not installed for grpc-encoding "snappy"$/],
  [{ 'grpc-timeout': '0S' }, 4, /^context deadline exceeded$/],
  [{ ':path': '/nope' }, 12, /^malformed method name: "\/nope"$/],
])('%j', async (headers, code, message) => {
  const seen = await call(headers, whole);
  expect(seen).toMatchObject({ ':status': 200, 'grpc-status': String(code) });
  expect(decodeURIComponent(String(seen['grpc-message']))).toMatch(message);
});

test.each([
  ['x', 'transport: timeout string is too short: "x"'],
  ['', 'transport: timeout string is too short: ""'],
  ['123456789m', 'transport: timeout string is too long: "123456789m"'],
  ['5x', 'transport: timeout unit is not recognized: "5x"'],
  ['-5S', 'strconv.ParseUint: parsing "-5": invalid syntax'],
])('the timeout %j', async (timeout, fault) => {
  expect(await call({ 'grpc-timeout': timeout }, whole)).toMatchObject({
    ':status': 400,
    'grpc-status': '13',
    'grpc-message': `malformed grpc-timeout: ${fault}`,
  });
});

test.each([
  ['nothing', Buffer.alloc(0), 2, 'EOF'],
  ['half a head', whole.subarray(0, 3), 2, 'EOF'],
  ['half a message', Buffer.from([0, 0, 0, 0, 9, 1]), 2, 'unexpected EOF'],
  [
    'a compressed message',
    marked(1),
    13,
    'grpc: compressed flag set with identity or empty encoding',
  ],
  ['an unknown format', marked(2), 13, 'grpc: received unexpected payload format 2'],
])('for a request, %s', async (_, body, code, message) => {
  const status = { 'grpc-status': String(code), 'grpc-message': message };
  expect(await call({}, body)).toMatchObject(status);
});

test.each([
  ['application/grpc+proto', 'application/grpc+proto'],
  ['application/grpc;charset=utf-8', 'application/grpc+charset=utf-8'],
  ['application/grpc', 'application/grpc'],
])('the content type %s', async (asked, answered) => {
  expect(await call({ 'content-type': asked }, whole)).toMatchObject({
    'content-type': answered,
    'grpc-status': '0',
  });
});

/** The messages of an answer: of what format each is, and what it says. */
function messagesOf(body: Buffer): { format: number; text: string }[] {
  const messages: { format: number; text: string }[] = [];
  for (let at = 0; at < body.length;) {
    const format = body.readUInt8(at);
    const from = at + 5;
    at = from + body.readUInt32BE(at + 1);
    const bytes = body.subarray(from, at);
    messages.push({ format, text: String(format === 1 ? gunzipSync(bytes) : bytes) });
  }
  return messages;
}

function zipped(text: string): Buffer {
  const bytes = grpcMessage(gzipSync(text));
  bytes[0] = 1;
  return bytes;
}

const long = 'x'.repeat(200_000);

test.each([
  ['a compressed request', '/Unary', zipped('hello'), [{ format: 1, text: 'hello' }]],
  ['one that might be', '/Unary', grpcMessage(Buffer.from('hi')), [{ format: 1, text: 'hi' }]],
  ['a long one', '/Unary', zipped(long), [{ format: 1, text: long }]],
  ['an empty answer', '/Unary', whole, [{ format: 0, text: '' }]],
  ['an answer in parts', '/Download', zipped('2 0'), ['', ''].map((text) => ({ format: 0, text }))],
  ['the same', '/Download', zipped('2 1'), ['\0', '\x01'].map((text) => ({ format: 1, text }))],
  ['a request in parts', '/Upload', zipped('four'), [{ format: 1, text: '4' }]],
  ['parts both ways', '/Both', zipped('there'), [{ format: 1, text: 'there' }]],
])('with gzip: %s', async (_, method, body, messages) => {
  const path = `/trireme.test.Echo${method}`;
  const seen = await call({ ':path': path, 'grpc-encoding': 'gzip' }, body);
  expect(seen).toMatchObject({ 'grpc-encoding': 'gzip', 'grpc-status': '0' });
  expect(messagesOf(seen.body)).toEqual(messages);
});

test('an answer is not compressed because its caller could read it, nor is a status', async () => {
  const seen = await call({ 'grpc-accept-encoding': 'gzip' }, grpcMessage(Buffer.from('hello')));
  expect(seen).not.toHaveProperty('grpc-encoding');
  expect(messagesOf(seen.body)).toEqual([{ format: 0, text: 'hello' }]);
  const failed = await call({ 'grpc-encoding': 'gzip' }, zipped('fail'));
  expect(failed).toMatchObject({ 'grpc-status': '9' });
  expect(failed).not.toHaveProperty('grpc-encoding');
});

test('another content type is no call', async () => {
  expect(await call({ 'content-type': 'application/grpcx' }, whole)).toMatchObject({
    ':status': 415,
  });
});
