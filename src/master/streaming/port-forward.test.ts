import { afterEach, describe, expect, test } from '@jest/globals';
import type { PortForwardData } from '../../gen/agent.js';
import { ManualClock } from '../../lib/clock.js';
import { serveWebSocketPortForward } from './port-forward.js';
import { FakeCall } from './testkit/fake-call.js';
import type { ClientEnd } from './testkit/web-socket.js';
import { openWebSocket } from './testkit/web-socket.js';

type Call = FakeCall<PortForwardData, PortForwardData>;

interface Rig extends ClientEnd {
  readonly calls: ReadonlyMap<number, Call>;
}

const opened: ClientEnd[] = [];
afterEach(() => {
  for (const { socket } of opened.splice(0)) socket.terminate();
});

async function open(protocol: string, ...ports: number[]): Promise<Rig> {
  const calls = new Map<number, Call>();
  const client = await openWebSocket([protocol], (upgrade) =>
    serveWebSocketPortForward({
      ...upgrade,
      ports,
      clock: new ManualClock(),
      open: (port) => {
        if (port === 1) throw new Error('the node is gone');
        const call: Call = new FakeCall();
        calls.set(port, call);
        return call;
      },
    }),
  );
  opened.push(client);
  return { ...client, calls };
}

const v4 = 'v4.channel.k8s.io';
const data = (text: string): PortForwardData => ({
  kind: { $case: 'data', value: Buffer.from(text) },
});
const message = (channel: number, text: string): Buffer =>
  Buffer.concat([Buffer.from([channel]), Buffer.from(text)]);
const numbered = (channel: number, port: number): Buffer =>
  Buffer.from([channel, port % 256, Math.floor(port / 256)]);

const of = (rig: Rig, port: number): Call => {
  const call = rig.calls.get(port);
  if (call === undefined) throw new Error(`nobody forwards ${port}`);
  return call;
};

async function sent(call: Call, count: number): Promise<string[]> {
  while (call.sent.length < count) await new Promise((resolve) => setImmediate(resolve));
  return call.sent.map(({ kind }) => (kind?.$case === 'data' ? kind.value.toString() : ''));
}

describe('ports over a WebSocket', () => {
  test('have two channels each, that begin with the number of the port', async () => {
    const rig = await open(v4, 8080, 443);
    await rig.received(4);
    expect(new Set(rig.messages.map((bytes) => (bytes as Buffer).toString('hex')))).toEqual(
      new Set(
        [numbered(0, 8080), numbered(1, 8080), numbered(2, 443), numbered(3, 443)].map((bytes) =>
          bytes.toString('hex'),
        ),
      ),
    );
    of(rig, 443).say(data('hello'));
    await rig.received(5);
    expect(rig.messages[4]).toEqual(message(2, 'hello'));
    rig.socket.send(message(0, 'to 8080'));
    rig.socket.send(message(2, 'to 443'));
    expect(await sent(of(rig, 8080), 1)).toEqual(['to 8080']);
    expect(await sent(of(rig, 443), 1)).toEqual(['to 443']);
    rig.socket.close();
  });

  test('are text in the protocol of text', async () => {
    const rig = await open('v4.base64.channel.k8s.io', 80);
    await rig.received(2);
    expect(rig.messages[0]).toBe(`0${Buffer.from([80, 0]).toString('base64')}`);
    rig.socket.send(`0${Buffer.from('ä').toString('base64')}`);
    expect(await sent(of(rig, 80), 1)).toEqual(['ä']);
    rig.socket.close();
  });

  test('end with the last of them, and tell what went wrong', async () => {
    const rig = await open(v4, 1, 80);
    await rig.received(5);
    expect(rig.messages).toContainEqual(message(1, 'the node is gone'));
    expect(rig.socket.readyState).toBe(rig.socket.OPEN);
    of(rig, 80).say({ kind: { $case: 'error', value: 'connection refused' } });
    of(rig, 80).say(undefined);
    expect(await rig.closed).toBe(1000);
    expect(rig.messages).toContainEqual(message(3, 'connection refused'));
  });

  test('take nothing on channels that are not theirs', async () => {
    const rig = await open(v4, 80);
    for (const strange of [message(1, 'x'), message(2, 'x'), message(255, 'x'), Buffer.alloc(0)]) {
      rig.socket.send(strange);
    }
    rig.socket.send(message(0, 'mine'));
    expect(await sent(of(rig, 80), 1)).toEqual(['mine']);
    rig.socket.close();
  });

  test('let the node go with their client', async () => {
    const rig = await open(v4, 80);
    await rig.received(2);
    rig.socket.terminate();
    while (!of(rig, 80).cancelled) await new Promise((resolve) => setImmediate(resolve));
  });

  test('are as many as a byte can number', async () => {
    const many = Array.from({ length: 127 }, (_, at) => 1000 + at);
    const rig = await open(v4, ...many);
    await rig.received(254);
    rig.socket.send(message(252, 'last'));
    expect(await sent(of(rig, 1126), 1)).toEqual(['last']);
    rig.socket.close();
    await expect(open(v4, ...many, 2000)).rejects.toThrow('Unexpected server response: 400');
  });
});
