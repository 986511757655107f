/**
 * Patterns of custom resources' schemas, matched with RE2: Go's syntax and error texts, and a time that grows with the
 * product of pattern and text, where the engine of JavaScript may go back and forth for ever.
 */
import { createRequire } from 'node:module';
import type * as Re2js from 're2js';
import { child, invalid } from '../field-error.js';
import type { FieldError, FieldPath } from '../field-error.js';

/** Most steps (instructions of the pattern times characters) that the checks of one object may take. */
export const maxMatchSteps = 50_000_000;

/** The steps that the checks of one object have left. */
export interface MatchBudget {
  stepsLeft: number;
}

/** The library, loaded by the first pattern: most processes that know the kinds match none. */
function library(): typeof Re2js {
  return createRequire(import.meta.url)('re2js') as typeof Re2js;
}

const compiled = new Map<string, Re2js.RE2JS | Error>();
const compiledLimit = 1000;

function compile(pattern: string): Re2js.RE2JS | Error {
  let found = compiled.get(pattern);
  if (found === undefined) {
    if (compiled.size >= compiledLimit) compiled.clear();
    const { RE2JS, RE2JSException } = library();
    try {
      found = RE2JS.compile(pattern);
    } catch (error) {
      if (!(error instanceof RE2JSException)) throw error;
      found = error;
    }
    compiled.set(pattern, found);
  }
  return found;
}

/** Why a text is no pattern, in the words of Go's regexp package; undefined when it is one. */
export function patternError(pattern: string): string | undefined {
  const found = compile(pattern);
  return found instanceof Error ? found.message : undefined;
}

/** Adds what is wrong with the pattern of a schema. */
export function checkPattern(
  schema: Readonly<Record<string, unknown>>,
  path: FieldPath,
  errors: FieldError[],
): void {
  const { pattern } = schema;
  if (typeof pattern !== 'string' || pattern === '') return;
  const problem = patternError(pattern);
  if (problem === undefined) return;
  const text = `must be a valid regular expression, but isn't: ${problem}`;
  errors.push(invalid(child(path, 'pattern'), pattern, text));
}

/**
 * Looks for a pattern in a value.
 * @returns `too long` when the budget does not suffice. A pattern that does not compile (kept from before patterns
 * were checked) matches everything.
 */
export function matchesPattern(
  pattern: string,
  value: string,
  budget: MatchBudget,
): boolean | 'too long' {
  const found = compile(pattern);
  if (found instanceof Error) return true;
  budget.stepsLeft -= found.programSize() * (value.length + 1);
  return budget.stepsLeft < 0 ? 'too long' : found.test(value);
}
