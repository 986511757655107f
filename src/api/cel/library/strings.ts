/** cel-go's extension of strings, version 2, as Kubernetes has it, and its extension of sets. */
import { CelError } from '../errors.js';
import type { Library, Run } from '../functions.js';
import type { Value, Work } from '../value.js';
import { ArrayList, equal } from '../value.js';
import type { ListValue } from '../value.js';
import { int, list, text } from './arguments.js';
import { formatText } from './format-text.js';

function outOfRange(index: bigint): CelError {
  return new CelError(`index out of range: ${index}`);
}

function charAt(args: readonly Value[], work: Work): string {
  work.spend(text(args, 0).length / 4);
  const characters = Array.from(text(args, 0));
  const index = int(args, 1);
  if (index < 0n || index > characters.length) throw outOfRange(index);
  return characters[Number(index)] ?? '';
}

/** The position in UTF-16 units of a character. */
function unitAt(source: string, index: number): number {
  return Array.from(source).slice(0, index).join('').length;
}

function search(args: readonly Value[]): bigint {
  const [source, wanted] = [text(args, 0), text(args, 1)];
  const offset = args.length > 2 ? int(args, 2) : 0n;
  if (wanted === '') return offset;
  if (offset < 0n) throw outOfRange(offset);
  const length = Array.from(source).length;
  if (offset >= length) return -1n;
  const found = source.indexOf(wanted, unitAt(source, Number(offset)));
  return found < 0 ? -1n : BigInt(Array.from(source.slice(0, found)).length);
}

function searchLast(args: readonly Value[]): bigint {
  const [source, wanted] = [text(args, 0), text(args, 1)];
  const length = Array.from(source).length;
  const isOpen = args.length < 3;
  if (isOpen && wanted === '') return BigInt(length);
  const offset = isOpen ? BigInt(length - 1) : int(args, 2);
  if (isOpen && wanted.length > source.length) return -1n;
  if (wanted === '') return offset;
  if (offset < 0n) throw outOfRange(offset);
  if (offset >= length) return -1n;
  const found = source.lastIndexOf(wanted, unitAt(source, Number(offset)));
  return found < 0 ? -1n : BigInt(Array.from(source.slice(0, found)).length);
}

function replace(args: readonly Value[], work: Work): string {
  const [source, from, to] = [text(args, 0), text(args, 1), text(args, 2)];
  const limit = args.length > 3 ? int(args, 3) : -1n;
  const pieces = from === '' ? ['', ...Array.from(source), ''] : source.split(from);
  const found = pieces.length - 1;
  const count = limit < 0n || limit > found ? found : Number(limit);
  work.spend(count * to.length + source.length);
  if (count === found) return pieces.join(to);
  const head = pieces.slice(0, count + 1).join(to);
  return head + (count === found ? '' : from + pieces.slice(count + 1).join(from));
}

function split(args: readonly Value[]): ArrayList {
  const [source, separator] = [text(args, 0), text(args, 1)];
  const limit = args.length > 2 ? int(args, 2) : -1n;
  if (limit === 0n) return new ArrayList([]);
  const parts = separator === '' ? Array.from(source) : source.split(separator);
  if (limit < 0n || limit >= parts.length) return new ArrayList(parts);
  const kept = Number(limit) - 1;
  return new ArrayList([...parts.slice(0, kept), parts.slice(kept).join(separator)]);
}

function substring(args: readonly Value[]): string {
  const characters = Array.from(text(args, 0));
  const start = int(args, 1);
  const end = args.length > 2 ? int(args, 2) : BigInt(characters.length);
  if (args.length > 2 && start > end) {
    throw new CelError(`invalid substring range. start: ${start}, end: ${end}`);
  }
  if (start < 0n || start > characters.length) throw outOfRange(start);
  if (end < 0n || end > characters.length) throw outOfRange(end);
  return characters.slice(Number(start), Number(end)).join('');
}

function join(args: readonly Value[], work: Work): string {
  const separator = args.length > 1 ? text(args, 1) : '';
  const parts: string[] = [];
  for (const item of list(args, 0)) {
    if (typeof item !== 'string') throw new CelError('join: invalid input');
    work.spend(item.length + separator.length);
    parts.push(item);
  }
  return parts.join(separator);
}

const escapes: Readonly<Record<string, string>> = {
  '\u0007': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '\\': '\\\\',
  '"': '\\"',
};

function quote(source: string): string {
  return `"${Array.from(source, (character) => escapes[character] ?? character).join('')}"`;
}

// Unicode's white space; JavaScript's own `trim` takes the byte order mark as well.
const trimmed = /^[\s\u0085]+|[\s\u0085]+$/g;

function trim(source: string): string {
  return source.replaceAll(trimmed, (space) => space.replaceAll(/[^\uFEFF]/g, ''));
}

/** Texts. */
export const strings: Library = {
  charAt: { string_char_at_int: ['string.(int) string', charAt] },
  indexOf: {
    string_index_of_string: ['string.(string) int', search],
    string_index_of_string_int: ['string.(string, int) int', search],
  },
  lastIndexOf: {
    string_last_index_of_string: ['string.(string) int', searchLast],
    string_last_index_of_string_int: ['string.(string, int) int', searchLast],
  },
  lowerAscii: {
    string_lower_ascii: [
      'string.() string',
      (args) => text(args, 0).replaceAll(/[A-Z]+/g, (part) => part.toLowerCase()),
    ],
  },
  upperAscii: {
    string_upper_ascii: [
      'string.() string',
      (args) => text(args, 0).replaceAll(/[a-z]+/g, (part) => part.toUpperCase()),
    ],
  },
  replace: {
    string_replace_string_string: ['string.(string, string) string', replace],
    string_replace_string_string_int: ['string.(string, string, int) string', replace],
  },
  split: {
    string_split_string: ['string.(string) list(string)', split],
    string_split_string_int: ['string.(string, int) list(string)', split],
  },
  substring: {
    string_substring_int: ['string.(int) string', substring],
    string_substring_int_int: ['string.(int, int) string', substring],
  },
  trim: { string_trim: ['string.() string', (args) => trim(text(args, 0))] },
  join: {
    list_join: ['list(string).() string', join],
    list_join_string: ['list(string).(string) string', join],
  },
  format: {
    string_format: [
      'string.(list(dyn)) string',
      (args, work) => formatText(text(args, 0), list(args, 1), work),
    ],
  },
  'strings.quote': { strings_quote: ['(string) string', (args) => quote(text(args, 0))] },
};

function includes(container: ListValue, item: Value, work: Work): boolean {
  for (const element of container) if (equal(element, item, work)) return true;
  return false;
}

function containsAll(container: ListValue, items: ListValue, work: Work): boolean {
  for (const item of items) if (!includes(container, item, work)) return false;
  return true;
}

function intersects(a: ListValue, b: ListValue, work: Work): boolean {
  for (const item of a) if (includes(b, item, work)) return true;
  return false;
}

function setRun(holds: (a: ListValue, b: ListValue, work: Work) => boolean): Run {
  return (args, work) => holds(list(args, 0), list(args, 1), work);
}

/** Lists as sets. */
export const sets: Library = {
  'sets.contains': {
    list_sets_contains_list: ['(list(T), list(T)) bool', setRun(containsAll)],
  },
  'sets.equivalent': {
    list_sets_equivalent_list: [
      '(list(T), list(T)) bool',
      setRun((a, b, work) => containsAll(a, b, work) && containsAll(b, a, work)),
    ],
  },
  'sets.intersects': {
    list_sets_intersects_list: ['(list(T), list(T)) bool', setRun(intersects)],
  },
};
