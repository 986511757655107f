/** Patterns of expressions: Go's syntax, and a time that grows with the product of pattern and text. */
import { createRequire } from 'node:module';
import type * as Re2js from 're2js';
import { CelError } from './errors.js';
import type { Work } from './value.js';

/** The library, loaded by the first pattern. */
function library(): typeof Re2js {
  return createRequire(import.meta.url)('re2js') as typeof Re2js;
}

const compiled = new Map<string, Re2js.RE2JS>();
const compiledMax = 500;
/** Steps of the automaton that count as one unit of work. */
const stepsPerWork = 8;
/** What an instruction of a new pattern takes, in steps of an expression. */
const workPerInstruction = 20;
/** Longest pattern, in UTF-16 units: longer ones take long to compile. */
const maxPatternLength = 10_000;

function compile(pattern: string, work: Work): Re2js.RE2JS {
  const known = compiled.get(pattern);
  if (known !== undefined) return known;
  work.spend(pattern.length * 10);
  const problem = pattern.length > maxPatternLength ? 'expression too large' : undefined;
  if (problem !== undefined) {
    throw new CelError(`error parsing regexp: ${problem}`);
  }
  const { RE2JS, RE2JSException } = library();
  try {
    const made = RE2JS.compile(pattern);
    work.spend(made.programSize() * workPerInstruction);
    if (compiled.size >= compiledMax) compiled.clear();
    compiled.set(pattern, made);
    return made;
  } catch (error) {
    if (!(error instanceof RE2JSException)) throw error;
    throw new CelError(error.message, { cause: error });
  }
}

const noWork: Work = { spend: () => undefined };

/** Why a text is no pattern, in Go's words; undefined when it is one. */
export function patternProblem(pattern: string): string | undefined {
  try {
    compile(pattern, noWork);
    return undefined;
  } catch (error) {
    if (error instanceof CelError) return error.message;
    throw error;
  }
}

function prepared(pattern: string, text: string, work: Work): Re2js.RE2JS {
  const found = compile(pattern, work);
  work.spend((found.programSize() * (text.length + 1)) / stepsPerWork);
  return found;
}

/** True when the pattern is found in the text. @throws CelError for a wrong pattern */
export function matchText(pattern: string, text: string, work: Work): boolean {
  return prepared(pattern, text, work).test(text);
}

/** Returns the matches of a pattern in a text, at most `limit` of them. @throws CelError for a wrong pattern */
export function findText(pattern: string, text: string, limit: number, work: Work): string[] {
  const matcher = prepared(pattern, text, work).matcher(text);
  const out: string[] = [];
  while (out.length < limit && matcher.find()) {
    out.push(matcher.group() ?? '');
    // A search from every place may look at the whole rest of the text again.
    work.spend((text.length - matcher.end()) / stepsPerWork + 1);
  }
  return out;
}
