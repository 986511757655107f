import { parseDurationMs } from '../../lib/go-duration.js';
import { unixPath } from '../../lib/member-url.js';
import { UsageError } from '../../lib/usage-error.js';
import type { FlagName, FlagValues } from './flags.js';

/** Reads the values of flags by type. */
export class Flags {
  readonly #values: FlagValues;

  constructor(values: FlagValues) {
    this.#values = values;
  }

  has(name: FlagName): boolean {
    return this.#values.has(name);
  }

  text(name: FlagName, fallback = ''): string {
    return this.#values.get(name) ?? fallback;
  }

  number(name: FlagName, fallback: number): number {
    const value = this.#values.get(name);
    return value === undefined ? fallback : Number(value);
  }

  boolean(name: FlagName, fallback = false): boolean {
    const value = this.#values.get(name);
    return value === undefined ? fallback : /^(true|1|t)$/i.test(value);
  }

  durationMs(name: FlagName, fallbackMs: number): number {
    const value = this.#values.get(name);
    return value === undefined ? fallbackMs : (parseDurationMs(value) ?? fallbackMs);
  }

  /** @throws UsageError on a value that is no URL of a host and port */
  urls(name: FlagName, fallback: string): string[] {
    return this.text(name, fallback)
      .split(',')
      .map((url) => checkUrl(name, url.trim()));
  }
}

/** Returns a URL without its trailing slash. @throws UsageError unless it names a host and port, or a socket */
export function checkUrl(name: FlagName, text: string): string {
  if (unixPath(text) !== undefined) return text;
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new UsageError(`invalid value "${text}" for flag -${name}: not a URL`);
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new UsageError(
      `invalid value "${text}" for flag -${name}: URL scheme must be http, https, unix`,
    );
  }
  if (url.pathname !== '/' && url.pathname !== '') {
    throw new UsageError(`invalid value "${text}" for flag -${name}: URL must not contain a path`);
  }
  return text.replace(/\/$/, '');
}
