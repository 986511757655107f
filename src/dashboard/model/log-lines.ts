/** Keeps the last lines of a log that is followed, within a bound of lines and of characters. */

/** Lines that are kept. */
export const linesKept = 2_000;
/** Characters that are kept; the oldest lines go first. */
export const charactersKept = 1_000_000;

/** Codes by which programs colour their output on terminals. */
const codes = new RegExp(`${String.fromCharCode(27)}(?:\\[[0-9;?]*[ -/]*[@-~]|[@-Z\\\\-_])`, 'g');

/** The last lines, as pieces of text come, cut anywhere. */
export class LogLines {
  #lines: string[] = [];
  #characters = 0;
  /** The line that has not ended yet. */
  #open = '';
  /** Lines that were let go. */
  #dropped = 0;

  get dropped(): number {
    return this.#dropped;
  }

  add(piece: string): void {
    const lines = `${this.#open}${piece}`.split('\n');
    // A line without end is cut: it cannot be let go as others are.
    this.#open = (lines.pop() ?? '').slice(0, charactersKept);
    for (const line of lines) {
      const plain = line.replace(codes, '').replace(/\r$/, '');
      this.#lines.push(plain);
      this.#characters += plain.length + 1;
    }
    this.#letGo();
  }

  #letGo(): void {
    let gone = Math.max(0, this.#lines.length - linesKept);
    let characters = this.#lines.slice(0, gone).reduce((sum, line) => sum + line.length + 1, 0);
    while (this.#characters - characters > charactersKept && gone < this.#lines.length) {
      characters += (this.#lines[gone]?.length ?? 0) + 1;
      gone++;
    }
    if (gone === 0) return;
    this.#lines = this.#lines.slice(gone);
    this.#characters -= characters;
    this.#dropped += gone;
  }

  /** All that is kept, the open line too. @param search lines that have it, in whatever case; empty: all */
  text(search: string): string {
    const all = this.#open === '' ? this.#lines : [...this.#lines, this.#open];
    const wanted = search.toLowerCase();
    const shown = wanted === '' ? all : all.filter((line) => line.toLowerCase().includes(wanted));
    return shown.join('\n');
  }
}
