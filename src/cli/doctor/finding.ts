/** A thing that was looked at, and what to do about it. */
export interface Finding {
  /** `problem`: something does not work, or will not. `warning`: it works, and should not stay so. */
  readonly level: 'ok' | 'warning' | 'problem';
  /** The thing, in the same words whether it is well or not. */
  readonly about: string;
  readonly text: string;
  /** What mends it; empty where nothing is wrong. */
  readonly mend: string;
}

/** Says that a thing is as it should be. */
export function ok(about: string, text: string): Finding {
  return { level: 'ok', about, text, mend: '' };
}

/** Says that a thing should not stay as it is. */
export function warning(about: string, text: string, mend: string): Finding {
  return { level: 'warning', about, text, mend };
}

/** Says that a thing keeps something from working. */
export function problem(about: string, text: string, mend: string): Finding {
  return { level: 'problem', about, text, mend };
}

/** The findings as lines: what is wrong last, where it is seen, each with what mends it. */
export function renderFindings(findings: readonly Finding[]): string {
  const order = { ok: 0, warning: 1, problem: 2 };
  const width = Math.max(...findings.map(({ about }) => about.length));
  const lines = findings
    .toSorted((a, b) => order[a.level] - order[b.level])
    .map(({ level, about, text, mend }) => {
      const head = (level === 'ok' ? 'ok' : level.toUpperCase()).padEnd(8);
      const line = `${head} ${about.padEnd(width)}  ${text}`;
      return mend === '' ? line : `${line}\n${' '.repeat(9 + width)}  to mend it: ${mend}`;
    });
  const count = (level: Finding['level']): number =>
    findings.filter((finding) => finding.level === level).length;
  const sum = `${count('ok')} ok, ${count('warning')} warnings, ${count('problem')} problems`;
  return `${lines.join('\n')}\n${sum}\n`;
}
