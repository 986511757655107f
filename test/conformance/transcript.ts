/**
 * Transcripts of commands: what a user types, and what a real cluster answers.
 *
 * ```
 * # A comment stays where it is.
 * $ create configmap one --from-literal=a=b
 * | optional lines of standard input
 * configmap/one created
 * [exit 1]            (only when it is not 0)
 * ```
 *
 * A blank line ends a block. `UPDATE=1` records anew what was printed; a human reads the difference.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import type { Ran } from '../cluster/lib/run-program.js';

/** One command with what it should print. */
export interface Block {
  readonly comments: readonly string[];
  readonly command: string;
  readonly input: readonly string[];
  readonly expected: string;
}

/** Reads a transcript. */
export function readTranscript(path: string): Block[] {
  const blocks: Block[] = [];
  for (const text of readFileSync(path, 'utf8').split(/\n{2,}/)) {
    const lines = text.split('\n').filter((line) => line !== '');
    const comments = lines.filter((line) => line.startsWith('#'));
    const [first = '', ...rest] = lines.filter((line) => !line.startsWith('#'));
    if (!first.startsWith('$ ')) continue;
    const input = rest.filter((line) => line.startsWith('|')).map((line) => line.slice(2));
    const expected = rest.filter((line) => !line.startsWith('|')).join('\n');
    blocks.push({ comments, command: first.slice(2), input, expected });
  }
  return blocks;
}

/** Splits a command line; single quotes keep a word together. */
export function words(command: string): string[] {
  return [...command.matchAll(/(?:'[^']*'|[^\s'])+/g)].map(([word]) => word.replaceAll("'", ''));
}

const volatile: readonly (readonly [RegExp, string])[] = [
  [/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/g, '<uid>'],
  [/\b10\.96\.\d+\.\d+\b/g, '<cluster-ip>'],
  [/:3\d{4}\/TCP/g, ':<node-port>/TCP'],
  [/\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/g, '<time>'],
  [/(?<=\s)\d+m?\d*s(?= |$)/gm, '<age>'],
  [/https:\/\/127\.0\.0\.1:\d+/g, '<server>'],
];

/** Returns the output as a transcript holds it: no times, no ids, no blank lines, columns one space apart. */
export function printed(ran: Ran): string {
  let text = [ran.out, ran.err].filter((part) => part !== '').join('\n');
  for (const [pattern, symbol] of volatile) text = text.replace(pattern, symbol);
  const lines = text.split('\n').map((line) => line.trimEnd().replace(/(\S) {2,}/g, '$1  '));
  const kept = lines.filter((line) => line !== '');
  if (ran.code !== 0) kept.push(`[exit ${ran.code}]`);
  return kept.join('\n');
}

/** Writes a transcript with new answers. */
export function writeTranscript(path: string, blocks: readonly Block[]): void {
  const text = blocks.map((block) =>
    [
      ...block.comments,
      `$ ${block.command}`,
      ...block.input.map((line) => `| ${line}`),
      ...(block.expected === '' ? [] : [block.expected]),
    ].join('\n'),
  );
  writeFileSync(path, `${text.join('\n\n')}\n`);
}
