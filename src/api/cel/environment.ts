/** Compiles expressions: with Kubernetes' functions, some variables, and a type that the result must have. */
import { assertNever } from '../../lib/assert.js';
import type { Checked } from './checker.js';
import { check } from './checker.js';
import type { Expr } from './ast.js';
import type { Effort } from './effort.js';
import type { Issue } from './errors.js';
import { displayIssues } from './errors.js';
import type { Activation, Outcome } from './evaluate.js';
import { evaluate } from './evaluate.js';
import type { SizeOf } from './estimate.js';
import { estimateCost } from './estimate.js';
import type { FunctionTable } from './functions.js';
import { functionTable } from './functions.js';
import { authorization } from './library/authorizer.js';
import { conversionsAndTimes } from './library/conversions.js';
import { lists, namedFormats, patterns, urls } from './library/kubernetes.js';
import { network } from './library/network.js';
import { optionals } from './library/optionals.js';
import { amounts } from './library/quantities.js';
import { operators } from './library/standard.js';
import { sets, strings } from './library/strings.js';
import { parse } from './parser.js';
import { patternProblem } from './regex.js';
import { parseDuration, parseTimestamp } from './time.js';
import type { CelType } from './types.js';
import { formatType, listOf, mapOf, opaque, optionalOf, types } from './types.js';

let baseFunctions: FunctionTable | undefined;

/** The functions of Kubernetes 1.33, made when the first expression is compiled. */
function functions(): FunctionTable {
  baseFunctions ??= functionTable([
    operators,
    conversionsAndTimes,
    urls,
    patterns,
    lists,
    optionals,
    ...amounts,
    strings,
    sets,
    network,
    namedFormats,
    authorization,
  ]);
  return baseFunctions;
}

const typeNames: ReadonlyMap<string, CelType> = new Map([
  ...Object.values(types)
    .filter(({ kind }) => kind !== 'dyn' && kind !== 'error')
    .map((type) => [type.name, type] as const),
  ['list', listOf(types.dyn)],
  ['map', mapOf(types.dyn, types.dyn)],
  ['optional_type', optionalOf(types.dyn)],
  ['type', { kind: 'type', name: 'type', params: [] } as const],
  ...['net.IP', 'net.CIDR', 'kubernetes.URL', 'kubernetes.Quantity', 'kubernetes.Semver'].map(
    (name) => [name, opaque(name)] as const,
  ),
]);

/** An expression that compiles. */
export class Program {
  readonly #checked: Checked;

  constructor(checked: Checked) {
    this.#checked = checked;
  }

  /** The type of its value. */
  get type(): CelType {
    return this.#checked.type;
  }

  /** True when the expression names a variable. */
  mentions(variable: string): boolean {
    for (const name of this.#checked.names.values()) if (name === variable) return true;
    return false;
  }

  /**
   * Evaluates within a limit of cost; never throws for what the expression or its data do.
   * @param effort bounds what is done on the event loop; unset: as much as the cost allows
   * @throws EffortError
   */
  run(activation: Activation, costLimit: number, effort?: Effort): Outcome {
    return evaluate(this.#checked, activation, { costLimit, effort });
  }

  /** The most that one evaluation may cost. */
  estimate(sizeOf: SizeOf): number {
    return estimateCost(this.#checked, sizeOf).max;
  }
}

/** What an expression may name, and what it must come to. */
export interface CompileOptions {
  readonly variables: ReadonlyMap<string, CelType>;
  /** Types that the result may have; unset: any. */
  readonly result?: readonly CelType[] | undefined;
}

/** What keeps an expression from being run. */
export interface CompileFailure {
  /** `type` when it compiles and comes to something else than it must. */
  readonly reason: 'compilation' | 'type';
  /** The errors with their places, or the type that it has. */
  readonly text: string;
}

/** Compiles an expression. @returns what is wrong with it, as cel-go writes it */
export function compile(
  source: string,
  { variables, result }: CompileOptions,
): Program | CompileFailure {
  const parsed = parse(source);
  if (parsed.issues !== undefined) return failed(source, parsed.issues);
  const checked = check(parsed.expr, { variables, functions: functions(), typeNames });
  if (!('expr' in checked)) return failed(source, checked);
  const wrong = literalIssues(parsed.expr);
  if (wrong.length > 0) return failed(source, wrong);
  if (result !== undefined && !result.some((type) => isResult(checked.type, type))) {
    return { reason: 'type', text: formatType(checked.type) };
  }
  return new Program(checked);
}

function isResult(type: CelType, wanted: CelType): boolean {
  return wanted.kind === 'dyn' || formatType(type) === formatType(wanted);
}

function failed(source: string, issues: readonly Issue[]): CompileFailure {
  return { reason: 'compilation', text: displayIssues(source, issues) };
}

/** Constants that can be known to be wrong: patterns, durations and times (cel-go's `ASTValidators`). */
function literalIssues(root: Expr): Issue[] {
  const issues: Issue[] = [];
  const visit = (expr: Expr): void => {
    if (expr.kind === 'call') {
      const last = expr.args.at(-1);
      const text = last?.kind === 'literal' ? last.literal.value : undefined;
      if (last !== undefined && typeof text === 'string') {
        const message = literalIssue(expr.fn, text, expr.args.length, expr.target !== undefined);
        if (message !== undefined) issues.push({ at: last.at, message });
      }
    }
    for (const child of children(expr)) visit(child);
  };
  visit(root);
  return issues;
}

function literalIssue(
  fn: string,
  text: string,
  count: number,
  isMethod: boolean,
): string | undefined {
  if (fn === 'matches') {
    const problem = count === (isMethod ? 1 : 2) ? patternProblem(text) : undefined;
    return problem === undefined ? undefined : 'invalid matches argument';
  }
  if (isMethod || count !== 1) return undefined;
  if (fn === 'duration' && parseDuration(text) === undefined) return 'invalid duration argument';
  if (fn === 'timestamp' && parseTimestamp(text) === undefined) {
    return 'invalid timestamp argument';
  }
  return undefined;
}

function children(expr: Expr): readonly Expr[] {
  switch (expr.kind) {
    case 'select':
      return [expr.operand];
    case 'call':
      return expr.target === undefined ? expr.args : [expr.target, ...expr.args];
    case 'list':
      return expr.elements;
    case 'map':
      return expr.entries.flatMap(({ key, value }) => [key, value]);
    case 'comprehension':
      return [expr.range, expr.accuInit, expr.condition, expr.step, expr.result];
    case 'literal':
    case 'ident':
    case 'struct':
      return [];
    default:
      return assertNever(expr);
  }
}
