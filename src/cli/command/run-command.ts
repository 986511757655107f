/** Runs a command that is declared as data: parse, help, run, and its failures in kubectl's words. */
import { isApiError } from '../../client/types.js';
import { errorMessage, toError } from '../../lib/errors.js';
import type { CommandContext } from '../context.js';
import type { GlobalValues } from '../kube/client-config.js';
import { refusalText } from '../kube/status-error.js';
import { CommandLineError, Exit } from './command-line-error.js';
import { globalFlags } from './global-flags.js';
import { helpText } from './help.js';
import { moveLeadingFlags } from './leading-flags.js';
import { nearest } from './nearest.js';
import { parseLine } from './parse.js';
import type { Flags } from './flag-types.js';
import type { CommandSpec, Invocation } from './spec.js';

/** Runs a command line. @returns the exit code */
export async function runCommand(
  spec: CommandSpec,
  argv: readonly string[],
  context: CommandContext,
): Promise<number> {
  const path = ['trireme', spec.name];
  let chosen = spec;
  let rest = argv;
  try {
    while (chosen.subcommands !== undefined) {
      const [name, ...others] = moveLeadingFlags(rest);
      const next = chosen.subcommands.find(
        (sub) => sub.name === name || sub.aliases?.includes(name ?? '') === true,
      );
      if (next === undefined) {
        if (chosen.run !== undefined) break;
        return groupHelp(chosen, path.join(' '), name, context);
      }
      chosen = next;
      path.push(next.name);
      rest = others;
    }
    return await runLeaf(chosen, path.join(' '), rest, context);
  } catch (error) {
    return failed(error, path.join(' '), context);
  }
}

function groupHelp(
  spec: CommandSpec,
  path: string,
  name: string | undefined,
  context: CommandContext,
): number {
  if (name === undefined || name.startsWith('-') || name === 'help') {
    context.out(helpText(spec, path));
    return 0;
  }
  const names = (spec.subcommands ?? []).map((sub) => sub.name);
  const like = nearest(name, names);
  context.err(`error: unknown command "${name}" for "${path}"\n`);
  if (like.length > 0) context.err(`\nDid you mean this?\n${like.map((n) => `\t${n}\n`).join('')}`);
  context.err(`See '${path} --help' for usage.\n`);
  return 1;
}

async function runLeaf(
  spec: CommandSpec,
  path: string,
  argv: readonly string[],
  context: CommandContext,
): Promise<number> {
  const parsed = parseLine({ ...globalFlags, ...spec.flags }, argv);
  if (parsed.help || spec.run === undefined) {
    context.out(helpText(spec, path));
    return 0;
  }
  const missing = Object.entries(spec.flags)
    .filter(([name, flag]) => 'required' in flag && flag.required && !parsed.given.has(name))
    .map(([name]) => `"${name}"`);
  if (missing.length > 0) {
    throw new CommandLineError(`required flag(s) ${missing.join(', ')} not set`, { plain: true });
  }
  const own = new Set(Object.keys(spec.flags));
  const globals = Object.entries(globalFlags).map(([name, flag]) => {
    const unset = flag.type === 'list' ? [] : 'default' in flag ? flag.default : undefined;
    return [name, own.has(name) ? unset : parsed.values[name]];
  });
  const invocation: Invocation<Flags> = {
    globals: Object.fromEntries(globals) as GlobalValues,
    args: parsed.args,
    dash: parsed.dash,
    flags: parsed.values,
    given: (flag) => parsed.given.has(flag),
    context,
  };
  return (await spec.run(invocation)) ?? 0;
}

/** Says what went wrong. @returns the exit code */
function failed(error: unknown, path: string, context: CommandContext): number {
  if (error instanceof Exit) return error.code;
  context.err(`${failureText(error, path)}\n`);
  if (process.env['TRIREME_DEBUG'] !== undefined) context.err(`${toError(error).stack ?? ''}\n`);
  return 1;
}

/** A failure in kubectl's words. */
export function failureText(error: unknown, path: string): string {
  if (error instanceof CommandLineError) {
    return error.plain
      ? `error: ${error.message}`
      : `error: ${error.message}\nSee '${path} --help' for usage.`;
  }
  if (isApiError(error)) return refusalText(error);
  if (error instanceof Error && error.name === 'ConnectionError') return error.message;
  return `error: ${errorMessage(error)}`;
}
