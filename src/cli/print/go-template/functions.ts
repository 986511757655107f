/** The functions of Go templates, and kubectl's own. */
import { goText, goType, isTrue, numberOf } from './go-values.js';
import { sprintf } from './printf.js';
import { GoTemplateRunError } from './template-error.js';

type TemplateFunction = (args: readonly unknown[]) => unknown;

const failed = (message: string): GoTemplateRunError => new GoTemplateRunError(message);

const html: Readonly<Record<string, string>> = {
  '\0': '\uFFFD',
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&#34;',
  "'": '&#39;',
};

/** The place of an index in a list or a text; one more than the last is allowed for the ends of slices. */
function placeOf(key: unknown, last: number): number {
  if (key === undefined || key === null) throw failed('cannot index slice/array with nil');
  if (goType(key) !== 'int64') throw failed(`cannot index slice/array with type ${goType(key)}`);
  const at = numberOf(key) ?? 0;
  if (at < 0 || at > last) throw failed(`index out of range: ${at}`);
  return at;
}

function index([value, ...keys]: readonly unknown[]): unknown {
  if (value === undefined || value === null) throw failed('index of untyped nil');
  let at: unknown = value;
  for (const key of keys) {
    if (at === undefined || at === null) throw failed('index of nil pointer');
    if (Array.isArray(at)) at = at[placeOf(key, at.length - 1)] as unknown;
    else if (typeof at === 'string') {
      const bytes = Buffer.from(at);
      at = bytes[placeOf(key, bytes.length - 1)];
    } else if (goType(at) === 'map[string]interface {}') at = entryOf(at, key);
    else throw failed(`can't index item of type ${goType(at)}`);
  }
  return at;
}

function entryOf(map: unknown, key: unknown): unknown {
  if (key === undefined || key === null) throw failed('value is nil; should be of type string');
  if (typeof key !== 'string') throw failed(`value has type ${goType(key)}; should be string`);
  return Object.hasOwn(map as object, key) ? (map as Record<string, unknown>)[key] : undefined;
}

function length([value]: readonly unknown[]): number {
  if (value === undefined || value === null) throw failed('len of nil pointer');
  if (typeof value === 'string') return Buffer.byteLength(value);
  if (Array.isArray(value)) return value.length;
  if (goType(value) === 'map[string]interface {}') return Object.keys(value).length;
  throw failed(`len of type ${goType(value)}`);
}

function slice([value, ...keys]: readonly unknown[]): unknown {
  if (value === undefined || value === null) throw failed('slice of untyped nil');
  if (keys.length > 3) throw failed(`too many slice indexes: ${keys.length}`);
  if (typeof value !== 'string' && !Array.isArray(value)) {
    throw failed(`can't slice item of type ${goType(value)}`);
  }
  if (typeof value === 'string' && keys.length === 3) {
    throw failed('cannot 3-index slice a string');
  }
  const items = typeof value === 'string' ? Buffer.from(value) : value;
  const [from = 0, to = items.length, most = items.length] = keys.map((key) =>
    placeOf(key, items.length),
  );
  if (from > to) throw failed(`invalid slice index: ${from} > ${to}`);
  if (to > most) throw failed(`invalid slice index: ${to} > ${most}`);
  const part = items.slice(from, to);
  return Buffer.isBuffer(part) ? part.toString('utf8') : part;
}

function exists([value, ...keys]: readonly unknown[]): boolean {
  try {
    return index([value, ...keys]) !== undefined;
  } catch {
    return false;
  }
}

/** The kinds that can be compared; undefined for others. */
function basicKind(value: unknown): string | undefined {
  const type = goType(value);
  return ['int64', 'float64', 'string', 'bool'].includes(type) ? type : undefined;
}

const incompatible = 'incompatible types for comparison';

function equal(a: unknown, b: unknown): boolean {
  const isNil = (value: unknown): boolean => value === undefined || value === null;
  if (isNil(a) || isNil(b)) return isNil(a) && isNil(b);
  const [left, right] = [basicKind(a), basicKind(b)];
  if (left !== right) throw failed(incompatible);
  if (left === undefined) throw failed(`non-comparable type ${goText(b)}: ${goType(b)}`);
  return (numberOf(a) ?? a) === (numberOf(b) ?? b);
}

function less(a: unknown, b: unknown): boolean {
  const [left, right] = [basicKind(a), basicKind(b)];
  if (left === undefined || right === undefined) throw failed('invalid type for comparison');
  if (left !== right) throw failed(incompatible);
  if (left === 'bool') throw failed('invalid type for comparison');
  const [x, y] = [numberOf(a) ?? a, numberOf(b) ?? b] as [string | number, string | number];
  return x < y;
}

/** As Go's `Print`: a blank between two that are both no text. */
function print(args: readonly unknown[]): string {
  return args
    .map((value, at) => {
      const apart = at > 0 && typeof value !== 'string' && typeof args[at - 1] !== 'string';
      return `${apart ? ' ' : ''}${goText(value)}`;
    })
    .join('');
}

const jsEscapes: Readonly<Record<string, string>> = { '\\': '\\\\', "'": "\\'", '"': '\\"' };

/** As `template.JSEscapeString`. */
function jsText(text: string): string {
  return text.replaceAll(/[\\'"<>&=\p{Cc}\p{Zl}\p{Zp}]/gu, (letter) => {
    const code = letter.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0');
    return jsEscapes[letter] ?? `\\u${code}`;
  });
}

/** As `url.QueryEscape`. */
function queryText(text: string): string {
  return encodeURIComponent(text)
    .replaceAll(/[!'()*]/g, (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%20', '+');
}

function base64decode([value]: readonly unknown[]): string {
  const text = String(value).replaceAll(/[\r\n]/g, '');
  const wrong = /[^A-Za-z0-9+/]/.exec(text.replace(/={1,2}$/, ''))?.index;
  const at = wrong ?? (text.length % 4 === 0 ? undefined : text.length - (text.length % 4));
  if (at !== undefined)
    throw failed(`base64 decode failed: illegal base64 data at input byte ${at}`);
  return Buffer.from(text, 'base64').toString('utf8');
}

/** A function, and how many arguments it takes at least and at most. */
interface Builtin {
  readonly run: TemplateFunction;
  readonly least: number;
  readonly most?: number;
}

const two = { least: 2, most: 2 };
const one = { least: 1, most: 1 };

/** By name; `and` and `or` stop early and are part of the evaluation. */
const functions: Readonly<Record<string, Builtin>> = {
  index: { run: index, least: 1 },
  len: { run: length, ...one },
  slice: { run: slice, least: 1 },
  exists: { run: exists, least: 1 },
  printf: { run: ([format, ...args]) => sprintf(String(format), args), least: 1 },
  print: { run: print, least: 0 },
  println: { run: (args) => `${args.map(goText).join(' ')}\n`, least: 0 },
  not: { run: ([value]) => !isTrue(value), ...one },
  eq: { run: eq, least: 1 },
  ne: { run: ([a, b]) => !equal(a, b), ...two },
  lt: { run: ([a, b]) => less(a, b), ...two },
  le: { run: ([a, b]) => less(a, b) || equal(a, b), ...two },
  gt: { run: ([a, b]) => !less(a, b) && !equal(a, b), ...two },
  ge: { run: ([a, b]) => !less(a, b), ...two },
  html: {
    run: (args) => print(args).replaceAll(/[\0&<>"']/g, (letter) => html[letter] ?? letter),
    least: 0,
  },
  js: { run: (args) => jsText(print(args)), least: 0 },
  urlquery: { run: (args) => queryText(print(args)), least: 0 },
  base64decode: { run: base64decode, ...one },
};

function eq([a, ...others]: readonly unknown[]): boolean {
  if (others.length === 0) throw failed('missing argument for comparison');
  return others.some((b) => equal(a, b));
}

/** True for a name that a template may call. */
export function isFunction(name: string): boolean {
  return name === 'and' || name === 'or' || Object.hasOwn(functions, name);
}

/** Calls a function. @throws GoTemplateRunError in Go's words */
export function callFunction(name: string, args: readonly unknown[]): unknown {
  const found = Object.hasOwn(functions, name) ? functions[name] : undefined;
  if (found === undefined) throw failed(`"${name}" is not a defined function`);
  const { run, least, most } = found;
  if (args.length < least || args.length > (most ?? Infinity)) {
    const want = most === undefined ? `at least ${least}` : String(most);
    throw failed(`wrong number of args for ${name}: want ${want} got ${args.length}`);
  }
  if ((name === 'printf' || name === 'base64decode') && typeof args[0] !== 'string') {
    throw failed(`expected string; found ${goText(args[0])}`);
  }
  try {
    return run(args);
  } catch (error) {
    if (!(error instanceof GoTemplateRunError)) throw error;
    throw new GoTemplateRunError(`error calling ${name}: ${error.message}`, { cause: error });
  }
}
