/** Makes loggers. Apart from their type: client commands have none, and start without the library. */
import { pino } from 'pino';
import type { Logger, LogLevel } from './log.js';
import { LogThreshold } from './log.js';

/** Writes JSON lines, with `component` in each. */
export function createLogger(options: {
  readonly component: string;
  /** Given a threshold, the level can be changed while the component runs. @default 'info' */
  readonly level?: LogLevel | LogThreshold;
  /** `stderr`, `stdout`, or files that are appended to. @default ['stderr'] */
  readonly outputs?: readonly string[];
}): Logger {
  const { level = 'info' } = options;
  const threshold = typeof level === 'string' ? new LogThreshold(level) : level;
  return wrap(
    pino(
      {
        // Children of a pino logger keep the level that they were born with: the threshold decides.
        level: 'debug',
        base: { component: options.component },
        messageKey: 'msg',
        timestamp: pino.stdTimeFunctions.isoTime,
        formatters: { level: (label) => ({ level: label }) },
        serializers: { error: pino.stdSerializers.err },
      },
      destination(options.outputs ?? ['stderr']),
    ),
    threshold,
  );
}

/** Characters of the log that wait for room on its disk. */
const unwrittenMax = 1024 * 1024;

function destination(outputs: readonly string[]): pino.DestinationStream {
  const streams = outputs.map((output) => {
    const dest = output === 'stderr' ? 2 : output === 'stdout' ? 1 : output;
    const stream = pino.destination({ dest, sync: true, append: true, maxLength: unwrittenMax });
    // A full disk under the log ends nobody: lines wait, and what is beyond the limit is lost.
    stream.on('error', () => undefined);
    return stream;
  });
  const [only] = streams;
  if (only !== undefined && streams.length === 1) return only;
  return pino.multistream(streams.map((stream) => ({ level: 'debug', stream })));
}

function wrap(log: pino.Logger, threshold: LogThreshold): Logger {
  const write =
    (level: 'debug' | 'info' | 'warn' | 'error') =>
    (fields: object, message: string): void => {
      if (threshold.passes(level)) log[level](fields, message);
    };
  return {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    child: (fields) => wrap(log.child(fields), threshold),
  };
}
