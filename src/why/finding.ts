/** What keeps a thing from working, and the chain of what that comes from. Pure. */
import { humanDuration } from '../api/print/duration.js';
import { parseTime } from '../api/facts/time.js';

/** Something to do about a cause: in words, and as a command to copy where there is one. */
export interface Mend {
  readonly words: string;
  readonly command?: string;
}

/** A thing, how it is, and what that comes from. */
export interface Finding {
  /** `pod/web-0`, or a part of one: `container app`. */
  readonly about: string;
  /** `waiting`: it may become well by itself. `problem`: it will not, or has failed already. */
  readonly level: 'ok' | 'waiting' | 'problem';
  /** A sentence without its first word and its full stop. */
  readonly says: string;
  /** RFC 3339. */
  readonly since?: string | undefined;
  readonly details?: readonly string[] | undefined;
  readonly mend?: readonly Mend[] | undefined;
  /** The causes, the most important first. */
  readonly causes?: readonly Finding[] | undefined;
}

const order = { problem: 0, waiting: 1, ok: 2 } as const;

/** Says that a thing is well. */
export function well(about: string, says: string): Finding {
  return { about, level: 'ok', says };
}

/** Those that are not well, the worst first, in their order otherwise. */
export function unwell(findings: readonly (Finding | undefined)[]): Finding[] {
  return findings
    .filter((found): found is Finding => found !== undefined && found.level !== 'ok')
    .toSorted((a, b) => order[a.level] - order[b.level]);
}

/** The level of the worst. */
export function worst(findings: readonly Finding[]): Finding['level'] {
  const levels = findings.map(({ level }) => level);
  if (levels.includes('problem')) return 'problem';
  return levels.includes('waiting') ? 'waiting' : 'ok';
}

/**
 * A finding as lines, its causes indented below it.
 * @param hidden resources that could not be read, so that there may be more
 */
export function renderFinding(
  finding: Finding,
  { nowMs, hidden }: { readonly nowMs: number; readonly hidden: readonly string[] },
): string {
  const lines = linesOf(finding, nowMs);
  if (hidden.length > 0) {
    lines.push(`(you may not read ${hidden.join(', ')}: there may be more to say)`);
  }
  return `${lines.join('\n')}\n`;
}

function linesOf(finding: Finding, nowMs: number): string[] {
  const { about, says, since, details = [], mend = [], causes = [] } = finding;
  const sinceMs = parseTime(since);
  const age = sinceMs === undefined ? '' : `, since ${humanDuration(nowMs - sinceMs)}`;
  const below = [
    ...details,
    ...causes.flatMap((cause) => linesOf(cause, nowMs)),
    ...mend.flatMap(({ words, command }) => [
      `to mend it: ${words}`,
      ...(command === undefined ? [] : [`  ${command}`]),
    ]),
  ];
  return [`${about}: ${says}${age}`, ...below.map((line) => `  ${line}`)];
}

/** Findings that differ in the name of their object only, as one that says how many there are. */
export function alike(findings: readonly Finding[]): Finding[] {
  const groups = new Map<string, Finding[]>();
  for (const finding of findings) {
    const name = finding.about.slice(finding.about.indexOf('/') + 1);
    // Times differ from one to the other, and mean nothing here.
    const text = JSON.stringify(finding, (field, value: unknown) =>
      field === 'since' ? undefined : value,
    );
    const group = text.replaceAll(name, '*').replaceAll(/\b\d+m?s\b/g, '*');
    groups.set(group, [...(groups.get(group) ?? []), finding]);
  }
  return [...groups.values()].flatMap(([first, ...others]) => {
    if (first === undefined) return [];
    if (others.length === 0) return [first];
    const names = others.map(({ about }) => about);
    const shown = names.slice(0, 3).join(', ');
    const more = names.length > 3 ? `, and ${names.length - 3} more` : '';
    const detail = `the same holds for ${shown}${more}`;
    return [{ ...first, details: [detail, ...(first.details ?? [])] }];
  });
}

/** `a`, `a and b`, `a, b and c`. */
export function enumerate(words: readonly string[]): string {
  if (words.length < 2) return words.join('');
  return `${words.slice(0, -1).join(', ')} and ${words.at(-1) ?? ''}`;
}

/** `its only pod is`, `all 3 pods are`. */
export function allAre(number: number, noun: string): string {
  return number === 1 ? `its only ${noun} is` : `all ${number} ${noun}s are`;
}

/** `1 pod`, `2 pods`. */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
