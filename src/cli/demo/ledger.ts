/** What became of the writes of a demonstration. Pure. */

/** What the writer was told: done, surely not done, or neither. */
export type Outcome = 'acknowledged' | 'refused' | 'unknown';

/** The writes, compared with what is there. */
export interface Verdict {
  readonly acknowledged: number;
  /** Acknowledged, and not there: must be empty. */
  readonly lost: readonly string[];
  readonly refused: number;
  /** Refused, and there all the same: must be empty. */
  readonly undead: readonly string[];
  /** Of unknown outcome, and there. */
  readonly unknownDone: number;
  /** Of unknown outcome, and not there. */
  readonly unknownNotDone: number;
}

/** Keeps the outcome of each write, and the longest time without an acknowledgement. */
export class Ledger {
  readonly #outcomes = new Map<string, Outcome>();
  /** Since when a write has been under way, or the last one was acknowledged. */
  #sinceMs: number | undefined;
  #longestMs = 0;

  get count(): number {
    return this.#outcomes.size;
  }

  began(nowMs: number): void {
    this.#sinceMs ??= nowMs;
  }

  ended(name: string, outcome: Outcome, nowMs: number): void {
    this.#outcomes.set(name, outcome);
    if (outcome !== 'acknowledged') return;
    this.#longestMs = Math.max(this.#longestMs, nowMs - (this.#sinceMs ?? nowMs));
    this.#sinceMs = nowMs;
  }

  /** The longest time without an acknowledgement since the last call of this. */
  takeLongestGapMs(nowMs: number): number {
    const longest = Math.max(this.#longestMs, nowMs - (this.#sinceMs ?? nowMs));
    this.#longestMs = 0;
    this.#sinceMs = this.#sinceMs === undefined ? undefined : nowMs;
    return longest;
  }

  /** @param found the names that were read back */
  verdict(found: ReadonlySet<string>): Verdict {
    const of = (wanted: Outcome): string[] =>
      [...this.#outcomes].filter(([, outcome]) => outcome === wanted).map(([name]) => name);
    const [acknowledged, refused, unknown] = [of('acknowledged'), of('refused'), of('unknown')];
    return {
      acknowledged: acknowledged.length,
      lost: acknowledged.filter((name) => !found.has(name)),
      refused: refused.length,
      undead: refused.filter((name) => found.has(name)),
      unknownDone: unknown.filter((name) => found.has(name)).length,
      unknownNotDone: unknown.filter((name) => !found.has(name)).length,
    };
  }
}

/** The verdict in words, a sentence a line. */
export function verdictLines(verdict: Verdict): string[] {
  const { acknowledged, lost, refused, undead, unknownDone, unknownNotDone } = verdict;
  const lines = [
    lost.length === 0
      ? `${acknowledged} writes were acknowledged, and every one of them was read back: none is lost.`
      : `LOST: ${lost.length} of ${acknowledged} acknowledged writes are not there: ${lost.slice(0, 5).join(', ')}.`,
  ];
  const unknown = unknownDone + unknownNotDone;
  if (unknown > 0) {
    lines.push(
      `${unknown} ended without an answer, of which ${unknownDone} were done: a leader that fails may have ` +
        'committed what it could not answer any more (§8).',
    );
  }
  if (refused > 0 || undead.length > 0) {
    lines.push(
      undead.length === 0
        ? `${refused} were refused, and none of them was done.`
        : `WRONG: ${undead.length} of ${refused} refused writes were done: ${undead.slice(0, 5).join(', ')}.`,
    );
  }
  return lines;
}

/** Whether the cluster kept its word. */
export function isSound({ lost, undead }: Verdict): boolean {
  return lost.length === 0 && undead.length === 0;
}
