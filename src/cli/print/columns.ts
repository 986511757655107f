/** Text in columns, as kubectl's tabwriter sets it. */

const paddingBlanks = 3;
const cellWidthMin = 6;

/** Sets rows in columns: three blanks after the widest cell, nothing after the last one. */
export function alignColumns(rows: readonly (readonly string[])[]): string {
  return alignWith(widthsOf(rows), rows);
}

/** The widths of columns, their padding included; the last cell of a row has none. */
export function widthsOf(
  rows: readonly (readonly string[])[],
  before: readonly number[] = [],
): number[] {
  const widths = [...before];
  for (const row of rows) {
    for (const [at, cell] of row.slice(0, -1).entries()) {
      const width = Math.max(cellWidthMin, lengthOf(cell) + paddingBlanks);
      widths[at] = Math.max(widths[at] ?? 0, width);
    }
  }
  return widths;
}

/** Rows in columns of given widths. */
export function alignWith(widths: readonly number[], rows: readonly (readonly string[])[]): string {
  return rows
    .map((row) => {
      const cells = row.map((cell, at) => {
        if (at === row.length - 1) return cell;
        return cell + ' '.repeat(Math.max(0, (widths[at] ?? 0) - lengthOf(cell)));
      });
      return `${cells.join('')}\n`;
    })
    .join('');
}

/** Characters, as a terminal counts them nearly always. */
function lengthOf(text: string): number {
  let length = 0;
  for (const _ of text) length += 1;
  return length;
}
