import { parseDurationMs } from '../../lib/go-duration.js';
import { CommandLineError } from '../command/command-line-error.js';

/** Milliseconds of `90s`, `1h30m` or plain seconds. @throws CommandLineError in Go's words */
export function goDurationMs(text: string): number {
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : parseDurationMs(text.replace(/^-/, ''));
  if (ms === undefined)
    throw new CommandLineError(`time: invalid duration "${text}"`, { plain: true });
  return text.startsWith('-') ? -ms : ms;
}
