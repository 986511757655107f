import type { Command } from 'commander';
import { CommanderError } from 'commander';

/** The command line is wrong: exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** What a parse ended with: help was asked for and printed, or the values. */
export type Parsed<T> = { readonly help: true } | { readonly help: false; readonly options: T };

/**
 * Parses a command's flags. The command declares them; what it does not know is refused by name.
 * @throws UsageError
 */
export function parseFlags<T extends object>(
  command: Command,
  argv: readonly string[],
): Parsed<T & { readonly args: readonly string[] }> {
  command.exitOverride();
  command.configureOutput({ writeErr: () => undefined });
  try {
    command.parse([...argv], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return { help: true };
    throw new UsageError(error.message.replace(/^error: /, ''));
  }
  return { help: false, options: { ...command.opts<T>(), args: command.args } };
}

/** A whole number of a flag. @throws UsageError */
export function wholeNumber(name: string, text: string, low: number, high: number): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < low || value > high) {
    throw new UsageError(`${name} takes a whole number from ${low} to ${high}, not "${text}"`);
  }
  return value;
}
