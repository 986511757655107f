import { describe, expect, test } from '@jest/globals';
import type { ExecInput, ExecOutput, ExecStart } from '../../gen/agent.js';
import { ManualClock } from '../../lib/clock.js';
import { Session } from '../../lib/session.js';
import type { CommandClient, CommandStatus } from './remote-command.js';
import { bridgeCommand, statusOfExit } from './remote-command.js';
import { parseResize } from './spdy-command.js';
import { FakeCall } from './testkit/fake-call.js';

const start: ExecStart = {
  container: { namespace: 'default', pod: 'p', uid: '', container: 'c' },
  command: ['sh'],
  stdin: true,
  stdout: true,
  stderr: true,
  tty: false,
};

/** A client that notes what it is told. */
class FakeClient implements CommandClient {
  readonly told: string[] = [];
  status: CommandStatus | undefined;
  /** True when it takes no more. */
  isFull = false;
  free: () => void = () => undefined;

  stdout(data: Buffer): boolean {
    this.told.push(`out ${data.toString()}`);
    return !this.isFull;
  }

  stderr(data: Buffer): boolean {
    this.told.push(`err ${data.toString()}`);
    return !this.isFull;
  }

  drained(): Promise<void> {
    this.told.push('waits');
    return new Promise((resolve) => {
      this.free = resolve;
    });
  }

  finish(status: CommandStatus): void {
    this.status = status;
  }
}

function rig(open?: () => FakeCall<ExecOutput, ExecInput>) {
  const clock = new ManualClock();
  const session = new Session({ clock });
  const call = new FakeCall<ExecOutput, ExecInput>();
  const client = new FakeClient();
  const flow = { pause: () => undefined, resume: () => undefined, ping: () => undefined };
  const input = bridgeCommand({ session, start, open: open ?? (() => call), client, flow, clock });
  return { session, call, client, input };
}

const out = ($case: 'stdout' | 'stderr', text: string): ExecOutput => ({
  kind: { $case, value: Buffer.from(text) },
});
const exit = (code: number, error = ''): ExecOutput => ({
  kind: { $case: 'exit', value: { code, error } },
});

describe('a command', () => {
  test('is started, fed, resized, and ends with its code', async () => {
    const { session, call, client, input } = rig();
    input.stdin(Buffer.from('in'));
    input.resize({ width: 80, height: 24 });
    input.stdinClosed();
    call.say(out('stdout', 'a'));
    call.say(out('stderr', 'b'));
    call.say(exit(3));
    await session.ended;
    expect(call.sent.map(({ kind }) => kind?.$case)).toEqual([
      'start',
      'stdin',
      'resize',
      'stdinClosed',
    ]);
    expect(client.told).toEqual(['out a', 'err b']);
    expect(client.status).toEqual(statusOfExit(3, ''));
    expect(call.cancelled).toBe(true);
  });

  test('whose client is slow waits for it', async () => {
    const { session, call, client } = rig();
    client.isFull = true;
    call.say(out('stdout', 'a'));
    call.say(out('stdout', 'b'));
    call.say(exit(0));
    while (client.told.length < 2) await Promise.resolve();
    expect(client.told).toEqual(['out a', 'waits']);
    client.isFull = false;
    client.free();
    await session.ended;
    expect(client.told).toEqual(['out a', 'waits', 'out b']);
  });

  test('whose client goes is cancelled', async () => {
    const { session, call, client, input } = rig();
    input.closed();
    await session.ended;
    expect(call.cancelled).toBe(true);
    input.stdin(Buffer.from('too late'));
    expect(call.sent.length).toBe(1);
    expect(client.told).toEqual([]);
  });

  test.each<[string, ExecOutput | Error | undefined, string]>([
    ['node fails', new Error('no such pod'), 'no such pod'],
    ['node ends first', undefined, 'the connection to the node ended before the command did'],
    ['node says why', exit(0, 'no such program'), 'no such program'],
  ])('whose %s is an internal error', async (_, said, message) => {
    const { session, call, client } = rig();
    call.say(said);
    await session.ended;
    expect(client.status).toMatchObject({ status: 'Failure', reason: 'InternalError', message });
  });

  test('for which no node is found is an internal error', async () => {
    const { session, client } = rig(() => {
      throw new Error('no such node');
    });
    await session.ended;
    expect(client.status).toMatchObject({ reason: 'InternalError', message: 'no such node' });
  });
});

test('a code is told as kubectl reads it', () => {
  expect(statusOfExit(0, '')).toEqual({ metadata: {}, status: 'Success' });
  expect(statusOfExit(137, '')).toEqual({
    metadata: {},
    status: 'Failure',
    reason: 'NonZeroExitCode',
    message: 'command terminated with non-zero exit code: command terminated with exit code 137',
    details: { causes: [{ reason: 'ExitCode', message: '137' }] },
  });
});

test.each([
  ['{"Width":80,"Height":24}', { width: 80, height: 24 }],
  ['{"Width":0,"Height":0}', { width: 0, height: 0 }],
  ['{"Width":65536,"Height":24}', undefined],
  ['{"Width":-1,"Height":24}', undefined],
  ['{"Width":1.5,"Height":24}', undefined],
  ['{"Width":"80","Height":24}', undefined],
  ['{"Width":80}', undefined],
  ['null', undefined],
  ['not JSON', undefined],
])('the size %s', (text, size) => {
  expect(parseResize(Buffer.from(text))).toEqual(size);
});
