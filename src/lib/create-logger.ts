/** Makes loggers. Apart from their type: client commands have none, and start without the library. */
import { pino } from 'pino';
import type { Logger, LogLevel } from './log.js';

/** Writes JSON lines, with `component` in each. */
export function createLogger(options: {
  readonly component: string;
  readonly level?: LogLevel;
  /** `stderr`, `stdout`, or files that are appended to. @default ['stderr'] */
  readonly outputs?: readonly string[];
}): Logger {
  const level = options.level ?? 'info';
  return wrap(
    pino(
      {
        level,
        base: { component: options.component },
        messageKey: 'msg',
        timestamp: pino.stdTimeFunctions.isoTime,
        formatters: { level: (label) => ({ level: label }) },
        serializers: { error: pino.stdSerializers.err },
      },
      destination(options.outputs ?? ['stderr'], level),
    ),
  );
}

/** Characters of the log that wait for room on its disk. */
const unwrittenMax = 1024 * 1024;

function destination(outputs: readonly string[], level: LogLevel): pino.DestinationStream {
  const streams = outputs.map((output) => {
    const dest = output === 'stderr' ? 2 : output === 'stdout' ? 1 : output;
    const stream = pino.destination({ dest, sync: true, append: true, maxLength: unwrittenMax });
    // A full disk under the log ends nobody: lines wait, and what is beyond the limit is lost.
    stream.on('error', () => undefined);
    return stream;
  });
  const [only] = streams;
  if (only !== undefined && streams.length === 1) return only;
  return pino.multistream(streams.map((stream) => ({ level, stream })));
}

function wrap(log: pino.Logger): Logger {
  return {
    debug: (fields, message) => log.debug(fields, message),
    info: (fields, message) => log.info(fields, message),
    warn: (fields, message) => log.warn(fields, message),
    error: (fields, message) => log.error(fields, message),
    child: (fields) => wrap(log.child(fields)),
  };
}
