import { stat } from 'node:fs/promises';
import type { Clock } from '../lib/clock.js';
import { delay } from '../lib/clock.js';
import { LineReader, parseLogLine } from './log-file.js';
import type { ContainerState, ExecOutput, ExecSession } from './types.js';

const pollMs = 50;

/** Attaches to the output of a container that was started without a terminal and without stdin: its log, from now on. */
export async function attachToLog(options: {
  readonly state: ContainerState;
  readonly stdin: boolean;
  readonly output: ExecOutput;
  readonly clock: Clock;
  readonly whenExited: Promise<number>;
}): Promise<ExecSession> {
  const { state, output, clock } = options;
  const size = await stat(state.logPath).then(
    (info) => info.size,
    () => 0,
  );
  const abort = new AbortController();
  let exitCode: number | undefined;
  void options.whenExited.then((code) => {
    exitCode = code;
  });
  const follow = async (): Promise<{ exitCode: number }> => {
    const reader = await LineReader.open(state.logPath, size);
    try {
      while (!abort.signal.aborted) {
        const over = exitCode;
        const lines = await reader.read();
        for (const line of lines) {
          const entry = parseLogLine(line);
          if (entry === undefined) continue;
          const text = entry.full ? Buffer.concat([entry.text, Buffer.from('\n')]) : entry.text;
          if (entry.stream === 'stdout') output.stdout(text);
          else output.stderr(text);
        }
        if (lines.length === 0 && over !== undefined) return { exitCode: over };
        if (lines.length === 0) await delay(clock, pollMs, abort.signal);
      }
      return { exitCode: 0 };
    } finally {
      await reader.close();
    }
  };
  return {
    write: () => true,
    closeStdin: () => undefined,
    resize: () => undefined,
    close: () => abort.abort(),
    done: follow(),
  };
}
