/** Evaluates a policy for one request and one set of parameters (apiserver `policy/validating/validator.go`). */
import { compileExpression } from '../../../../api/admission/expressions.js';
import type { ValidatingAdmissionPolicy } from '../../../../api/admission/policy-schemas.js';
import type { Effort } from '../../../../api/cel/effort.js';
import { takeEffort } from '../../../../api/cel/effort.js';
import { expressionLength } from '../../../../api/cel/kube/expression-length.js';
import type { Program } from '../../../../api/cel/environment.js';
import { CelError } from '../../../../api/cel/errors.js';
import { maxMessageBytes, objectCostBudget, perCallCostLimit } from '../../../../api/cel/limits.js';
import type { CelType } from '../../../../api/cel/types.js';
import { types } from '../../../../api/cel/types.js';
import type { Value } from '../../../../api/cel/value.js';
import { MapValue } from '../../../../api/cel/value.js';
import type { Condition } from './conditions.js';
import { compileConditions, conditionsHold, outOfBudget } from './conditions.js';
import { formatJson } from '../../../../lib/json.js';

type Spec = NonNullable<ValidatingAdmissionPolicy['spec']>;
type Compiled = Program | string;

/** A policy with its expressions compiled. */
export interface CompiledPolicy {
  readonly name: string;
  readonly spec: Spec;
  readonly conditions: readonly Condition[];
  readonly variables: ReadonlyMap<string, Compiled>;
  readonly validations: readonly { readonly program: Compiled; readonly message?: Compiled }[];
  readonly annotations: readonly { readonly key: string; readonly program: Compiled }[];
}

/** Compiles a policy; what does not compile fails when it is evaluated. */
export function compilePolicy({
  metadata,
  spec = {},
}: Pick<ValidatingAdmissionPolicy, 'metadata' | 'spec'>): CompiledPolicy {
  const hasParams = spec.paramKind !== undefined;
  const known = new Map<string, CelType>();
  const variables = new Map<string, Compiled>();
  for (const { name, expression } of spec.variables ?? []) {
    const scope = { hasParams, hasAuthorizer: true, variables: new Map(known) };
    const program = compileExpression(expression, scope);
    variables.set(name, program);
    known.set(name, typeof program === 'string' ? types.dyn : program.type);
  }
  const scope = {
    hasParams,
    hasAuthorizer: true,
    variables: variables.size === 0 ? undefined : known,
  };
  return {
    name: metadata.name,
    spec,
    conditions: compileConditions(spec.matchConditions, hasParams),
    variables,
    validations: (spec.validations ?? []).map(({ expression, messageExpression = '' }) => {
      const program = compileExpression(expression, scope, [types.bool]);
      if (messageExpression.trim() === '') return { program };
      const narrow = { ...scope, hasAuthorizer: false };
      return { program, message: compileExpression(messageExpression, narrow, [types.string]) };
    }),
    annotations: (spec.auditAnnotations ?? []).map(({ key, valueExpression }) => ({
      key,
      program: compileExpression(valueExpression.trim(), scope, [types.string, types.null]),
    })),
  };
}

/** A policy that is compiled when it is first evaluated on the event loop, unless it is too long for that. */
export class PolicySource {
  readonly policy: Pick<ValidatingAdmissionPolicy, 'metadata' | 'spec'>;
  #compiled: CompiledPolicy | undefined;
  #text: string | undefined;

  constructor(policy: Pick<ValidatingAdmissionPolicy, 'metadata' | 'spec'>) {
    this.policy = policy;
  }

  get name(): string {
    return this.policy.metadata.name;
  }

  get spec(): Spec {
    return this.policy.spec ?? {};
  }

  /**
   * Compiles it, once.
   * @param effort takes the length of its expressions; unset: whatever it is
   * @throws EffortError
   */
  compiled(effort?: Effort): CompiledPolicy {
    if (this.#compiled === undefined) {
      if (effort !== undefined) takeEffort(effort, expressionLength(this.spec));
      this.#compiled = compilePolicy(this.policy);
    }
    return this.#compiled;
  }

  /** Its JSON, by which another thread compiles it. */
  get text(): string {
    const { metadata, spec } = this.policy;
    return (this.#text ??= formatJson({ metadata: { name: metadata.name }, spec }));
  }
}

/** Something that does not hold, or could not be told. */
export interface Denial {
  /** The position of the expression in the policy. */
  readonly index: number;
  readonly message: string;
  readonly reason: string;
}

/** The outcome of one evaluation. */
export interface Verdict {
  readonly denials: readonly Denial[];
  readonly annotations: readonly { readonly key: string; readonly value: string }[];
  /** Errors of annotations, which deny the request whatever the binding's actions are. */
  readonly annotationErrors: readonly string[];
  /** False when the policy's conditions leave it out. */
  readonly isMeant: boolean;
}

const nothing: Verdict = { denials: [], annotations: [], annotationErrors: [], isMeant: false };

/**
 * Evaluates a policy.
 * @param read the values of the request and the parameters
 * @param effort bounds what is done on the event loop; unset: as much as the budgets allow
 * @throws EffortError
 */
export function evaluatePolicy(
  policy: CompiledPolicy,
  read: (name: string) => Value | undefined,
  effort?: Effort,
): Verdict {
  return new Evaluation(policy, read, effort).run();
}

/** Ends an evaluation whose budget is used up. */
class OutOfBudget extends Error {}

class Evaluation {
  readonly #policy: CompiledPolicy;
  readonly #read: (name: string) => Value | undefined;
  readonly #variables: PolicyVariables;
  readonly #effort: Effort | undefined;
  #budget = objectCostBudget;

  constructor(
    policy: CompiledPolicy,
    read: (name: string) => Value | undefined,
    effort: Effort | undefined,
  ) {
    this.#policy = policy;
    this.#effort = effort;
    this.#variables = new PolicyVariables(policy.variables, (program) => this.#evaluate(program));
    this.#read = (name) => (name === 'variables' ? this.#variables : read(name));
  }

  get #ignores(): boolean {
    return this.#policy.spec.failurePolicy === 'Ignore';
  }

  run(): Verdict {
    const { conditions } = this.#policy;
    const holds = conditionsHold(conditions, this.#read, this.#effort);
    if (holds instanceof Error) return this.#failed(holds.message);
    if (!holds) return nothing;
    try {
      const denials = this.#validations();
      return { denials, ...this.#annotations(), isMeant: true };
    } catch (error) {
      if (!(error instanceof OutOfBudget)) throw error;
      return this.#failed(error.message);
    }
  }

  #failed(message: string): Verdict {
    if (this.#ignores) return nothing;
    return { ...nothing, denials: [{ index: 0, message, reason: '' }] };
  }

  /** @throws CelError, OutOfBudget */
  #evaluate(program: Program): Value {
    const outcome = program.run(this.#read, perCallCostLimit, this.#effort);
    this.#budget -= outcome.cost;
    if (this.#budget < 0) throw new OutOfBudget(outOfBudget);
    if (outcome.error !== undefined) throw new CelError(outcome.error.message);
    return outcome.value;
  }

  /** @returns an Error in Kubernetes' words */
  #value(expression: string, program: Compiled): Value | Error {
    if (typeof program === 'string') return new Error(`compilation error: ${program}`);
    try {
      return this.#evaluate(program);
    } catch (error) {
      if (!(error instanceof CelError)) throw error;
      return new Error(`expression '${expression}' resulted in error: ${error.message}`);
    }
  }

  #validations(): Denial[] {
    const denials: Denial[] = [];
    (this.#policy.spec.validations ?? []).forEach((validation, index) => {
      const compiled = this.#policy.validations[index];
      if (compiled === undefined) return;
      const value = this.#value(validation.expression, compiled.program);
      if (value instanceof Error) {
        if (!this.#ignores) denials.push({ index, message: value.message, reason: '' });
      } else if (value !== true) {
        const { message = '', expression, reason = 'Invalid' } = validation;
        const text =
          this.#message(compiled.message) ??
          (message.trim() === '' ? `failed expression: ${expression.trim()}` : message.trim());
        denials.push({ index, message: text, reason });
      }
    });
    return denials;
  }

  #message(program: Compiled | undefined): string | undefined {
    if (program === undefined || typeof program === 'string') return undefined;
    const value = this.#value('', program);
    if (typeof value !== 'string') return undefined;
    const text = value.trim();
    const isFine = text !== '' && !text.includes('\n');
    return isFine && Buffer.byteLength(text) <= maxMessageBytes ? text : undefined;
  }

  #annotations(): Pick<Verdict, 'annotations' | 'annotationErrors'> {
    const annotations: { key: string; value: string }[] = [];
    const annotationErrors: string[] = [];
    (this.#policy.spec.auditAnnotations ?? []).forEach(({ valueExpression }, index) => {
      const compiled = this.#policy.annotations[index];
      if (compiled === undefined) return;
      const value = this.#value(valueExpression, compiled.program);
      if (value instanceof Error) {
        if (!this.#ignores) annotationErrors.push(value.message);
      } else if (typeof value === 'string' && value.trim() !== '') {
        annotations.push({ key: compiled.key, value: value.trim() });
      }
    });
    return { annotations, annotationErrors };
  }
}

/** The variables of a policy: each is evaluated when it is first used, and once. */
class PolicyVariables extends MapValue {
  override readonly typeName = 'kubernetes.variables';
  readonly #programs: ReadonlyMap<string, Compiled>;
  readonly #evaluate: (program: Program) => Value;
  readonly #known = new Map<string, Value | CelError>();

  constructor(programs: ReadonlyMap<string, Compiled>, evaluate: (program: Program) => Value) {
    super();
    this.#programs = programs;
    this.#evaluate = evaluate;
  }

  override get size(): number {
    return this.#programs.size;
  }

  keys(): Iterable<Value> {
    return this.#programs.keys();
  }

  get(key: Value): Value | undefined {
    if (typeof key !== 'string') return undefined;
    const program = this.#programs.get(key);
    if (program === undefined) return undefined;
    let value = this.#known.get(key);
    if (value === undefined) {
      value = this.#compute(key, program);
      this.#known.set(key, value);
    }
    if (value instanceof CelError) throw value;
    return value;
  }

  #compute(name: string, program: Compiled): Value | CelError {
    const quoted = JSON.stringify(name);
    if (typeof program === 'string') {
      return new CelError(`composited variable ${quoted} fails to compile: ${program}`);
    }
    try {
      return this.#evaluate(program);
    } catch (error) {
      if (!(error instanceof CelError)) throw error;
      return new CelError(`composited variable ${quoted} fails to evaluate: ${error.message}`);
    }
  }
}
