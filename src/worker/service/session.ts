/** Joins a caller's stream to a session of the runtime: exec, attach and port-forward alike. */
import type { ExecInput, ExecOutput as ExecOutputMessage, ExecStart } from '../../gen/agent.js';
import type { Duplex } from '../../lib/grpc/index.js';
import { Code, GrpcError } from '../../lib/grpc/index.js';
import type { ExecOutput, ExecSession } from '../../runtime/types.js';

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

/** Holds writers back while the other side is slow. */
class Drain {
  #wake: (() => void) | undefined;
  #waiting: Promise<void> | undefined;

  wait(): Promise<void> {
    this.#waiting ??= new Promise((resolve) => {
      this.#wake = resolve;
    });
    return this.#waiting;
  }

  release(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    this.#waiting = undefined;
    wake?.();
  }
}

/** Runs the session to its end and tells the caller its exit code. */
export async function serveSession(options: {
  readonly stream: Stream;
  readonly start: ExecStart;
  readonly input: AsyncIterator<ExecInput>;
  readonly signal: AbortSignal;
  readonly open: (output: ExecOutput) => Promise<ExecSession>;
}): Promise<void> {
  const { stream, start, input, signal, open } = options;
  const drain = new Drain();
  const session = await open({
    stdout: (value) => {
      if (start.stdout || start.tty) stream.send({ kind: { $case: 'stdout', value } });
    },
    stderr: (value) => {
      if (start.stderr && !start.tty) stream.send({ kind: { $case: 'stderr', value } });
    },
    drain: () => drain.release(),
  });
  const onAbort = (): void => {
    session.close();
    drain.release();
  };
  signal.addEventListener('abort', onAbort, { once: true });
  const feeding = feed(session, input, start, drain, signal);
  try {
    const { exitCode, error } = await session.done;
    stream.send({ kind: { $case: 'exit', value: { code: exitCode, error: error ?? '' } } });
  } finally {
    signal.removeEventListener('abort', onAbort);
    drain.release();
    // The caller may keep its half open for as long as it likes.
    void feeding.catch(() => undefined);
  }
}

async function feed(
  session: ExecSession,
  input: AsyncIterator<ExecInput>,
  start: ExecStart,
  drain: Drain,
  signal: AbortSignal,
): Promise<void> {
  for (let next = await input.next(); next.done !== true; next = await input.next()) {
    const { kind } = next.value;
    if (kind?.$case === 'stdin' && start.stdin) {
      if (!session.write(kind.value) && !signal.aborted) await drain.wait();
    } else if (kind?.$case === 'stdinClosed') session.closeStdin();
    else if (kind?.$case === 'resize') session.resize(kind.value);
  }
  session.closeStdin();
}
