import { afterEach, expect, test } from '@jest/globals';
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { systemClock } from '../lib/clock.js';
import { relaySession } from './relay-session.js';
import { shimFile } from './testkit/shim-process.js';
import type { ExecSession } from './types.js';

const clock = systemClock({ unref: true });
const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function listen(serve: (socket: Socket) => void): Promise<{ server: Server; port: number }> {
  const server = createServer({ allowHalfOpen: true }, serve);
  servers.push(server);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return { server, port: (server.address() as AddressInfo).port };
}

/** Everything that a session tells, in order. */
function relay(port: number, tell: (line: string) => void): ExecSession {
  return relaySession(
    { program: shimFile, args: ['relay', '127.0.0.1', String(port)], clock },
    {
      stdout: (data) => {
        tell(`out ${data.toString()}`);
        return true;
      },
      stderr: (data) => {
        tell(`err ${data.toString()}`);
        return true;
      },
      ended: () => tell('ended'),
    },
  );
}

test('tells that the other side has closed, and goes on taking input', async () => {
  let heard = '';
  const { port } = await listen((socket) => {
    socket.end('bye');
    socket.on('data', (data: Buffer) => {
      heard += data.toString();
    });
  });
  const told: string[] = [];
  let session: ExecSession | undefined;
  await new Promise<void>((resolve) => {
    session = relay(port, (line) => {
      told.push(line);
      if (line === 'ended') resolve();
    });
  });
  session?.write(Buffer.from('late'));
  session?.closeStdin();
  expect(await session?.done).toEqual({ exitCode: 0 });
  expect(told).toEqual(['out bye', 'ended']);
  expect(heard).toBe('late');
});

test('complains where nobody listens, and tells no end of a connection', async () => {
  const { server, port } = await listen(() => undefined);
  await new Promise((resolve) => {
    server.close(resolve);
  });
  const told: string[] = [];
  const session = relay(port, (line) => told.push(line));
  expect(await session.done).toEqual({ exitCode: 1 });
  expect(told.join('')).toBe(
    `err failed to connect to 127.0.0.1:${port} inside the pod's network: Connection refused\n`,
  );
});
