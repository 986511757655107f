/** The rules of a schema (`x-kubernetes-validations`), compiled for one place of it. */
import type { Effort } from '../cel/effort.js';
import { takeEffort } from '../cel/effort.js';
import type { CompileFailure } from '../cel/environment.js';
import { compile, Program } from '../cel/environment.js';
import type { DeclType } from '../cel/kube/decl-type.js';
import { sizeAt } from '../cel/kube/decl-type.js';
import type { CelType } from '../cel/types.js';
import { optionalOf, types } from '../cel/types.js';
import type { JsonSchema } from './structural.js';

/** A rule as it stands in a schema. */
export interface ValidationRule {
  readonly rule: string;
  readonly message?: string | undefined;
  readonly messageExpression?: string | undefined;
  readonly reason?: string | undefined;
  readonly fieldPath?: string | undefined;
  readonly optionalOldSelf?: boolean | undefined;
}

/** A rule, ready to be run, or why it is not. */
export interface CompiledRule {
  readonly source: ValidationRule;
  readonly program: Program | undefined;
  readonly error: string | undefined;
  readonly message: Program | undefined;
  readonly messageError: string | undefined;
  /** True for a transition rule. */
  readonly usesOldSelf: boolean;
  /** Estimates the most that one evaluation may cost. */
  maxCost(): number;
  messageMaxCost(): number;
}

/** The rules of a schema's node. */
export function rulesOf(schema: JsonSchema): readonly ValidationRule[] {
  const rules = schema['x-kubernetes-validations'];
  return Array.isArray(rules) ? (rules as ValidationRule[]) : [];
}

/**
 * Compiles a rule of a node, whose values have the given type.
 * @param effort takes the length of the text; unset: whatever it is
 * @throws EffortError
 */
export function compileRule(
  source: ValidationRule,
  self: DeclType,
  effort: Effort | undefined,
): CompiledRule {
  const { rule, messageExpression = '' } = source;
  if (effort !== undefined) takeEffort(effort, rule.length + messageExpression.length);
  const oldSelf = source.optionalOldSelf === true ? optionalOf(self.type) : self.type;
  const variables = new Map<string, CelType>([
    ['self', self.type],
    ['oldSelf', oldSelf],
  ]);
  const program = compile(source.rule, { variables, result: [types.bool] });
  const isRule = program instanceof Program;
  const message = compileMessage(source, variables);
  const isMessage = message instanceof Program;
  const cost = (one: Program): number => one.estimate((path) => sizeAt(self, path));
  return {
    source,
    program: isRule ? program : undefined,
    error: isRule ? undefined : ruleProblem(program),
    message: isMessage ? message : undefined,
    messageError: isMessage || message === undefined ? undefined : messageProblem(message),
    usesOldSelf: isRule && program.mentions('oldSelf'),
    maxCost: () => (isRule ? cost(program) : 0),
    messageMaxCost: () => (isMessage ? cost(message) : 0),
  };
}

function compileMessage(
  { messageExpression = '' }: ValidationRule,
  variables: ReadonlyMap<string, CelType>,
): Program | CompileFailure | undefined {
  if (messageExpression.trim() === '') return undefined;
  return compile(messageExpression, { variables, result: [types.string] });
}

function ruleProblem({ reason, text }: CompileFailure): string {
  return reason === 'type'
    ? 'cel expression must evaluate to a bool'
    : `compilation failed: ${text}`;
}

function messageProblem({ reason, text }: CompileFailure): string {
  return reason === 'type'
    ? 'messageExpression must evaluate to a string'
    : `messageExpression compilation failed: ${text}`;
}
