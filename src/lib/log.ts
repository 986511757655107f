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

const weights = { debug: 0, info: 1, warn: 2, error: 3, silent: 4 } as const satisfies Record<
  LogLevel,
  number
>;

/** True for the name of a level. */
export function isLogLevel(text: string): text is LogLevel {
  return Object.hasOwn(weights, text);
}

/** The least level that a component writes, which may change while it runs. Shared by all its loggers. */
export class LogThreshold {
  readonly #first: LogLevel;
  #level: LogLevel;
  #listener: (level: LogLevel | undefined) => void = () => undefined;

  constructor(level: LogLevel) {
    this.#first = level;
    this.#level = level;
  }

  get level(): LogLevel {
    return this.#level;
  }

  /** Sets the level. @param level undefined: the one that the component was started with */
  set(level: LogLevel | undefined): void {
    this.#level = level ?? this.#first;
    this.#listener(level);
  }

  /** Calls the one who carries the level on, as to another process, after each change. */
  onChange(listener: (level: LogLevel | undefined) => void): void {
    this.#listener = listener;
  }

  passes(level: Exclude<LogLevel, 'silent'>): boolean {
    return weights[level] >= weights[this.#level];
  }
}

/** A logger that writes nothing. */
export const silentLogger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silentLogger,
};
