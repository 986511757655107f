/** A token of JSON. */
export interface Token {
  readonly kind: '{' | '}' | '[' | ']' | 'string' | 'number' | 'true' | 'false' | 'null';
  /** As it stands in the text. */
  readonly raw: string;
  readonly at: number;
}

const space = /[\s,:]*/y;
const string = /"[^"\\]*(?:\\.[^"\\]*)*"/y;
const word = /[-+.\w]+/y;

/** The tokens of one JSON value that is known to be valid: commas and colons say nothing that brackets do not. */
export class JsonTokens {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** The kind of the token that is next. */
  peek(): Token['kind'] {
    space.lastIndex = this.#at;
    this.#at += space.exec(this.#text)?.[0].length ?? 0;
    const char = this.#text[this.#at] ?? '';
    if (char === '"') return 'string';
    if (char === 't') return 'true';
    if (char === 'f') return 'false';
    if (char === 'n') return 'null';
    if (char === '{' || char === '}' || char === '[' || char === ']') return char;
    return 'number';
  }

  next(): Token {
    const kind = this.peek();
    const at = this.#at;
    const pattern = kind === 'string' ? string : word;
    pattern.lastIndex = at;
    const raw = kind.length === 1 ? kind : (pattern.exec(this.#text)?.[0] ?? '');
    this.#at += raw.length;
    return { kind, raw, at };
  }

  /** Passes over a whole value. */
  skip(): void {
    let depth = 0;
    do {
      const { kind } = this.next();
      if (kind === '{' || kind === '[') depth += 1;
      else if (kind === '}' || kind === ']') depth -= 1;
    } while (depth > 0);
  }

  /** Returns the line and the column of a token, such as `(line 1:9)`; columns count characters. */
  placeOf({ at }: Token): string {
    const lines = this.#text.slice(0, at).split('\n');
    const column = Array.from(lines.at(-1) ?? '').length + 1;
    return `(line ${lines.length}:${column})`;
  }
}
