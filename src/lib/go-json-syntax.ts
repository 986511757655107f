/** JSON text as Go's `encoding/json` scans it: where a value ends, and the first fault in Go's words. */

/** Ends the scan at a syntax error. */
class Fault extends Error {}

const literals: Readonly<Record<string, string>> = { t: 'true', f: 'false', n: 'null' };

/** The characters of a string that end it, begin an escape or may not stand in it. */
// oxlint-disable-next-line no-control-regex
const notable = /["\\\x00-\x1f]/g;

/** Quotes a character as Go's `quoteChar` does. */
function shown(char: string): string {
  if (char === "'") return String.raw`'\''`;
  if (char === '"') return `'"'`;
  return `'${JSON.stringify(char).slice(1, -1)}'`;
}

/** A recursive reading of the grammar; every method leaves `#at` behind what it has read. */
class Scanner {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** @returns where the first value begins and ends */
  first(): { readonly start: number; readonly end: number } {
    this.#space();
    const start = this.#at;
    this.#value();
    return { start, end: this.#at };
  }

  document(): void {
    this.first();
    this.#space();
    if (this.#at < this.#text.length) this.#fail('after top-level value');
  }

  #space(): void {
    while (' \t\r\n'.includes(this.#text[this.#at] ?? 'x')) this.#at += 1;
  }

  /** The present character. @throws Fault at the end of the text */
  #peek(): string {
    const char = this.#text[this.#at];
    if (char === undefined) throw new Fault('unexpected end of JSON input');
    return char;
  }

  #fail(where: string): never {
    throw new Fault(`invalid character ${shown(this.#peek())} ${where}`);
  }

  #value(): void {
    this.#space();
    const char = this.#peek();
    if (char === '{') this.#object();
    else if (char === '[') this.#array();
    else if (char === '"') this.#string();
    else if (char === '-' || (char >= '0' && char <= '9')) this.#number();
    else if (literals[char] !== undefined) this.#literal(literals[char]);
    else this.#fail('looking for beginning of value');
  }

  #object(): void {
    this.#at += 1;
    this.#space();
    if (this.#peek() === '}') {
      this.#at += 1;
      return;
    }
    for (;;) {
      this.#space();
      if (this.#peek() !== '"') this.#fail('looking for beginning of object key string');
      this.#string();
      this.#space();
      if (this.#peek() !== ':') this.#fail('after object key');
      this.#at += 1;
      this.#value();
      if (this.#closes('}', 'after object key:value pair')) return;
    }
  }

  #array(): void {
    this.#at += 1;
    this.#space();
    if (this.#peek() === ']') {
      this.#at += 1;
      return;
    }
    for (;;) {
      this.#value();
      if (this.#closes(']', 'after array element')) return;
    }
  }

  /** Reads the comma or the closing bracket that follows a member. */
  #closes(bracket: string, where: string): boolean {
    this.#space();
    const char = this.#peek();
    if (char !== ',' && char !== bracket) this.#fail(where);
    this.#at += 1;
    return char === bracket;
  }

  #string(): void {
    for (this.#at += 1; ; this.#at += 1) {
      notable.lastIndex = this.#at;
      this.#at = notable.exec(this.#text)?.index ?? this.#text.length;
      const char = this.#peek();
      if (char === '"') break;
      if (char < ' ') this.#fail('in string literal');
      if (char !== '\\') continue;
      this.#at += 1;
      const escape = this.#peek();
      if (!'"\\/bfnrtu'.includes(escape)) this.#fail('in string escape code');
      if (escape === 'u') this.#hexadecimal();
    }
    this.#at += 1;
  }

  #hexadecimal(): void {
    for (let count = 0; count < 4; count += 1) {
      this.#at += 1;
      if (!/[0-9a-fA-F]/.test(this.#peek())) this.#fail('in \\u hexadecimal character escape');
    }
  }

  #digits(where: string): void {
    if (!/\d/.test(this.#peek())) this.#fail(where);
    while (/\d/.test(this.#text[this.#at] ?? '')) this.#at += 1;
  }

  #number(): void {
    if (this.#peek() === '-') this.#at += 1;
    if (this.#peek() === '0') this.#at += 1;
    else this.#digits('in numeric literal');
    if (this.#text[this.#at] === '.') {
      this.#at += 1;
      this.#digits('after decimal point in numeric literal');
    }
    if (!/[eE]/.test(this.#text[this.#at] ?? '')) return;
    this.#at += 1;
    if (/[-+]/.test(this.#text[this.#at] ?? '')) this.#at += 1;
    this.#digits('in exponent of numeric literal');
  }

  #literal(word: string): void {
    for (const expected of word) {
      if (this.#peek() !== expected) this.#fail(`in literal ${word} (expecting '${expected}')`);
      this.#at += 1;
    }
  }
}

function faultOf(error: unknown): string {
  if (error instanceof Fault) return error.message;
  if (error instanceof RangeError) return 'exceeded max depth';
  throw error;
}

/** The fault of a text that is not JSON; undefined when this scanner finds none. */
export function jsonSyntaxError(text: string): string | undefined {
  try {
    new Scanner(text).document();
    return undefined;
  } catch (error) {
    return faultOf(error);
  }
}

/** Finds the first value of a text, which may go on behind it; the fault of one that does not begin with a value. */
export function firstJsonValue(
  text: string,
): { readonly start: number; readonly end: number } | { readonly fault: string } {
  try {
    return new Scanner(text).first();
  } catch (error) {
    return { fault: faultOf(error) };
  }
}
