import { afterEach, describe, expect, test } from '@jest/globals';
import type { ServerResponse } from 'node:http';
import { configMapKind } from '../../../api/core/config.js';
import type { ClientEnd } from '../../streaming/testkit/web-socket.js';
import { openWebSocket } from '../../streaming/testkit/web-socket.js';
import type { WatchItem } from '../verbs/index.js';
import type { LogMessages } from './message-answers.js';
import { logMessages, watchMessages } from './message-answers.js';
import type { Format } from './negotiate.js';
import { plainJson } from './negotiate.js';
import { WatchEvents } from './watch-events.js';
import type { WatchAnswer } from './watch-request.js';

const opened: ClientEnd[] = [];
afterEach(() => {
  for (const { socket } of opened.splice(0)) socket.terminate();
});

const response = { detachSocket: () => undefined } as unknown as ServerResponse;

async function watch(protocols: string[], format: Format = plainJson) {
  let answer: WatchAnswer | undefined;
  const client = await openWebSocket(protocols, (upgrade) => {
    const events = new WatchEvents({ kind: configMapKind, format, includeObject: '', nowMs: 0 });
    answer = watchMessages({ ...upgrade, response }, events);
  });
  opened.push(client);
  return { client, answer: answer as WatchAnswer };
}

const bookmark: WatchItem = { type: 'BOOKMARK', revision: 7, initialEnd: false };
const line =
  '{"type":"BOOKMARK","object":{"kind":"ConfigMap","apiVersion":"v1","metadata":{"resourceVersion":"7","creationTimestamp":null}}}\n';

describe('a watch', () => {
  test('sends a text for each event of JSON', async () => {
    const { client, answer } = await watch([]);
    answer.sink.send([bookmark, bookmark]);
    await client.received(2);
    expect(client.messages.map((text) => JSON.parse(String(text)))).toEqual([
      JSON.parse(line),
      JSON.parse(line),
    ]);
    expect(String(client.messages[0]).endsWith('\n')).toBe(true);
    answer.sink.end();
    expect(await client.closed).toBe(1000);
    await answer.closed;
  });

  test('sends bytes without a length for each event of protobuf', async () => {
    const { client, answer } = await watch([], { ...plainJson, type: 'protobuf' });
    answer.sink.send([bookmark]);
    await client.received(1);
    // WatchEvent: field 1 is the type.
    expect((client.messages[0] as Buffer).subarray(0, 10)).toEqual(
      Buffer.concat([Buffer.from([0x0a, 8]), Buffer.from('BOOKMARK')]),
    );
  });

  test('takes the one protocol that is offered, besides a token', async () => {
    const { client } = await watch(['base64url.bearer.authorization.k8s.io.eA', 'anything']);
    expect(client.socket.protocol).toBe('anything');
    await expect(watch(['one', 'two'])).rejects.toThrow('403');
  });
});

async function log(protocols: string[]) {
  let messages: LogMessages | undefined;
  const client = await openWebSocket(protocols, (upgrade) => {
    messages = logMessages({ ...upgrade, response });
  });
  opened.push(client);
  return { client, messages: messages as LogMessages };
}

describe('a log', () => {
  test.each([
    [[], '', Buffer.alloc(0), Buffer.from('ä\n')],
    [['x', 'binary.k8s.io'], 'binary.k8s.io', Buffer.alloc(0), Buffer.from('ä\n')],
    [['base64.binary.k8s.io'], 'base64.binary.k8s.io', '', Buffer.from('ä\n').toString('base64')],
  ])('of a client that offers %j speaks %j', async (offered, protocol, first, second) => {
    const { client, messages } = await log(offered);
    expect(client.socket.protocol).toBe(protocol);
    await messages.send(Buffer.from('ä\n'));
    messages.end();
    expect(await client.closed).toBe(1000);
    expect(client.messages).toEqual([first, second]);
  });

  test('is refused to a client that speaks nothing else', async () => {
    await expect(log(['v4.channel.k8s.io'])).rejects.toThrow('403');
  });
});
