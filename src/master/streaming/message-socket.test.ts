import { afterEach, expect, test } from '@jest/globals';
import type { MessageSocket } from './message-socket.js';
import { acceptMessages } from './message-socket.js';
import type { ClientEnd } from './testkit/web-socket.js';
import { openWebSocket } from './testkit/web-socket.js';

const opened: ClientEnd[] = [];
afterEach(() => {
  for (const { socket } of opened.splice(0)) socket.terminate();
});

async function open(
  protocols: string[],
  choose: (offered: readonly string[]) => string | undefined,
): Promise<{ readonly client: ClientEnd; readonly server: MessageSocket }> {
  let server: MessageSocket | undefined;
  const client = await openWebSocket(protocols, (upgrade) => {
    server = acceptMessages(upgrade, choose);
  });
  opened.push(client);
  return { client, server: server as MessageSocket };
}

test('sends text and bytes, and closes in order', async () => {
  const { client, server } = await open([], () => '');
  expect(server.protocol).toBe('');
  server.send(Buffer.from('{"ä":1}\n'), 'text');
  server.send(Buffer.from([0, 255]), 'bytes');
  await server.drained();
  server.end();
  expect(await client.closed).toBe(1000);
  await server.closed;
  expect(client.messages).toEqual(['{"ä":1}\n', Buffer.from([0, 255])]);
  // After the end nobody is waited for.
  await server.drained();
});

test('speaks the protocol that was chosen, and drops what the client says', async () => {
  const { client, server } = await open(['a', 'b'], (offered) => offered[1]);
  expect([server.protocol, client.socket.protocol]).toEqual(['b', 'b']);
  client.socket.send('anybody there?');
  client.socket.close();
  await server.closed;
});

test('refuses a handshake with 403', async () => {
  await expect(open(['a'], () => undefined)).rejects.toThrow('Unexpected server response: 403');
});
