/** The functions of Go templates, and kubectl's own. */
import { goText, isTrue } from './go-values.js';
import { GoTemplateError } from './template-error.js';

type TemplateFunction = (args: readonly unknown[]) => unknown;

const html: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&#34;',
  "'": '&#39;',
};

function index([value, ...keys]: readonly unknown[]): unknown {
  let at = value;
  for (const key of keys) {
    if (Array.isArray(at)) {
      if (typeof key !== 'number' || key < 0 || key >= at.length) {
        throw new GoTemplateError(`error calling index: index out of range: ${goText(key)}`);
      }
      at = at[key];
    } else if (typeof at === 'object' && at !== null) {
      at = (at as Record<string, unknown>)[String(key)];
    } else throw new GoTemplateError("error calling index: can't index item of this type");
  }
  return at;
}

function length([value]: readonly unknown[]): number {
  if (typeof value === 'string') return Buffer.byteLength(value);
  if (Array.isArray(value)) return value.length;
  if (typeof value === 'object' && value !== null) return Object.keys(value).length;
  throw new GoTemplateError(`error calling len: len of ${goText(value)}`);
}

function slice([value, from = 0, to]: readonly unknown[]): unknown {
  if (typeof value !== 'string' && !Array.isArray(value)) {
    throw new GoTemplateError("error calling slice: can't slice item of this type");
  }
  return value.slice(Number(from), to === undefined ? undefined : Number(to));
}

function exists([value, ...keys]: readonly unknown[]): boolean {
  try {
    return index([value, ...keys]) !== undefined;
  } catch {
    return false;
  }
}

/** `%s`, `%v`, `%d`, `%q`, `%t`, `%x`, `%f`, with width and precision. */
function printf([format, ...args]: readonly unknown[]): string {
  let at = 0;
  return String(format).replaceAll(/%([-0]*)(\d+)?(?:\.(\d+))?([%a-zA-Z])/g, (...match) => {
    const [whole, flags, width, precision, verb] = match as unknown as string[];
    if (verb === '%') return '%';
    if (at >= args.length) return `%!${verb ?? ''}(MISSING)`;
    const value = args[at];
    at += 1;
    return pad(verbText(verb ?? '', value, precision) ?? String(whole), flags ?? '', width);
  });
}

function verbText(verb: string, value: unknown, precision: string | undefined): string | undefined {
  const cut = precision === undefined ? undefined : Number(precision);
  switch (verb) {
    case 's':
    case 'v':
      return goText(value).slice(0, cut);
    case 'd':
    case 't':
      return goText(value);
    case 'q':
      return JSON.stringify(goText(value));
    case 'f':
      return Number(value).toFixed(cut ?? 6);
    case 'x':
      return typeof value === 'number'
        ? value.toString(16)
        : Buffer.from(goText(value)).toString('hex');
    default:
      return undefined;
  }
}

function pad(text: string, flags: string, width: string | undefined): string {
  if (width === undefined) return text;
  if (flags.includes('-')) return text.padEnd(Number(width));
  return text.padStart(Number(width), flags.includes('0') ? '0' : ' ');
}

function compare(accepts: (order: number) => boolean): TemplateFunction {
  return ([a, b]) => {
    if (typeof a !== typeof b || (typeof a !== 'number' && typeof a !== 'string')) {
      throw new GoTemplateError('error calling comparison: incompatible types for comparison');
    }
    const right = b as typeof a;
    return accepts(a < right ? -1 : a > right ? 1 : 0);
  };
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

/** By name; `and` and `or` stop early and are part of the evaluation. */
export const functions: Readonly<Record<string, TemplateFunction>> = {
  index,
  len: length,
  slice,
  exists,
  printf,
  print,
  println: (args) => `${args.map(goText).join(' ')}\n`,
  not: ([value]) => !isTrue(value),
  eq: ([a, ...others]) => others.some((b) => a === b),
  ne: ([a, b]) => a !== b,
  lt: compare((order) => order < 0),
  le: compare((order) => order <= 0),
  gt: compare((order) => order > 0),
  ge: compare((order) => order >= 0),
  html: (args) => print(args).replaceAll(/[&<>"']/g, (letter) => html[letter] ?? letter),
  js: (args) => JSON.stringify(print(args)).slice(1, -1),
  urlquery: (args) => encodeURIComponent(print(args)).replaceAll('%20', '+'),
  base64decode: ([value]) => Buffer.from(goText(value), 'base64').toString('utf8'),
};
