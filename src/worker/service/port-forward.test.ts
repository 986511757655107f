import { expect, test } from '@jest/globals';
import type { PortForwardData } from '../../gen/agent.js';
import { ManualClock } from '../../lib/clock.js';
import { Session } from '../../lib/session.js';
import type { ContainerRuntime, ExecOutput, ExecResult } from '../../runtime/types.js';
import { forwardPort } from './port-forward.js';

/** A connection whose other side is the test. */
function rig() {
  const clock = new ManualClock();
  const session = new Session({ clock });
  const sent: string[] = [];
  const written: string[] = [];
  let output: ExecOutput | undefined;
  let end: (result: ExecResult) => void = () => undefined;
  let take: (message: IteratorResult<PortForwardData>) => void = () => undefined;
  const input: AsyncIterator<PortForwardData> = {
    next: () =>
      new Promise((resolve) => {
        take = resolve;
      }),
    return: () => Promise.resolve({ done: true, value: undefined }),
  };
  const runtime = {
    connect: (_sandbox: string, _port: number, to: ExecOutput) => {
      output = to;
      return Promise.resolve({
        write: (data: Uint8Array) => written.push(Buffer.from(data).toString()) > 0,
        closeStdin: () => {
          written.push('end');
          end({ exitCode: 0 });
        },
        resize: () => true,
        resume: () => undefined,
        close: () => end({ exitCode: 143 }),
        done: new Promise<ExecResult>((resolve) => {
          end = resolve;
        }),
      });
    },
  } as unknown as ContainerRuntime;
  const stream = {
    send: ({ kind }: PortForwardData) => {
      const value = kind?.$case === 'data' ? `data ${kind.value.toString()}` : undefined;
      sent.push(value ?? (kind?.$case === 'error' ? `error ${kind.value}` : (kind?.$case ?? '')));
      return true;
    },
  } as unknown as Parameters<typeof forwardPort>[0]['stream'];
  const target = { podUid: 'u', sandboxId: 's', port: 80, address: undefined, input };
  const over = forwardPort({ session, runtime, clock, stream, target });
  return {
    clock,
    sent,
    written,
    over,
    session,
    output: () => output as ExecOutput,
    end: (result: ExecResult) => end(result),
    take: (kind: PortForwardData['kind']) => take({ done: false, value: { kind } }),
  };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('the end of the pod is passed on at once, while the client keeps its side open', async () => {
  const { clock, sent, over, output, written, take } = rig();
  await turn();
  output().stdout(Buffer.from('HTTP/1.0 200 OK'));
  output().ended?.();
  expect(sent).toEqual(['data HTTP/1.0 200 OK', 'halfClosed']);
  take({ $case: 'data', value: Buffer.from('more') });
  await turn();
  expect(written).toEqual(['more']);
  // As containerd has it: what the client still says has a second.
  clock.advance(1000);
  await over;
  expect(sent).toEqual(['data HTTP/1.0 200 OK', 'halfClosed']);
});

test('a client that ends after the pod ends the connection before the second is over', async () => {
  const { sent, over, output, take, written } = rig();
  await turn();
  output().ended?.();
  take({ $case: 'halfClosed', value: true });
  await over;
  expect(written).toEqual(['end']);
  expect(sent).toEqual(['halfClosed']);
});

test('a connection that did not come about is an error', async () => {
  const { sent, over, output, end } = rig();
  await turn();
  output().stderr(Buffer.from('Connection refused\n'));
  end({ exitCode: 1 });
  await over;
  expect(sent).toEqual([
    'error failed to connect to localhost:80 inside namespace "s": Connection refused',
  ]);
});
