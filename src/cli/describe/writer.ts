import { tabwriter } from '../print/tabwriter.js';

/** Lines of a description: levels are two blanks each, tabs become columns. */
export class DescribeWriter {
  readonly #parts: string[] = [];
  #lines = '';

  /** Writes a line. */
  line(level: number, text: string): void {
    this.#lines += `${'  '.repeat(level)}${text}\n`;
  }

  /** `Name:\tvalue`. */
  field(level: number, name: string, value: unknown): void {
    this.line(level, `${name}:\t${String(value)}`);
  }

  /** What follows has columns of its own. */
  flush(): void {
    this.#parts.push(this.#lines);
    this.#lines = '';
  }

  /** All that was written, in columns. */
  text(): string {
    return [...this.#parts, this.#lines].map((part) => tabwriter(part, { padding: 2 })).join('');
  }
}
