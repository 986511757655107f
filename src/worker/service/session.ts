/** Joins a caller's stream to a session of the runtime: exec and attach alike. */
import type { ExecInput, ExecOutput as ExecOutputMessage, ExecStart } from '../../gen/agent.js';
import type { Duplex } from '../../lib/grpc/index.js';
import { Code, GrpcError } from '../../lib/grpc/index.js';
import type { Session } from '../../lib/session.js';
import type { ExecOutput, ExecSession } from '../../runtime/types.js';
import { RuntimeLink } from './runtime-link.js';

type Stream = Duplex<ExecInput, ExecOutputMessage>;

/**
 * The first message of a call, and the rest. @throws GrpcError InvalidArgument when it is not a start
 */
export async function readStart(
  stream: Stream,
): Promise<{ readonly start: ExecStart; readonly input: AsyncIterator<ExecInput> }> {
  const input = stream[Symbol.asyncIterator]();
  const first = await input.next();
  const kind = first.done === true ? undefined : first.value.kind;
  if (kind?.$case !== 'start') {
    throw new GrpcError(Code.InvalidArgument, 'the first message must say what to run');
  }
  return { start: kind.value, input };
}

/** Runs the command to its end, tells the caller its exit code, and ends the session. */
export async function serveSession(options: {
  readonly session: Session;
  readonly stream: Stream;
  readonly start: ExecStart;
  readonly input: AsyncIterator<ExecInput>;
  readonly open: (output: ExecOutput) => Promise<ExecSession>;
}): Promise<void> {
  const { session, stream, start, input, open } = options;
  const link = new RuntimeLink(session, stream);
  const wanted = { stdout: start.stdout || start.tty, stderr: start.stderr && !start.tty };
  await link.open((drain) =>
    open({
      stdout: (value) => !wanted.stdout || link.send({ kind: { $case: 'stdout', value } }),
      stderr: (value) => !wanted.stderr || link.send({ kind: { $case: 'stderr', value } }),
      drain,
    }),
  );
  session.run(async () => {
    await link.feed(input, async (command, { kind }) => {
      if (kind?.$case === 'stdin' && start.stdin) await link.write(kind.value);
      else if (kind?.$case === 'stdinClosed') command.closeStdin();
      else if (kind?.$case === 'resize') await link.resize(kind.value);
    });
  });
  const result = await link.done();
  if (result === undefined) return;
  const { exitCode: code, error = '' } = result;
  stream.send({ kind: { $case: 'exit', value: { code, error } } });
}
