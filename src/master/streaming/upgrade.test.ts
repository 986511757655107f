import { describe, expect, test } from '@jest/globals';
import type { IncomingMessage } from 'node:http';
import { PassThrough } from 'node:stream';
import { ManualClock } from '../../lib/clock.js';
import { upgradeCommand, upgradePortForward } from './index.js';
import { acceptUpgrade, guardSocket, refuseUpgrade } from './upgrade.js';

/** A connection and what was written to it. */
function connection(): { socket: PassThrough; text: () => string } {
  const socket = new PassThrough();
  return { socket, text: () => String(socket.read() ?? '') };
}

const request = (headers: Record<string, string>): IncomingMessage =>
  ({ headers, method: 'POST' }) as unknown as IncomingMessage;

const start = {
  container: { namespace: '', pod: '', uid: '', container: '' },
  command: ['true'],
  stdin: false,
  stdout: true,
  stderr: true,
  tty: false,
};
const unopened = (): never => {
  throw new Error('nobody opens a call');
};

test('an upgrade is accepted with what was agreed on', () => {
  const { socket, text } = connection();
  acceptUpgrade(socket, { Upgrade: 'SPDY/3.1', 'X-Stream-Protocol-Version': 'v4.channel.k8s.io' });
  expect(text()).toBe(
    [
      'HTTP/1.1 101 Switching Protocols',
      'Connection: Upgrade',
      'Upgrade: SPDY/3.1',
      'X-Stream-Protocol-Version: v4.channel.k8s.io',
      '',
      '',
    ].join('\r\n'),
  );
});

describe('an upgrade is refused', () => {
  test.each([
    [400, 'Bad Request', 'BadRequest'],
    [403, 'Forbidden', 'Forbidden'],
    [500, 'Internal Server Error', 'InternalError'],
  ])('with %d as a Status', (code, phrase, reason) => {
    const { socket, text } = connection();
    refuseUpgrade(socket, code, 'no – because');
    const [head = '', body = ''] = text().split('\r\n\r\n');
    expect(head.split('\r\n')).toEqual([
      `HTTP/1.1 ${code} ${phrase}`,
      'Content-Type: application/json',
      `Content-Length: ${Buffer.byteLength(body)}`,
      'Connection: close',
    ]);
    expect(JSON.parse(body)).toEqual({
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: 'no – because',
      reason,
      code,
    });
    expect(socket.writableEnded).toBe(true);
  });

  test('without a word where nobody listens', () => {
    const { socket, text } = connection();
    socket.end();
    refuseUpgrade(socket, 400, 'no');
    expect(text()).toBe('');
  });

  test.each(['h2c', ''])('for a protocol that is none of ours: %j', (upgrade) => {
    const clock = new ManualClock();
    for (const serve of [upgradeCommand, upgradePortForward]) {
      const { socket, text } = connection();
      const headers = upgrade === '' ? {} : { upgrade };
      const given = { request: request(headers), socket, head: Buffer.alloc(0) };
      serve(given, { start, open: unopened, clock, ports: [] });
      expect(text()).toContain('Upgrade request required');
    }
    expect(clock.pending).toBe(0);
  });

  test('for a client of SPDY with which no version is agreed on', () => {
    const { socket, text } = connection();
    const headers = { upgrade: 'SPDY/3.1', 'x-stream-protocol-version': 'v9.channel.k8s.io' };
    const clock = new ManualClock();
    upgradeCommand(
      { request: request(headers), socket, head: Buffer.alloc(0) },
      { start, open: unopened, clock },
    );
    expect(text()).toContain(
      'client supports v9.channel.k8s.io, server supports v4.channel.k8s.io',
    );
  });
});

test('who has left while the request was looked at gets no answer', () => {
  const { socket } = connection();
  socket.destroy();
  const given = { request: request({}), socket, head: Buffer.alloc(0) };
  upgradeCommand(given, { start, open: unopened, clock: new ManualClock() });
  expect(socket.writableEnded).toBe(false);
});

test('an error of a connection ends it alone', () => {
  const { socket } = connection();
  guardSocket(socket);
  socket.emit('error', new Error('broken'));
  expect(socket.destroyed).toBe(true);
});
