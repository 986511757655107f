import { pino } from 'pino';

/**
 * A structured log: a constant message with key-value fields. Debug per message, Info rarer than once in seconds,
 * Warn = may heal by itself, Error = a request or data was lost. Never secrets or values.
 */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  /** A logger that adds `fields` to every line. */
  child(fields: object): Logger;
}

/** The least weight of lines that are written. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

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

/** Says nothing. */
export const silentLogger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silentLogger,
};

function wrap(log: pino.Logger): Logger {
  return {
    debug: (fields, message) => log.debug(fields, message),
    info: (fields, message) => log.info(fields, message),
    warn: (fields, message) => log.warn(fields, message),
    error: (fields, message) => log.error(fields, message),
    child: (fields) => wrap(log.child(fields)),
  };
}
