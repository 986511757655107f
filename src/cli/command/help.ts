/** Help, as text: pure, from the command's data. */
import { globalFlags } from './global-flags.js';
import type { Flag, Flags } from './flag-types.js';
import type { CommandSpec } from './spec.js';

const columnsMax = 80;

/** A flag as help and the reference show it: `-n, --namespace=NAME`. */
export function flagHead(name: string, flag: Flag): string {
  const short = flag.short === undefined ? '    ' : `-${flag.short}, `;
  return `${short}--${name}${valueHint(flag)}`;
}

function valueHint(flag: Flag): string {
  if (flag.type === 'bool') return '';
  const word = (flag.type === 'text' ? flag.values?.join('|') : undefined) ?? flag.value;
  const shown = word ?? (flag.type === 'int' ? 'N' : 'TEXT');
  return flag.type === 'text' && flag.bare !== undefined ? `[=${shown}]` : `=${shown}`;
}

/** What a flag does, with its default. */
export function flagText(flag: Flag): string {
  if (flag.type === 'list' || flag.default === undefined || flag.default === false)
    return flag.help;
  return `${flag.help} (default ${String(flag.default)})`;
}

/** The lines of a table of flags. */
function flagLines(flags: Flags): string[] {
  const rows = Object.entries(flags)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, flag]) => [flagHead(name, flag), flagText(flag)] as const);
  const width = Math.min(36, Math.max(0, ...rows.map(([head]) => head.length)));
  return rows.flatMap(([head, text]) => {
    const lines = wrap(text, columnsMax - width - 4);
    const long = head.length > width;
    const indent = ' '.repeat(width + 4);
    const first = long ? [`  ${head}`] : [`  ${head.padEnd(width)}  ${lines[0] ?? ''}`];
    return [...first, ...lines.slice(long ? 0 : 1).map((line) => indent + line)];
  });
}

/** The lines of a table of commands, each with what it is. */
export function commandLines(
  rows: readonly (readonly [name: string, summary: string])[],
  width = Math.max(...rows.map(([name]) => name.length)),
): string[] {
  return rows.flatMap(([name, summary]) =>
    wrap(summary, columnsMax - width - 4).map(
      (line, at) => `  ${(at === 0 ? name : '').padEnd(width)}  ${line}`,
    ),
  );
}

/** Breaks text at blanks. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width) {
      lines[lines.length - 1] = `${last} ${word}`;
    } else lines.push(word);
  }
  return lines;
}

/**
 * The help of a command.
 * @param path the words up to it, for example `trireme rollout status`
 */
export function helpText(spec: CommandSpec, path: string): string {
  const parts = [
    [
      ...wrap(`${capital(spec.summary)}.`, columnsMax),
      ...(spec.description === undefined ? [] : ['', ...wrap(spec.description, columnsMax)]),
    ],
    [
      'Usage:',
      `  ${path}${spec.usage === '' ? '' : ` ${spec.usage}`}${hasFlags(spec) ? ' [flags]' : ''}`,
    ],
  ];
  if (spec.aliases !== undefined) parts.push(['Aliases:', `  ${spec.aliases.join(', ')}`]);
  if (spec.subcommands !== undefined) {
    const rows = spec.subcommands.map(({ name, summary }) => [name, summary] as const);
    parts.push(['Commands:', ...commandLines(rows)]);
  }
  if (spec.examples.length > 0) {
    const blocks = spec.examples.flatMap(([words, line], at) => [
      ...(at === 0 ? [] : ['']),
      `  # ${words}`,
      `  ${line}`,
    ]);
    parts.push(['Examples:', ...blocks]);
  }
  if (Object.keys(spec.flags).length > 0) parts.push(['Flags:', ...flagLines(spec.flags)]);
  if (hasFlags(spec)) parts.push(['Flags of every command:', ...flagLines(globalFlags)]);
  return `${parts.map((lines) => lines.join('\n')).join('\n\n')}\n`;
}

function hasFlags(spec: CommandSpec): boolean {
  return spec.run !== undefined;
}

/** The same text with its first letter large. */
export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
