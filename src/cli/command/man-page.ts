/** Man pages, from the commands' data: pure. */
import { globalFlags } from './global-flags.js';
import type { Flags } from './flag-types.js';
import { capital, flagHead, flagText } from './help.js';
import type { CommandSpec } from './spec.js';

/** A command with the words that lead to it: `rollout status`. */
export interface PlacedCommand {
  readonly path: string;
  readonly spec: CommandSpec;
}

/** A command, and all below it. */
export function placed(spec: CommandSpec, above = ''): PlacedCommand[] {
  const path = above === '' ? spec.name : `${above} ${spec.name}`;
  return [{ path, spec }, ...(spec.subcommands ?? []).flatMap((sub) => placed(sub, path))];
}

/** Flags by their names. */
export const sortedFlags = (flags: Flags): [string, Flags[string]][] =>
  Object.entries(flags).toSorted(([a], [b]) => (a < b ? -1 : 1));
/** The line that says how a command is used. */
export const usageOf = ({ path, spec }: PlacedCommand): string =>
  `trireme ${path}${spec.usage === '' ? '' : ` ${spec.usage}`}${spec.run === undefined ? '' : ' [flags]'}`;
/** Words as a sentence. */
export const sentence = (text: string): string => `${capital(text)}.`;

/** The man page of a command, in the macros of man(7). */
export function manPage(command: PlacedCommand): string {
  const { path, spec } = command;
  const name = `trireme-${path.replaceAll(' ', '-')}`;
  const below = (spec.subcommands ?? []).map(
    (sub) => `.TP\n.B ${roff(sub.name)}\n${roff(sentence(sub.summary))}`,
  );
  const flagTexts = (flags: Flags): string[] =>
    sortedFlags(flags).map(
      ([flag, value]) => `.TP\n.B ${roff(flagHead(flag, value).trim())}\n${roff(flagText(value))}`,
    );
  const examples = spec.examples.map(
    ([words, line]) => `.PP\n${roff(sentence(words))}\n.PP\n.RS\n.nf\n${roff(line)}\n.fi\n.RE`,
  );
  return `${[
    `.TH ${roff(name.toUpperCase())} 1 "" trireme`,
    '.SH NAME',
    `${roff(name)} \\- ${roff(spec.summary)}`,
    '.SH SYNOPSIS',
    `.B ${roff(usageOf(command))}`,
    '.SH DESCRIPTION',
    roff([sentence(spec.summary), spec.description ?? ''].join(' ').trim()),
    ...(below.length === 0 ? [] : ['.SH COMMANDS', ...below]),
    ...(Object.keys(spec.flags).length === 0 ? [] : ['.SH OPTIONS', ...flagTexts(spec.flags)]),
    ...(spec.run === undefined ? [] : ['.SH OPTIONS OF EVERY COMMAND', ...flagTexts(globalFlags)]),
    ...(examples.length === 0 ? [] : ['.SH EXAMPLES', ...examples]),
  ].join('\n')}\n`;
}

/** Text that troff takes for text. */
function roff(text: string): string {
  return text
    .replaceAll('…', '...')
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/^(?=[.'])/gm, '\\&');
}
