import { afterEach, describe, expect, test } from '@jest/globals';
import type { ExecInput, ExecOutput, ExecStart } from '../../gen/agent.js';
import { ManualClock } from '../../lib/clock.js';
import { Session } from '../../lib/session.js';
import { FakeCall } from './testkit/fake-call.js';
import type { ClientEnd } from './testkit/web-socket.js';
import { openWebSocket } from './testkit/web-socket.js';
import { serveWebSocketCommand, toBuffer } from './websocket-command.js';

const start: ExecStart = {
  container: { namespace: 'ns', pod: 'p', uid: '', container: 'c' },
  command: ['sh'],
  stdin: true,
  stdout: true,
  stderr: true,
  tty: false,
};

interface Rig extends ClientEnd {
  readonly call: FakeCall<ExecOutput, ExecInput>;
  readonly session: Session;
}

const opened: ClientEnd[] = [];
afterEach(() => {
  for (const { socket } of opened.splice(0)) socket.terminate();
});

async function open(...protocols: string[]): Promise<Rig> {
  const clock = new ManualClock();
  const session = new Session({ clock });
  const call = new FakeCall<ExecOutput, ExecInput>();
  const client = await openWebSocket(protocols, (upgrade) =>
    serveWebSocketCommand({ ...upgrade, session, start, clock, open: () => call }),
  );
  opened.push(client);
  return { ...client, call, session };
}

const stdout = (text: string): ExecOutput => ({
  kind: { $case: 'stdout', value: Buffer.from(text) },
});
const stderr = (text: string): ExecOutput => ({
  kind: { $case: 'stderr', value: Buffer.from(text) },
});
const exit = (code: number): ExecOutput => ({
  kind: { $case: 'exit', value: { code, error: '' } },
});
const message = (channel: number, text: string): Buffer =>
  Buffer.concat([Buffer.from([channel]), Buffer.from(text)]);
const base64 = (channel: number, text: string): string =>
  `${channel}${Buffer.from(text).toString('base64')}`;

/** Resolves when the node has got so many messages. */
async function sent({ call }: Rig, count: number): Promise<ExecInput['kind'][]> {
  while (call.sent.length < count) await new Promise((resolve) => setImmediate(resolve));
  return call.sent.map(({ kind }) => kind);
}

const success = { metadata: {}, status: 'Success' };

describe('what a command says', () => {
  test.each(['v5.channel.k8s.io', 'v4.channel.k8s.io'])(
    'comes on the channels of %s, with its end as a Status',
    async (protocol) => {
      const rig = await open(protocol);
      for (const said of [stdout('out'), stderr('err'), exit(0)]) rig.call.say(said);
      expect(await rig.closed).toBe(1000);
      // Clients of v4 wait for a first message.
      const first = protocol.startsWith('v4') ? [message(1, '')] : [];
      expect(rig.messages).toEqual([
        ...first,
        message(1, 'out'),
        message(2, 'err'),
        message(3, JSON.stringify(success)),
      ]);
    },
  );

  test('ends without a word in the old protocols, unless it has failed', async () => {
    const fine = await open('channel.k8s.io');
    fine.call.say(exit(0));
    await fine.closed;
    expect(fine.messages).toEqual([message(1, '')]);
    const failed = await open('channel.k8s.io');
    failed.call.say(exit(3));
    await failed.closed;
    expect(failed.messages[1]).toEqual(
      message(3, 'command terminated with non-zero exit code: command terminated with exit code 3'),
    );
  });

  test('is text in the protocols of text', async () => {
    const rig = await open('v4.base64.channel.k8s.io');
    rig.call.say(stdout('ä\0'));
    rig.call.say(exit(0));
    await rig.closed;
    expect(rig.messages).toEqual([base64(1, 'ä\0'), base64(3, JSON.stringify(success))]);
  });

  test('is spoken in the newest protocol that both know', async () => {
    const rig = await open('v4.channel.k8s.io', 'base64.channel.k8s.io', 'v5.channel.k8s.io');
    expect(rig.socket.protocol).toBe('v5.channel.k8s.io');
    rig.call.say(exit(0));
    await rig.closed;
  });
});

describe('what a command is told', () => {
  const typed = (text: string): ExecInput['kind'] => ({ $case: 'stdin', value: Buffer.from(text) });

  test('its input, its size, and the end of its input', async () => {
    const rig = await open('v5.channel.k8s.io');
    rig.socket.send(message(0, 'ls\n'));
    rig.socket.send(message(4, '{"Width":80,"Height":24}'));
    rig.socket.send(message(255, '\0'));
    expect(await sent(rig, 4)).toEqual([
      { $case: 'start', value: start },
      typed('ls\n'),
      { $case: 'resize', value: { width: 80, height: 24 } },
      { $case: 'stdinClosed', value: true },
    ]);
  });

  test('its input as text', async () => {
    const rig = await open('base64.channel.k8s.io');
    rig.socket.send(base64(0, 'ä'));
    expect((await sent(rig, 2))[1]).toEqual(typed('ä'));
  });

  test('nothing of what makes no sense', async () => {
    const rig = await open('v5.channel.k8s.io');
    for (const strange of [
      Buffer.alloc(0),
      message(0, ''),
      message(1, 'not mine'),
      message(4, '{"Width":-1,"Height":24}'),
      message(255, '\u0001'),
      message(9, 'x'),
    ]) {
      rig.socket.send(strange);
    }
    rig.socket.send(message(0, 'x'));
    expect(await sent(rig, 2)).toEqual([{ $case: 'start', value: start }, typed('x')]);
  });

  test('that its client has gone', async () => {
    const rig = await open('v5.channel.k8s.io');
    rig.socket.close();
    await rig.session.ended;
    expect(rig.call.cancelled).toBe(true);
  });
});

test('a message is bytes, however it comes', () => {
  const parts = [Buffer.from('a'), Buffer.from('b')];
  expect(toBuffer(parts).toString()).toBe('ab');
  expect(toBuffer(new Uint8Array([97]).buffer).toString()).toBe('a');
  expect(toBuffer(parts[0] ?? Buffer.alloc(0))).toBe(parts[0]);
});
