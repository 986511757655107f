import type { GlobalValues } from '../kube/client-config.js';
import type { Flags, Values } from './flag-types.js';
import type { CommandContext } from '../context.js';

/** A command line that was understood. */
export interface Invocation<F extends Flags> {
  /** Words that are no flags. */
  readonly args: readonly string[];
  /** How many of them stood before `--`; undefined when there was none. */
  readonly dash: number | undefined;
  readonly flags: Values<F>;
  /** True when the user gave the flag. */
  readonly given: (flag: keyof F & string) => boolean;
  /** The flags of every command. Those that this command means otherwise (`--user` of a binding) are not among them. */
  readonly globals: GlobalValues;
  readonly context: CommandContext;
}

/** An example of help: what it does, and the command line. */
export type Example = readonly [words: string, line: string];

/** What the words of a command name, for completion. */
export type Completes =
  | 'types'
  | 'targets'
  | 'pods'
  | 'nodes'
  | 'contexts'
  | 'clusters'
  | 'users'
  | 'pods-and-workloads'
  | 'nothing';

/** A command as data: parsing, help, completion, the reference page and the man pages are made from it. */
export interface CommandSpec {
  readonly name: string;
  /** One line, without a full stop. */
  readonly summary: string;
  /** More about it, in whole sentences. */
  readonly description?: string;
  /** What follows the name: `(TYPE [NAME...] | TYPE/NAME...)`. */
  readonly usage: string;
  readonly examples: readonly Example[];
  readonly flags: Flags;
  readonly completes?: Completes;
  readonly aliases?: readonly string[];
  readonly subcommands?: readonly CommandSpec[];
  /** Undefined: only its subcommands do something. */
  readonly run?: (invocation: Invocation<Flags>) => Promise<number | void>;
}

/** Declares a command; `run` sees its flags by their types. */
export function defineCommand<const F extends Flags>(
  spec: Omit<CommandSpec, 'flags' | 'run'> & {
    readonly flags: F;
    readonly run: (invocation: Invocation<F>) => Promise<number | void>;
  },
): CommandSpec {
  return { ...spec, run: spec.run as unknown as NonNullable<CommandSpec['run']> };
}

/** Declares a command that consists of subcommands. */
export function defineGroup(
  spec: Omit<CommandSpec, 'flags' | 'run' | 'usage'> & {
    readonly subcommands: readonly CommandSpec[];
  },
): CommandSpec {
  return { ...spec, usage: 'COMMAND', flags: {} };
}
