/**
 * Names the first fault of a JSON text in the words of Go's `encoding/json` scanner, which clients
 * see in the answers to malformed bodies. Runs only after `JSON.parse` has refused the text.
 */

/** Ends the scan at a syntax error. */
class Fault extends Error {}

const literals: Readonly<Record<string, string>> = { t: 'true', f: 'false', n: 'null' };

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

  document(): void {
    this.#value();
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

/** The fault of a text that is not JSON; undefined when this scanner finds none. */
export function jsonSyntaxError(text: string): string | undefined {
  try {
    new Scanner(text).document();
    return undefined;
  } catch (error) {
    if (error instanceof Fault) return error.message;
    if (error instanceof RangeError) return 'exceeded max depth';
    throw error;
  }
}
