/** Command lines: flags that a command declares, checked, and refused by name. */
import type { Command } from 'commander';
import { CommanderError } from 'commander';
import { UsageError } from './usage-error.js';

/** The result of a parse: help was asked for and printed, or the values. */
export type Parsed<T> = { readonly help: true } | { readonly help: false; readonly options: T };

/** Columns of help where the terminal does not say. */
const helpColumns = 100;

/**
 * Parses a command's flags. The command declares them; what it does not know is refused by name.
 * @param print is given the help that was asked for. @default standard output
 * @throws UsageError
 */
export function parseFlags<T extends object>(
  command: Command,
  argv: readonly string[],
  print: (text: string) => void = (text) => void process.stdout.write(text),
): Parsed<T & { readonly args: readonly string[] }> {
  command.exitOverride();
  command.configureOutput({
    writeOut: print,
    writeErr: () => undefined,
    getOutHelpWidth: () => helpColumns,
  });
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

/** One of a flag's values. @throws UsageError */
export function oneOf<const T extends string>(name: string, text: string, values: readonly T[]): T {
  const found = values.find((value) => value === text);
  if (found === undefined) {
    throw new UsageError(`${name} takes ${values.join(', ')}, not "${text}"`);
  }
  return found;
}

/** For a flag that may be given again and again: its values in order. Undefined where it is not given. */
export function repeatable(value: string, before: readonly string[] = []): string[] {
  return [...before, value];
}
