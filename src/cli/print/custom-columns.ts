/** `-o custom-columns=NAME:.metadata.name,…`. */
import { CommandLineError } from '../command/command-line-error.js';
import { alignColumns } from './columns.js';
import { evaluate, valueText } from './jsonpath/evaluate.js';
import type { Step } from './jsonpath/parse.js';
import { parseRelaxed } from './jsonpath/parse.js';

/** A column: its head, and where its values are. */
export interface CustomColumn {
  readonly head: string;
  readonly steps: readonly Step[];
}

const plain = (message: string): CommandLineError => new CommandLineError(message, { plain: true });

/** @throws CommandLineError in kubectl's words */
export function parseCustomColumns(spec: string): readonly CustomColumn[] {
  if (spec === '') throw plain('custom-columns format specified but no custom columns given');
  return splitColumns(spec).map((part) => {
    const at = part.indexOf(':');
    if (at < 0) {
      throw plain(`unexpected custom-columns spec: ${part}, expected <header>:<json-path-expr>`);
    }
    return { head: part.slice(0, at), steps: parseRelaxed(part.slice(at + 1)) };
  });
}

/** Commas in brackets and quotes belong to the path. */
function splitColumns(spec: string): string[] {
  return spec.match(/(?:\[(?:'[^']*'|"[^"]*"|[^\]])*\]|[^,[])+/g) ?? [];
}

/** A file's columns: a line of heads, a line of paths. @throws CommandLineError */
export function parseColumnsFile(text: string): readonly CustomColumn[] {
  const [heads = '', paths = ''] = text.split('\n');
  const pathWords = paths.trim().split(/\s+/);
  const headWords = heads.trim().split(/\s+/);
  if (headWords.length !== pathWords.length) {
    throw plain(
      `number of headers (${headWords.length}) and field specifications (${pathWords.length}) don't match`,
    );
  }
  return headWords.map((head, at) => ({ head, steps: parseRelaxed(pathWords[at] ?? '') }));
}

/** Objects in columns. */
export function renderCustomColumns(
  columns: readonly CustomColumn[],
  objects: readonly unknown[],
  headers: boolean,
): string {
  const rows = objects.map((object) =>
    columns.map(({ steps }) => {
      const values = evaluate(steps, object).filter((value) => value !== undefined);
      return values.length === 0
        ? '<none>'
        : values.map((v) => (v === null ? '<nil>' : valueText(v))).join(',');
    }),
  );
  return alignColumns(headers ? [columns.map(({ head }) => head), ...rows] : rows);
}
