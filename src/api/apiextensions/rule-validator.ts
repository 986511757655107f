/** Holds custom objects against the rules of their schema (apiextensions `schema/cel/validation.go`). */
import type { Outcome } from '../cel/evaluate.js';
import type { Effort } from '../cel/effort.js';
import { CostLimitError } from '../cel/errors.js';
import { declType, withObjectMeta } from '../cel/kube/decl-type.js';
import { itemKey, typedValue } from '../cel/kube/data.js';
import {
  maxMessageBytes,
  objectCostBudget,
  objectWorkBudget,
  perCallCostLimit,
} from '../cel/limits.js';
import type { Value } from '../cel/value.js';
import { OptionalValue } from '../cel/value.js';
import {
  at,
  child,
  duplicate,
  forbidden,
  formatFieldError,
  invalid,
  required,
} from '../field-error.js';
import type { FieldError, FieldPath } from '../field-error.js';
import { isJsonObject } from '../object.js';
import { fieldPathOf } from './rule-path.js';
import type { CompiledRule, ValidationRule } from './rule.js';
import { nodeOf } from './rule-nodes.js';
import type { RuleNode } from './rule-nodes.js';
import type { JsonSchema } from './structural.js';
import { Unchanged } from './unchanged.js';

/** A value beside the one that it replaces. `pair` is what equality goes by; unset where none can be found. */
interface Place {
  readonly path: FieldPath;
  readonly value: unknown;
  readonly old: unknown;
  readonly pair: Pair | undefined;
  readonly nearestPair: Pair | undefined;
}

/** A value and its old one. */
interface Pair {
  readonly value: unknown;
  readonly old: unknown;
}

/** The cost and work that rules may still take: those of one object, or of all defaults of one schema. */
export class RuleBudget {
  cost = objectCostBudget;
  work = objectWorkBudget;
}

/** Most errors of one object that are looked for. */
const maxErrors = 1_000;

/** The rules of a kind; each is compiled when it is first run. */
export class RuleValidator {
  readonly #schema: JsonSchema;
  #root: RuleNode | undefined;

  constructor(schema: JsonSchema) {
    this.#schema = schema;
  }

  /**
   * Validates an object, which its schema accepts.
   * @param warnings takes the errors of parts that have not changed
   * @param effort bounds what is done on the event loop; unset: as much as the budget allows
   * @throws EffortError
   */
  validate(
    object: object,
    old: object | undefined,
    warnings: string[],
    effort?: Effort,
  ): FieldError[] {
    const schema = withObjectMeta(this.#schema);
    this.#root ??= nodeOf(schema, schema, declType(schema, true, 'selfType'));
    if (this.#root === undefined) return [];
    const run = new RuleRun(warnings, new RuleBudget(), effort);
    const pair = old === undefined ? undefined : { value: object, old };
    run.visit(this.#root, { path: '', value: object, old, pair, nearestPair: undefined });
    return run.errors;
  }
}

/**
 * Holds the default of a schema, which the schema accepts, against its rules: as a value that stays, and as a new one.
 * @param path of the default @param budget is taken from @throws EffortError
 */
export function defaultErrors(
  schema: JsonSchema,
  path: FieldPath,
  budget: RuleBudget,
  effort: Effort | undefined,
): FieldError[] {
  if (budget.cost < 0) return [];
  const isRoot = schema['x-kubernetes-embedded-resource'] === true;
  const root = nodeOf(schema, schema, declType(schema, isRoot, 'selfType'));
  if (root === undefined) return [];
  const value = schema['default'];
  for (const old of [value, undefined]) {
    const run = new RuleRun([], budget, effort);
    run.visit(root, { path, value, old, pair: undefined, nearestPair: undefined });
    if (run.errors.length > 0) return run.errors;
  }
  return [];
}

class RuleRun {
  readonly errors: FieldError[] = [];
  readonly #warnings: string[];
  readonly #effort: Effort | undefined;
  readonly #unchanged = new Unchanged();
  readonly #budget: RuleBudget;

  constructor(warnings: string[], budget: RuleBudget, effort: Effort | undefined) {
    this.#warnings = warnings;
    this.#budget = budget;
    this.#effort = effort;
  }

  get #isOver(): boolean {
    return this.#budget.cost < 0 || this.errors.length >= maxErrors;
  }

  visit(node: RuleNode, place: Place): void {
    if (place.value === null || place.value === undefined || this.#isOver) return;
    if (node.rules.length > 0) this.#runRules(node, place);
    for (const branch of node.allOf) {
      // Errors of branches are not let pass for having been there before, as schemas have it.
      this.visit(branch, { ...place, pair: undefined });
    }
    if (Array.isArray(place.value)) this.#visitItems(node, place, place.value);
    else if (isJsonObject(place.value)) this.#visitFields(node, place, place.value);
  }

  #visitFields(node: RuleNode, place: Place, value: Readonly<Record<string, unknown>>): void {
    if (node.properties.size === 0 && node.additional === undefined) return;
    const old = isJsonObject(place.old) ? place.old : {};
    const pairOld = isJsonObject(place.pair?.old) ? place.pair.old : undefined;
    for (const [name, item] of Object.entries(value)) {
      const next = node.properties.get(name) ?? node.additional;
      if (next === undefined) continue;
      const isProperty = node.properties.has(name);
      const before = Object.hasOwn(old, name) ? old[name] : undefined;
      const isPaired = pairOld !== undefined && Object.hasOwn(pairOld, name);
      this.visit(next, {
        path: isProperty ? child(place.path, name) : at(place.path, name),
        value: item,
        old: before,
        pair: isPaired ? { value: item, old: pairOld[name] } : undefined,
        nearestPair: place.pair ?? place.nearestPair,
      });
      if (this.#isOver) return;
    }
  }

  #visitItems({ schema, items }: RuleNode, place: Place, value: readonly unknown[]): void {
    if (items === undefined) return;
    // Only the items of maps can be told from others after an update.
    const isMap = schema['x-kubernetes-list-type'] === 'map';
    const old = isMap && Array.isArray(place.old) ? (place.old as unknown[]) : [];
    const before = new Map(old.map((item) => [itemKey(item, schema), item] as const));
    value.forEach((item, index) => {
      if (this.#isOver) return;
      const match = isMap ? before.get(itemKey(item, schema)) : undefined;
      const isPaired = place.pair !== undefined && match !== undefined;
      this.visit(items, {
        path: at(place.path, index),
        value: item,
        old: match,
        pair: isPaired ? { value: item, old: match } : undefined,
        nearestPair: place.pair ?? place.nearestPair,
      });
    });
  }

  #runRules({ rules, schema }: RuleNode, place: Place): void {
    const type = typeOf(schema);
    const hasOld = place.old !== undefined && place.old !== null;
    let self: Value | undefined;
    let oldSelf: Value | undefined;
    for (const lazy of rules) {
      if (this.#isOver) return;
      // The check of the definition refuses it.
      if ((lazy.source.rule ?? '').trim() === '') continue;
      const rule = lazy.compiled(this.#effort);
      if (rule.error !== undefined) {
        this.#add(place, invalid(where(place.path), type, `rule compile error: ${rule.error}`));
        continue;
      }
      if (rule.usesOldSelf && !hasOld && rule.source.optionalOldSelf !== true) continue;
      const activation = (name: string): Value | undefined => {
        if (name === 'self') return (self ??= typedValue(place.value, schema));
        if (name !== 'oldSelf') return undefined;
        if (hasOld) oldSelf ??= typedValue(place.old, schema);
        if (rule.source.optionalOldSelf !== true) return oldSelf;
        return hasOld ? new OptionalValue(oldSelf) : OptionalValue.none;
      };
      this.#runRule(rule, activation, place, schema);
    }
  }

  #runRule(
    rule: CompiledRule,
    activation: (name: string) => Value | undefined,
    place: Place,
    schema: JsonSchema,
  ): void {
    const type = typeOf(schema);
    const outcome = rule.program?.run(activation, perCallCostLimit, this.#effort);
    if (outcome === undefined) return;
    const path = where(place.path);
    const name = ruleText(rule.source);
    this.#budget.work -= outcome.work;
    if (outcome.cost > this.#budget.cost || this.#budget.work < 0) {
      this.#budget.cost = -1;
      this.errors.push(invalid(path, type, overBudget));
      return;
    }
    this.#budget.cost -= outcome.cost;
    if (outcome.error !== undefined) {
      const { message } = outcome.error;
      if (outcome.error instanceof CostLimitError) {
        const text =
          `'${message}': no further validation rules will be run ` +
          `due to call cost exceeds limit for rule: ${name}`;
        this.errors.push(invalid(path, type, text));
        this.#budget.cost = -1;
      } else if (message.startsWith('no such overload')) {
        const text =
          `'${message}': call arguments did not match a supported operator, ` +
          `function or macro signature for rule: ${name}`;
        this.errors.push(invalid(path, type, text));
      } else this.errors.push(invalid(path, type, `${message} evaluating rule: ${name}`));
      return;
    }
    if (outcome.value === true) return;
    const error = this.#failure(rule, activation, place, schema);
    if (rule.usesOldSelf) this.errors.push(error);
    else this.#add(place, error);
  }

  /** The error of a rule that came to false. */
  #failure(
    rule: CompiledRule,
    activation: (name: string) => Value | undefined,
    place: Place,
    schema: JsonSchema,
  ): FieldError {
    const { source, message } = rule;
    const type = typeOf(schema);
    const below = fieldPathOf(source.fieldPath ?? '', schema);
    const isBelow = !(below instanceof Error) && below !== '';
    const path = isBelow ? child(place.path, below) : where(place.path);
    let detail: string | undefined;
    if (message !== undefined) {
      const outcome = message.run(activation, perCallCostLimit, this.#effort);
      if (outcome.cost > this.#budget.cost) {
        this.#budget.cost = -1;
        const text =
          'messageExpression evaluation failed due to running out of cost budget, ' +
          'no further validation rules will be run';
        return invalid(path, type, text);
      }
      this.#budget.cost -= outcome.cost;
      if (outcome.error instanceof CostLimitError) {
        this.#budget.cost = -1;
        const text =
          'no further validation rules will be run due to call cost exceeds limit ' +
          `for messageExpression: ${JSON.stringify(source.messageExpression)}`;
        return invalid(path, type, text);
      }
      detail = messageText(outcome);
    }
    return errorFor(source, path, type, detail ?? defaultMessage(source));
  }

  /** An error of a part that is as it was becomes a warning. */
  #add(place: Place, error: FieldError): void {
    const pair = place.pair ?? place.nearestPair;
    if (pair !== undefined && this.#unchanged.has(pair.value, pair.old))
      this.#warnings.push(formatFieldError(error));
    else this.errors.push(error);
  }
}

const overBudget =
  'validation failed due to running out of cost budget, no further validation rules will be run';

/** The type that errors show in place of a value. */
function typeOf({ type }: JsonSchema): string {
  return typeof type === 'string' ? type : '';
}

/** Go writes the path of the object itself so. */
function where(path: FieldPath): FieldPath {
  return path === '' ? '<nil>' : path;
}

function ruleText({ rule, message = '' }: ValidationRule): string {
  return (message === '' ? rule : message).trim();
}

function defaultMessage(rule: ValidationRule): string {
  const { message = '' } = rule;
  return message === '' ? `failed rule: ${ruleText(rule)}` : message.trim();
}

/** The text of a message expression; undefined when it has none that may be shown. */
function messageText(outcome: Outcome): string | undefined {
  if (outcome.error !== undefined || typeof outcome.value !== 'string') return undefined;
  const text = outcome.value.trim();
  const isFine = text !== '' && !text.includes('\n') && Buffer.byteLength(text) <= maxMessageBytes;
  return isFine ? text : undefined;
}

function errorFor(
  { reason }: ValidationRule,
  path: FieldPath,
  type: string,
  detail: string,
): FieldError {
  switch (reason) {
    case 'FieldValueForbidden':
      return forbidden(path, detail);
    case 'FieldValueRequired':
      return required(path, detail);
    case 'FieldValueDuplicate':
      return duplicate(path, type);
    default:
      return invalid(path, type, detail);
  }
}
