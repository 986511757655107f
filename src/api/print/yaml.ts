/**
 * YAML byte for byte as kubectl prints it: keys sorted, lists not indented, quotes only where go-yaml sets them, long
 * text folded where libyaml folds it. Libraries differ in quotes and folds, and people compare such output.
 */

const foldColumn = 80;

/** A value as a YAML document. */
export function formatYaml(value: unknown): string {
  if (isEmpty(value) || typeof value !== 'object' || value === null)
    return `${scalar(value, 0, 0)}\n`;
  return block(value, 0).join('\n') + '\n';
}

function isEmpty(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return Object.values(value).every((inner) => inner === undefined);
}

/** The lines of a map or list that is not empty. */
function block(value: object, indent: number): string[] {
  if (Array.isArray(value)) return value.flatMap((item: unknown) => listItem(item, indent));
  return Object.entries(value)
    .filter(([, inner]) => inner !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([key, inner]) => entry(key, inner, indent));
}

function entry(key: string, value: unknown, indent: number): string[] {
  const blanks = ' '.repeat(indent);
  const head = `${blanks}${scalar(key, indent, indent, true)}:`;
  if (isEmpty(value)) return [`${head} ${scalar(value, indent, head.length + 1)}`];
  // Lists stand at their key's own column.
  return [head, ...block(value as object, Array.isArray(value) ? indent : indent + 2)];
}

function listItem(item: unknown, indent: number): string[] {
  const blanks = ' '.repeat(indent);
  if (isEmpty(item)) return [`${blanks}- ${scalar(item, indent, indent + 2)}`];
  const [first = '', ...rest] = block(item as object, indent + 2);
  return [`${blanks}- ${first.slice(indent + 2)}`, ...rest];
}

/** A value that stands on its key's line. @param column where it begins */
function scalar(value: unknown, indent: number, column: number, isKey = false): string {
  if (Array.isArray(value)) return '[]';
  if (typeof value === 'object' && value !== null) return '{}';
  if (typeof value === 'string') return text(value, indent, column, isKey);
  if (
    typeof value === 'number' &&
    (Math.abs(value) >= 1e21 || (value !== 0 && Math.abs(value) < 1e-6))
  ) {
    return String(value).replace(/e([+-])(\d)$/, 'e$10$2');
  }
  return String(value);
}

function text(value: string, indent: number, column: number, isKey: boolean): string {
  if (resolvesToOther(value)) return doubleQuoted(value, indent, column, isKey);
  if (hasSpecial(value)) return doubleQuoted(value, indent, column, isKey);
  if (value.includes('\n')) {
    // A blank before the end of a line would be lost.
    const isQuoted = isKey || / (?:\n|$)/.test(value);
    return isQuoted ? doubleQuoted(value, indent, column, isKey) : literal(value, indent);
  }
  if (mayBePlain(value)) return fold(value, indent, column, isKey);
  return `'${fold(value.replaceAll("'", "''"), indent, column + 1, isKey)}'`;
}

/** What YAML 1.1 would read as no text, or go-yaml fears that somebody might. */
function resolvesToOther(value: string): boolean {
  return (
    value === '' ||
    /^(?:~|null|Null|NULL|y|Y|yes|Yes|YES|n|N|no|No|NO|on|On|ON|off|Off|OFF|true|True|TRUE|false|False|FALSE|<<|=)$/.test(
      value,
    ) ||
    /^[-+]?(?:0b[01_]+|0o?[0-7_]+|0x[\da-fA-F_]+|[\d][\d_]*)$/.test(value) ||
    /^[-+]?(?:\.\d+|\d[\d_]*(?:\.[\d_]*)?)(?:[eE][-+]?\d+)?$/.test(value) ||
    /^[-+]?\.(?:inf|Inf|INF)$|^\.(?:nan|NaN|NAN)$/.test(value) ||
    /^[-+]?\d[\d_]*(?::[0-5]?\d)+(?:\.[\d_]*)?$/.test(value) ||
    /^\d{4}-\d{1,2}-\d{1,2}(?:[Tt ]+\d{1,2}:\d{1,2}:\d{1,2}.*)?$/.test(value)
  );
}

/** Letters that only double quotes can carry. */
function hasSpecial(value: string): boolean {
  // oxlint-disable-next-line no-control-regex -- control letters are what is looked for
  return /[\u0000-\u0009\u000b-\u001f\u007f-\u0084\u0086-\u009f\ufeff\ufffe\uffff]/.test(value);
}

function mayBePlain(value: string): boolean {
  if (/^[\s]|[\s]$/.test(value)) return false;
  if (/^[,[\]{}#&*!|>'"%@`]/.test(value) || /^(?:---|\.\.\.)/.test(value)) return false;
  if (/^[-?:](?:\s|$)/.test(value)) return false;
  return !/:(?:\s|$)|\s#/.test(value);
}

/** A text of several lines, as they are. */
function literal(value: string, indent: number): string {
  const lead = /^[\n ]/.test(value) ? '2' : '';
  const chomp = value.endsWith('\n') ? (/^\n$|\n\n$/.test(value) ? '+' : '') : '-';
  const body = value.endsWith('\n') ? value.slice(0, -1) : value;
  const blanks = ' '.repeat(indent + 2);
  const lines = body.split('\n').map((line) => (line === '' ? '' : blanks + line));
  return `|${lead}${chomp}\n${lines.join('\n')}`;
}

/** Breaks at single blanks beyond the column where libyaml does. */
function fold(value: string, indent: number, column: number, isKey: boolean): string {
  if (isKey) return value;
  let out = '';
  let at = column;
  for (let i = 0; i < value.length; i += 1) {
    const letter = value.charAt(i);
    const isBreak =
      letter === ' ' &&
      at > foldColumn &&
      i > 0 &&
      i < value.length - 1 &&
      value[i - 1] !== ' ' &&
      value[i + 1] !== ' ';
    if (isBreak) {
      out += `\n${' '.repeat(indent + 2)}`;
      at = indent + 2;
    } else {
      out += letter;
      at += 1;
    }
  }
  return out;
}

const escapes: Readonly<Record<string, string>> = {
  '\0': '\\0',
  '\u0007': '\\a',
  '\b': '\\b',
  '\t': '\\t',
  '\n': '\\n',
  '\u000b': '\\v',
  '\f': '\\f',
  '\r': '\\r',
  '\u001b': '\\e',
  '"': '\\"',
  '\\': '\\\\',
  '\u0085': '\\N',
};

function doubleQuoted(value: string, indent: number, column: number, isKey: boolean): string {
  let out = '"';
  let at = column + 1;
  const letters = Array.from(value);
  let broke = false;
  for (const [i, letter] of letters.entries()) {
    const isInside = i > 0 && i < letters.length - 1;
    if (letter === ' ' && !isKey && !broke && at > foldColumn && isInside) {
      const next = letters[i + 1] === ' ' ? '\\' : '';
      out += `\n${' '.repeat(indent + 2)}${next}`;
      at = indent + 2 + next.length;
      broke = true;
      continue;
    }
    broke = false;
    const code = letter.codePointAt(0) ?? 0;
    const isControl = code < 0x20 || (code >= 0x7f && code < 0xa0) || code === 0xfeff;
    const hex = code.toString(16).toUpperCase();
    const shown =
      escapes[letter] ??
      (isControl
        ? code > 0xff
          ? `\\u${hex.padStart(4, '0')}`
          : `\\x${hex.padStart(2, '0')}`
        : letter);
    out += shown;
    at += shown.length;
  }
  return `${out}"`;
}
