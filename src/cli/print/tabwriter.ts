/**
 * Go's text/tabwriter: cells that end with a tab stand in columns, as long as the lines beside them have that column
 * too.
 */

/** @param padding blanks after the widest cell of a column */
export function tabwriter(
  text: string,
  options: { readonly padding: number; readonly minWidth?: number },
): string {
  const lines = text.split('\n').map((line) => line.split('\t'));
  const out: string[] = [];
  format(
    { lines, out, padding: options.padding, minWidth: options.minWidth ?? 0 },
    [],
    0,
    lines.length,
  );
  return out.join('\n');
}

interface Page {
  readonly lines: readonly (readonly string[])[];
  readonly out: string[];
  readonly padding: number;
  readonly minWidth: number;
}

function format(job: Page, widths: readonly number[], from: number, to: number): void {
  const column = widths.length;
  let printed = from;
  let at = from;
  while (at < to) {
    if (!hasColumn(job.lines[at], column)) {
      at += 1;
      continue;
    }
    print(job, widths, printed, at);
    let end = at;
    let width = job.minWidth;
    while (end < to && hasColumn(job.lines[end], column)) {
      width = Math.max(width, Array.from(job.lines[end]?.[column] ?? '').length + job.padding);
      end += 1;
    }
    format(job, [...widths, width], at, end);
    printed = end;
    at = end;
  }
  print(job, widths, printed, to);
}

/** The last cell of a line is in no column. */
function hasColumn(line: readonly string[] | undefined, column: number): boolean {
  return line !== undefined && column < line.length - 1;
}

function print({ lines, out }: Page, widths: readonly number[], from: number, to: number): void {
  for (const line of lines.slice(from, to)) {
    out.push(
      line
        .map((cell, at) => {
          if (at === line.length - 1) return cell;
          return cell + ' '.repeat(Math.max(0, (widths[at] ?? 0) - Array.from(cell).length));
        })
        .join(''),
    );
  }
}
