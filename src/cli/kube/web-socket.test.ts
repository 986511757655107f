import { expect, test } from '@jest/globals';
import { createHash } from 'node:crypto';
import * as http from 'node:http';
import type { AddressInfo } from 'node:net';
import { openWebSocket } from './web-socket.js';

/** Of the protocol: it proves that the other side speaks it. */
const webSocketGuid = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

test('a message that comes in one piece with the handshake waits for a listener', async () => {
  const server = http.createServer();
  server.on('upgrade', (request, socket) => {
    const key = `${request.headers['sec-websocket-key'] ?? ''}${webSocketGuid}`;
    const head = [
      'HTTP/1.1 101 Switching Protocols',
      'Upgrade: websocket',
      'Connection: Upgrade',
      `Sec-WebSocket-Accept: ${createHash('sha1').update(key).digest('base64')}`,
      'Sec-WebSocket-Protocol: p',
    ];
    const message = Buffer.from([0x82, 2, 104, 105]);
    socket.end(Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), message]));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const socket = await openWebSocket({
    server: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    config: { headers: {} } as Parameters<typeof openWebSocket>[0]['config'],
    request: { path: '/' },
    protocols: ['p'],
    tls: {},
  });
  // As long as a command may take to come to it.
  await new Promise((resolve) => setImmediate(resolve));
  const closed = new Promise((resolve) => socket.once('close', resolve));
  const messages: string[] = [];
  socket.on('message', (data: Buffer) => messages.push(data.toString('utf8')));
  socket.resume();
  await closed;
  server.close();
  expect(messages).toEqual(['hi']);
});
