/** Bytes on a seed for a port: noise, and good conversations that were changed, cut, repeated and mixed. */
import type { Prng } from '../../src/lib/prng.js';

const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

/** Makes an HTTP/2 frame with some wrong numbers. */
function frame(prng: Prng): Buffer {
  const length = prng.below(8) === 0 ? prng.below(70_000) : prng.below(64);
  const bytes = Buffer.alloc(9 + length);
  for (let at = 9; at < bytes.length; at++) bytes[at] = prng.below(256);
  bytes.writeUIntBE(prng.below(16) === 0 ? prng.below(2 ** 24) : length, 0, 3);
  bytes[3] = prng.below(11);
  bytes[4] = prng.below(4) === 0 ? prng.below(256) : prng.below(6);
  bytes.writeUInt32BE(prng.below(3) === 0 ? 0 : 2 * prng.below(8) + 1, 5);
  return bytes;
}

const requests = [
  'GET /version HTTP/1.1\r\nHost: a\r\n\r\n',
  'GET /version HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n',
  'POST /api/v1/namespaces HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
  'POST /v3/kv/range HTTP/1.1\r\nHost: a\r\nContent-Length: 14\r\n\r\n{"key":"Zm9v"}',
  'GET /api/v1/namespaces/a/pods/b/exec?command=c&stdin=1 HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n',
  'OPTIONS * HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc',
  'CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n',
].map((text) => Buffer.from(text, 'latin1'));

/** A DNS query over TCP: its length before it. */
const query = Buffer.from(
  '0021000101000001000000000000036e6f6e07636c7573746572056c6f63616c0000010001',
  'hex',
);
/** The beginning of a TLS 1.2 ClientHello. */
const hello = Buffer.from('16030100a5010000a10303', 'hex');

function noise(prng: Prng): Buffer {
  return Buffer.from(Array.from({ length: prng.below(600) }, () => prng.below(256)));
}

function http2(prng: Prng): Buffer {
  const settings = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);
  const frames = Array.from({ length: 1 + prng.below(12) }, () => frame(prng));
  return Buffer.concat([preface, ...(prng.below(4) === 0 ? [] : [settings]), ...frames]);
}

/** Changes some bytes, cuts some, repeats some. */
function mutate(prng: Prng, bytes: Buffer): Buffer {
  let result = Buffer.from(bytes);
  for (let count = prng.below(6); count > 0 && result.length > 0; count--) {
    const at = prng.below(result.length);
    const end = at + prng.below(result.length - at + 1);
    switch (prng.below(4)) {
      case 0:
        result[at] = prng.below(256);
        break;
      case 1:
        result = Buffer.concat([result.subarray(0, at), result.subarray(end)]);
        break;
      case 2:
        result = Buffer.concat([result.subarray(0, end), result.subarray(at)]);
        break;
      default:
        result = Buffer.concat([result.subarray(0, at), noise(prng), result.subarray(at)]);
    }
  }
  return result;
}

/** Makes the bytes of one client. */
export function conversation(prng: Prng): Buffer {
  const request = requests[prng.below(requests.length)] ?? Buffer.alloc(0);
  switch (prng.below(6)) {
    case 0:
      return noise(prng);
    case 1:
      return mutate(
        prng,
        Buffer.concat([request, requests[prng.below(requests.length)] ?? request]),
      );
    case 2:
      return mutate(prng, query);
    case 3:
      return Buffer.concat([hello, noise(prng)]);
    default:
      return prng.below(3) === 0 ? mutate(prng, http2(prng)) : http2(prng);
  }
}
