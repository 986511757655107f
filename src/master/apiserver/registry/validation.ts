/** Validates objects; rules that would keep the event loop are evaluated beside it. */
import { EffortError, takeEffort } from '../../../api/cel/effort.js';
import type { Effort } from '../../../api/cel/effort.js';
import type { FieldError } from '../../../api/field-error.js';
import type { KindDeclaration } from '../../../api/kind.js';
import type { KubeObject } from '../../../api/object.js';
import type { RequestContext } from './types.js';

/** The outcome of a kind's own validation. */
export interface RuleOutcome {
  readonly errors: readonly FieldError[];
  readonly warnings: readonly string[];
}

/** An object to be validated: of a custom kind by the rules of its definition, of another one as that kind does. */
export interface RuleSubject {
  readonly kind: Pick<KindDeclaration, 'definedBy' | 'group' | 'plural' | 'version'>;
  readonly object: KubeObject;
  readonly old: KubeObject | undefined;
}

/** Evaluates and compiles expressions in their turns, and beside the event loop. */
export interface RuleTurns {
  /**
   * Does a piece of work in a turn of the event loop that has room for it, with what it may take.
   * @throws EffortError when that is not enough
   */
  inTurn<T>(work: (effort: Effort) => T): Promise<T>;
  /** Validates beside the event loop. @throws StatusError 429, 504 */
  validate(user: string, subject: RuleSubject): Promise<RuleOutcome>;
}

/** One validation of an object; it is done anew when rules turn out to take long. */
export interface Check {
  readonly context: RequestContext;
  readonly object: KubeObject;
  readonly old: KubeObject | undefined;
  errors(kind: KindDeclaration, effort: Effort | undefined): FieldError[];
}

/**
 * Returns what is wrong with an object.
 * @param rules unset: everything is evaluated at once, however long it takes
 * @throws StatusError 429, 504
 */
export function errorsOf(
  check: Check,
  rules: RuleTurns | undefined,
): FieldError[] | Promise<FieldError[]> {
  const { kind } = check.context.target;
  const compiles = kind.expressionLength !== undefined;
  if (rules === undefined || (kind.definedBy === undefined && !compiles)) {
    return check.errors(kind, undefined);
  }
  return errorsInTurn(check, rules);
}

async function errorsInTurn(check: Check, rules: RuleTurns): Promise<FieldError[]> {
  const { context, object, old } = check;
  const { kind } = context.target;
  const noted = context.warnings.length;
  try {
    return await rules.inTurn((effort) => {
      if (kind.expressionLength !== undefined) takeEffort(effort, kind.expressionLength(object));
      return check.errors(kind, effort);
    });
  } catch (error) {
    if (!(error instanceof EffortError)) throw error;
  }
  context.warnings.length = noted;
  const outcome = await rules.validate(context.user.name, { kind, object, old });
  const answered: KindDeclaration = {
    ...kind,
    validate: () => {
      context.warnings.push(...outcome.warnings);
      return outcome.errors;
    },
  };
  return check.errors(answered, undefined);
}
