/** Splits a stream of text into lines, each a JSON value, as watches and observations come. */

/** The longest line: an object of the API is never longer, with its managed fields. */
const longestLine = 8 * 1024 * 1024;

/** Takes pieces of text cut anywhere, and gives whole lines. */
export class LineSplitter {
  #rest = '';
  readonly #longest: number;

  constructor(longest: number = longestLine) {
    this.#longest = longest;
  }

  /** @returns the lines that are whole now, without empty ones. @throws Error for one that is too long */
  push(piece: string): string[] {
    const lines = `${this.#rest}${piece}`.split('\n');
    this.#rest = lines.pop() ?? '';
    if (this.#rest.length > this.#longest) throw new Error('the server sends a line without end');
    return lines.filter((line) => line !== '');
  }

  /** The last line, where the stream ended without a line feed. */
  end(): string {
    const rest = this.#rest;
    this.#rest = '';
    return rest;
  }
}
