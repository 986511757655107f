/** Errors of the compiler and of evaluation, in cel-go's form and words. */

/** One thing that is wrong with an expression. */
export interface Issue {
  /** Offset in the text, in UTF-16 units. */
  readonly at: number;
  readonly message: string;
}

/** The longest line that is shown below an error. */
const maxSnippetLength = 16_384;
/** Most issues that are shown. */
const maxIssues = 100;

function placeOf(source: string, at: number): { line: number; column: number; text: string } {
  const before = source.slice(0, at);
  const line = before.split('\n').length;
  const start = before.lastIndexOf('\n') + 1;
  const end = source.indexOf('\n', start);
  const text = source.slice(start, end < 0 ? source.length : end);
  return { line, column: Array.from(source.slice(start, at)).length, text };
}

function displayIssue(source: string, { at, message }: Issue): string {
  const { line, column, text } = placeOf(source, at);
  const head = `ERROR: <input>:${line}:${column + 1}: ${message}`;
  if (text.length > maxSnippetLength) return head;
  const snippet = text.replaceAll('\t', ' ');
  const characters = Array.from(snippet);
  const isWide = (character: string | undefined): boolean => (character ?? '') > '\u007f';
  let marks = '';
  for (let index = 0; index < column && index < characters.length; index += 1) {
    marks += isWide(characters[index]) ? '\uff0e' : '.';
  }
  return `${head}\n | ${snippet}\n | ${marks}${isWide(characters[column]) ? '\uff3e' : '^'}`;
}

/** Returns the issues as cel-go's `Issues.String()` writes them: in the order of their places, each with its line. */
export function displayIssues(source: string, issues: readonly Issue[]): string {
  const sorted = [...issues].sort((a, b) => a.at - b.at);
  const shown = sorted.slice(0, maxIssues).map((issue) => displayIssue(source, issue));
  if (sorted.length > maxIssues) {
    shown.push(`${sorted.length - maxIssues} more errors were truncated`);
  }
  return shown.join('\n');
}

/** A failed evaluation. Definite: the same input fails again. `&&`, `||` and their kin may absorb it. */
export class CelError extends Error {
  override readonly name = 'CelError';
  readonly code = 'CEL_EVALUATION_FAILED';
}

/** An evaluation that took more steps than it may. Nothing absorbs it. */
export class CostLimitError extends Error {
  override readonly name = 'CostLimitError';
  readonly code = 'CEL_COST_EXCEEDED';

  constructor() {
    super('operation cancelled: actual cost limit exceeded');
  }
}

/** The error of arguments that no overload of a function takes. */
export function noSuchOverload(name?: string, types: readonly string[] = []): CelError {
  return new CelError(
    name === undefined ? 'no such overload' : `no such overload: ${name}(${types.join(', ')})`,
  );
}
