/** Parses command lines as kubectl's library (pflag) does: flags anywhere, `-it`, `-n=x`, `--flag=x`, `--`. */
import { goQuote } from '../../api/go-text/quote.js';
import { goBoolean, goInteger } from '../../api/go-text/values.js';
import { CommandLineError } from './command-line-error.js';
import { splitAtCommas } from './comma-list.js';
import type { Flag, Flags } from './flag-types.js';

/** The words and the flags of a command line. */
export interface ParsedLine {
  readonly args: readonly string[];
  readonly dash: number | undefined;
  readonly values: Readonly<
    Record<string, string | number | boolean | readonly string[] | undefined>
  >;
  readonly given: ReadonlySet<string>;
  readonly help: boolean;
}

type Value = string | number | boolean | string[] | undefined;

class LineParser {
  readonly #flags: Flags;
  readonly #rest: string[];
  readonly args: string[] = [];
  readonly values: Record<string, Value> = {};
  readonly given = new Set<string>();
  dash: number | undefined;
  help = false;

  constructor(flags: Flags, argv: readonly string[]) {
    this.#flags = flags;
    this.#rest = [...argv];
    for (const [name, flag] of Object.entries(flags)) {
      this.values[name] = flag.type === 'list' ? [] : flag.default;
    }
  }

  run(): void {
    for (let word = this.#rest.shift(); word !== undefined; word = this.#rest.shift()) {
      if (word === '--') {
        this.dash = this.args.length;
        this.args.push(...this.#rest.splice(0));
      } else if (word.startsWith('--')) this.#long(word);
      else if (word.startsWith('-') && word.length > 1) this.#short(word);
      else this.args.push(word);
    }
  }

  #long(word: string): void {
    const at = word.indexOf('=');
    const name = word.slice(2, at < 0 ? undefined : at);
    const flag = this.#flags[name];
    if (flag === undefined) {
      if (name !== 'help') throw new CommandLineError(`unknown flag: --${name}`);
      this.help = true;
    } else if (at >= 0) this.#set(name, flag, word.slice(at + 1));
    else this.#setBare(name, flag, `flag needs an argument: --${name}`);
  }

  /** `-it`, `-nkube-system`, `-n=kube-system`. */
  #short(word: string): void {
    for (let at = 1; at < word.length; at += 1) {
      const letter = word.charAt(at);
      const found = Object.entries(this.#flags).find(([, { short }]) => short === letter);
      if (found === undefined) {
        if (letter !== 'h') {
          throw new CommandLineError(`unknown shorthand flag: '${letter}' in ${word}`);
        }
        this.help = true;
        continue;
      }
      const [name, flag] = found;
      if (word.charAt(at + 1) === '=') return this.#set(name, flag, word.slice(at + 2));
      if (bareValue(flag) === undefined && at + 1 < word.length) {
        return this.#set(name, flag, word.slice(at + 1));
      }
      this.#setBare(name, flag, `flag needs an argument: '${letter}' in ${word}`);
    }
  }

  #setBare(name: string, flag: Flag, missing: string): void {
    const value = bareValue(flag) ?? this.#rest.shift();
    if (value === undefined) throw new CommandLineError(missing);
    this.#set(name, flag, value);
  }

  #set(name: string, flag: Flag, text: string): void {
    this.given.add(name);
    const before = this.values[name];
    const shown = flag.short === undefined ? `--${name}` : `-${flag.short}, --${name}`;
    const wrong = (why: string): CommandLineError =>
      new CommandLineError(`invalid argument ${goQuote(text)} for "${shown}" flag: ${why}`);
    switch (flag.type) {
      case 'bool': {
        const value = goBoolean(text);
        if (value === undefined) {
          throw wrong(`strconv.ParseBool: parsing ${goQuote(text)}: invalid syntax`);
        }
        this.values[name] = value;
        return;
      }
      case 'int': {
        const value = goInteger(text);
        if (typeof value === 'string') {
          throw wrong(`strconv.ParseInt: parsing ${goQuote(text)}: ${value}`);
        }
        this.values[name] = value;
        return;
      }
      case 'list': {
        const words = flag.commas === true ? splitAtCommas(text) : [text];
        if (typeof words === 'string') throw wrong(words);
        this.values[name] = [...(Array.isArray(before) ? before : []), ...words];
        return;
      }
      default:
        if (flag.values !== undefined && !flag.values.includes(text)) {
          throw wrong(`must be one of ${flag.values.map((value) => `'${value}'`).join(', ')}`);
        }
        this.values[name] = text;
    }
  }
}

/** What the flag is set to when nothing follows it; undefined when something must. */
function bareValue(flag: Flag): string | undefined {
  if (flag.type === 'bool') return 'true';
  return flag.type === 'text' ? flag.bare : undefined;
}

/** @throws CommandLineError in kubectl's words */
export function parseLine(flags: Flags, argv: readonly string[]): ParsedLine {
  const parser = new LineParser(flags, argv);
  parser.run();
  const { args, dash, values, given, help } = parser;
  return { args, dash, values, given, help };
}
