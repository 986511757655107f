/**
 * A value of a flag that is several, as a line of comma-separated values (RFC 4180): Go's `encoding/csv` reads them.
 */

/** `a,"b,c"` is `a` and `b,c`; nothing is none. @returns the values, or what is wrong in Go's words */
export function splitAtCommas(text: string): string[] | string {
  if (text === '') return [];
  const [line = ''] = text.split(/\r?\n/);
  const fields: string[] = [];
  let at = 0;
  for (;;) {
    const field = line[at] === '"' ? quotedField(line, at + 1) : bareField(line, at);
    if (typeof field === 'string') return field;
    fields.push(field.value);
    if (field.end >= line.length) return fields;
    at = field.end + 1;
  }
}

interface Field {
  readonly value: string;
  /** Where its comma stands. */
  readonly end: number;
}

function wrongAt(line: string, at: number, why: string): string {
  const column = Buffer.byteLength(line.slice(0, at)) + 1;
  return `parse error on line 1, column ${column}: ${why}`;
}

function bareField(line: string, start: number): Field | string {
  const comma = line.indexOf(',', start);
  const end = comma < 0 ? line.length : comma;
  const value = line.slice(start, end);
  const quote = value.indexOf('"');
  if (quote >= 0) return wrongAt(line, start + quote, 'bare " in non-quoted-field');
  return { value, end };
}

/** @param start behind the quote; two quotes in it are one */
function quotedField(line: string, start: number): Field | string {
  let value = '';
  let at = start;
  for (;;) {
    const quote = line.indexOf('"', at);
    if (quote < 0) return wrongAt(line, line.length, 'extraneous or missing " in quoted-field');
    value += line.slice(at, quote);
    const next = line[quote + 1];
    if (next === undefined || next === ',') return { value, end: quote + 1 };
    if (next !== '"') return wrongAt(line, quote, 'extraneous or missing " in quoted-field');
    value += '"';
    at = quote + 2;
  }
}
