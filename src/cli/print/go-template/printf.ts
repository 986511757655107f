/** Go's `fmt.Sprintf`, for the values of JSON. */
import { goQuote } from '../../../api/go-text/quote.js';
import { exponentOf, goFloat } from '../go-number.js';
import { goText, goType, numberOf } from './go-values.js';

/** A verb with what stands before it. */
interface Directive {
  readonly flags: string;
  readonly width: number | undefined;
  readonly precision: number | undefined;
  readonly verb: string;
}

/** Prints values by a format; what does not go together is said in the text, as by Go: `%!d(bool=true)`. */
export function sprintf(format: string, args: readonly unknown[]): string {
  let at = 0;
  const next = (): number | undefined => {
    const value = numberOf(args[at]);
    at += 1;
    return value;
  };
  const text = format.replaceAll(
    /%([-+# 0]*)(\*|\d+)?(?:(\.)(\*|\d+)?)?([^]|$)/g,
    (_whole, flags: string, width?: string, dot?: string, digits?: string, verb = '') => {
      const starWidth = width === '*' ? next() : undefined;
      const widthValue =
        width === '*' ? starWidth : width === undefined ? undefined : Number(width);
      const given = digits === '*' ? next() : Number(digits ?? '0');
      if (verb === '') return '%!(NOVERB)';
      if (verb === '%') return '%';
      if (at >= args.length) return `%!${verb}(MISSING)`;
      const value = args[at];
      at += 1;
      return formatOne(
        {
          flags: widthValue !== undefined && widthValue < 0 ? `${flags}-` : flags,
          width: widthValue === undefined ? undefined : Math.abs(widthValue),
          precision: dot === undefined ? undefined : given,
          verb,
        },
        value,
      );
    },
  );
  if (at >= args.length) return text;
  const extra = args.slice(at).map((value) => `${goType(value)}=${goText(value)}`);
  return `${text}%!(EXTRA ${extra.join(', ')})`;
}

function formatOne(directive: Directive, value: unknown): string {
  const { verb } = directive;
  if (verb === 'T') return padded(goType(value), directive);
  const type = goType(value);
  if (type === '<nil>') return verb === 'v' ? padded('<nil>', directive) : bad(directive, value);
  if (Array.isArray(value)) {
    return `[${value.map((item: unknown) => formatOne(directive, item)).join(' ')}]`;
  }
  switch (type) {
    case 'bool':
      return verb === 't' || verb === 'v'
        ? padded(String(value), { ...directive, flags: withoutZero(directive.flags) })
        : bad(directive, value);
    case 'string':
      return textOf(directive, String(value));
    case 'int64':
      return integerOf(directive, BigInt(numberOf(value) ?? 0));
    case 'float64':
      return floatOf(directive, numberOf(value) ?? 0);
    default: {
      const pairs = Object.entries(value as object)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([key, inner]) => `${formatOne(directive, key)}:${formatOne(directive, inner)}`);
      return `map[${pairs.join(' ')}]`;
    }
  }
}

function bad({ verb }: Directive, value: unknown): string {
  if (value === undefined || value === null) return `%!${verb}(<nil>)`;
  return `%!${verb}(${goType(value)}=${goText(value)})`;
}

const withoutZero = (flags: string): string => flags.replaceAll('0', '');

function textOf(directive: Directive, value: string): string {
  const { verb, precision, flags } = directive;
  const letters = Array.from(value).slice(0, precision).join('');
  switch (verb) {
    case 's':
    case 'v':
      return padded(letters, directive);
    case 'q':
      return padded(goQuote(letters), directive);
    case 'x':
    case 'X': {
      const hex = Buffer.from(value).subarray(0, precision).toString('hex');
      const text = flags.includes('#') && hex !== '' ? `0x${hex}` : hex;
      return padded(verb === 'X' ? text.toUpperCase() : text, directive);
    }
    default:
      return bad(directive, value);
  }
}

/** A character as `strconv.QuoteRune`: of the two quotes the other one is escaped. */
function quotedRune(character: string): string {
  if (character === '"') return `'"'`;
  return character === "'" ? `'\\''` : `'${goQuote(character).slice(1, -1)}'`;
}

const bases: Readonly<Record<string, readonly [number, string]>> = {
  d: [10, ''],
  v: [10, ''],
  b: [2, '0b'],
  o: [8, '0'],
  O: [8, '0o'],
  x: [16, '0x'],
  X: [16, '0X'],
};

function integerOf(directive: Directive, value: bigint): string {
  const { verb, flags, precision } = directive;
  const base = bases[verb];
  if (base === undefined) return letterOf(directive, value);
  const [radix, mark] = base;
  const sign = value < 0n ? '-' : flags.includes('+') ? '+' : flags.includes(' ') ? ' ' : '';
  let digits = (value < 0n ? -value : value).toString(radix);
  if (verb === 'X') digits = digits.toUpperCase();
  if (precision !== undefined) digits = precision === 0 && value === 0n ? '' : digits;
  digits = digits.padStart(precision ?? 0, '0');
  const prefix = verb === 'O' || flags.includes('#') ? mark : '';
  return signed(
    sign,
    prefix + digits,
    precision === undefined ? directive : { ...directive, flags: withoutZero(flags) },
  );
}

function letterOf(directive: Directive, value: bigint): string {
  const code = value < 0n || value > 0x10ffffn ? 0xfffd : Number(value);
  switch (directive.verb) {
    case 'c':
      return padded(String.fromCodePoint(code), directive);
    case 'q':
      return padded(quotedRune(String.fromCodePoint(code)), directive);
    case 'U':
      return padded(`U+${value.toString(16).toUpperCase().padStart(4, '0')}`, directive);
    default:
      return bad(directive, Number(value));
  }
}

function floatOf(directive: Directive, value: number): string {
  const { verb, flags, precision } = directive;
  const digits = floatDigits(verb, Math.abs(value), precision);
  if (digits === undefined) return bad(directive, value);
  const sign = value < 0 ? '-' : flags.includes('+') ? '+' : flags.includes(' ') ? ' ' : '';
  return signed(sign, digits, directive);
}

function floatDigits(
  verb: string,
  value: number,
  precision: number | undefined,
): string | undefined {
  switch (verb) {
    case 'f':
    case 'F':
      return fixed(value, Math.min(digitsMax, precision ?? 6));
    case 'e':
    case 'E': {
      const [digits = '', exponent = ''] = value
        .toExponential(Math.min(100, precision ?? 6))
        .split('e');
      return `${digits}${verb}${exponentOf(Number(exponent))}`;
    }
    case 'g':
    case 'G':
    case 'v': {
      const text = precision === undefined ? goFloat(value) : generalDigits(value, precision);
      return verb === 'G' ? text.toUpperCase() : text;
    }
    default:
      return undefined;
  }
}

/** As many as JavaScript knows, less those that show whether a number lies in the middle. */
const digitsMax = 40;

/** What lies in the middle between two goes to the even one; in JavaScript it goes up. */
function fixed(value: number, digits: number): string {
  const rounded = value.toFixed(digits);
  const exact = value.toFixed(Math.min(100, digits + 60));
  const isMiddle = /^50*$/.test(exact.slice(exact.indexOf('.') + 1 + digits));
  const isOdd = /[13579]$/.test(rounded);
  if (!isMiddle || !isOdd) return rounded;
  const cut = exact.slice(0, exact.indexOf('.') + 1 + digits);
  return digits === 0 ? cut.replace(/\.$/, '') : cut;
}

/** `%.3g`: so many digits that count, zeros at the end left out. */
function generalDigits(value: number, precision: number): string {
  const count = Math.max(1, Math.min(100, precision));
  const [digits = '', exponentText = ''] = value.toExponential(count - 1).split('e');
  const exponent = Number(exponentText);
  const short = (text: string): string => (text.includes('.') ? text.replace(/\.?0+$/, '') : text);
  if (exponent < -4 || exponent >= count) return `${short(digits)}e${exponentOf(exponent)}`;
  return short(value.toFixed(Math.max(0, count - 1 - exponent)));
}

/** Zeros go between the sign and the digits. */
function signed(sign: string, digits: string, { flags, width = 0 }: Directive): string {
  if (flags.includes('-')) return (sign + digits).padEnd(width);
  if (!flags.includes('0')) return (sign + digits).padStart(width);
  return sign + digits.padStart(width - sign.length, '0');
}

function padded(text: string, { flags, width = 0 }: Directive): string {
  const missing = Math.max(0, width - Array.from(text).length);
  if (flags.includes('-')) return text + ' '.repeat(missing);
  return (flags.includes('0') ? '0' : ' ').repeat(missing) + text;
}
