import { stat } from 'node:fs/promises';
import type { Clock } from '../lib/clock.js';
import { delay } from '../lib/clock.js';
import { Session } from '../lib/session.js';
import { LineReader, parseLogLine } from './log-file.js';
import type { ContainerState, ExecOutput, ExecResult, ExecSession } from './types.js';

const pollMs = 50;

interface LogAttachOptions {
  readonly state: ContainerState;
  readonly output: ExecOutput;
  readonly clock: Clock;
  /** The container's exit code once it has ended. Asked until then. */
  readonly exitCode: () => number | undefined;
}

/**
 * Attaches to the output of a container that was started without a terminal and without stdin: its log, from now on.
 */
export async function attachToLog(options: LogAttachOptions): Promise<ExecSession> {
  const size = await stat(options.state.logPath).then(
    (info) => info.size,
    () => 0,
  );
  const session = new Session({ clock: options.clock });
  const flow = new Flow(session);
  let exitCode = 0;
  session.run(async () => {
    exitCode = await follow(options, size, session, flow);
    session.end();
  });
  return {
    write: () => true,
    closeStdin: () => undefined,
    resize: () => true,
    resume: () => flow.resume(),
    close: () => session.end(),
    done: session.ended.then(({ error }): ExecResult =>
      error === undefined ? { exitCode } : { exitCode: 255, error: error.message },
    ),
  };
}

/** Holds the reader of the log while its output is not taken. */
class Flow {
  readonly #session: Session;
  #resume: (() => void) | undefined;
  #held: Promise<void> | undefined;

  constructor(session: Session) {
    this.#session = session;
  }

  take(more: boolean): void {
    if (more) return;
    this.#held ??= new Promise((resolve) => {
      this.#resume = resolve;
    });
  }

  resume(): void {
    this.#resume?.();
    this.#held = undefined;
  }

  async open(): Promise<void> {
    if (this.#held !== undefined) await this.#session.until(this.#held);
  }
}

/** @returns the container's exit code, or 0 when the session is over before */
async function follow(
  options: LogAttachOptions,
  from: number,
  session: Session,
  flow: Flow,
): Promise<number> {
  const { state, output, clock, exitCode } = options;
  const reader = await LineReader.open(state.logPath, from);
  try {
    while (!session.over) {
      const over = exitCode();
      const lines = await reader.read();
      for (const line of lines) {
        const entry = parseLogLine(line);
        if (entry === undefined) continue;
        const text = entry.full ? Buffer.concat([entry.text, newline]) : entry.text;
        flow.take(entry.stream === 'stdout' ? output.stdout(text) : output.stderr(text));
        await flow.open();
        if (session.over) return 0;
      }
      if (lines.length === 0 && over !== undefined) return over;
      if (lines.length === 0) await delay(clock, pollMs, session.signal);
    }
    return 0;
  } finally {
    await reader.close();
  }
}

const newline = Buffer.from('\n');
