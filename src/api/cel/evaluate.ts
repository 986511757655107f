/** Evaluates checked expressions; counts cost as cel-go's cost tracker does, and stops at the limit. */
import { assertNever } from '../../lib/assert.js';
import type { CallExpr, ComprehensionExpr, Expr, Literal, SelectExpr } from './ast.js';
import type { Checked, Resolution } from './checker.js';
import type { Effort } from './effort.js';
import { takeEffort } from './effort.js';
import { CelError, CostLimitError, noSuchOverload } from './errors.js';
import type { Overload } from './functions.js';
import { perCallWorkLimit } from './limits.js';
import { entriesOf, insertEntry } from './folds.js';
import { callCost } from './runtime-cost.js';
import type { Value, Work } from './value.js';
import {
  ArrayList,
  displayValue,
  EntryMap,
  equal,
  hasType,
  ListValue,
  MapValue,
  OptionalValue,
  TypeValue,
  typeNameOf,
  Uint,
} from './value.js';

/** Reads a variable; undefined when it has no value. */
export type Activation = (name: string) => Value | undefined;

/** What an evaluation took: cost as cel-go counts it, and the work that bounds the time (`limits.ts`). */
interface Spent {
  readonly cost: number;
  readonly work: number;
}

/** The outcome of one evaluation: a value or an error, and what it took. */
export type Outcome = Spent &
  (
    | { readonly value: Value; readonly error?: undefined }
    | { readonly error: CelError | CostLimitError }
  );

/**
 * Evaluates an expression within a limit of cost. Never throws for what the expression or its data do.
 * @param effort unset: as much as the cost allows
 * @throws EffortError when the effort is used up
 */
export function evaluate(
  checked: Checked,
  activation: Activation,
  { costLimit, effort = { left: Number.POSITIVE_INFINITY } }: EvaluationOptions,
): Outcome {
  const run = new Evaluation(checked, activation, costLimit, effort);
  try {
    const value = run.eval(checked.expr, undefined);
    return { value, ...run.spent };
  } catch (error) {
    if (!(error instanceof CelError) && !(error instanceof CostLimitError)) throw error;
    return { error, ...run.spent };
  }
}

/** What one evaluation may take. */
interface EvaluationOptions {
  readonly costLimit: number;
  readonly effort?: Effort | undefined;
}

/** Local variables, the innermost first. */
interface Scope {
  readonly name: string;
  value: Value;
  /** What the value of a quantifier so far failed with; a later item may still decide. */
  error?: CelError | undefined;
  readonly outer: Scope | undefined;
}

function literalValue({ type, value }: Literal): Value {
  return type === 'uint' ? new Uint(value) : value;
}

class Evaluation implements Work {
  #cost = 0;
  #workLeft = perCallWorkLimit;
  readonly #checked: Checked;
  readonly #activation: Activation;
  readonly #limit: number;
  readonly #effort: Effort;

  constructor(checked: Checked, activation: Activation, limit: number, effort: Effort) {
    this.#checked = checked;
    this.#activation = activation;
    this.#limit = limit;
    this.#effort = effort;
  }

  get spent(): Spent {
    return { cost: this.#cost, work: perCallWorkLimit - this.#workLeft };
  }

  spend(amount: number): void {
    this.#workLeft -= amount;
    if (this.#workLeft < 0) throw new CostLimitError();
    this.#take(amount);
  }

  /** What variables of the activation take is taken from the same effort. */
  #take(amount: number): void {
    takeEffort(this.#effort, amount);
  }

  #charge(amount: number): void {
    this.#cost += amount;
    if (this.#cost > this.#limit) throw new CostLimitError();
    this.#take(amount);
  }

  eval(expr: Expr, scope: Scope | undefined): Value {
    this.spend(1);
    switch (expr.kind) {
      case 'literal':
        return literalValue(expr.literal);
      case 'ident':
        return this.#name(expr.name, expr, scope);
      case 'select':
        return this.#select(expr, scope);
      case 'call':
        return this.#call(expr, scope);
      case 'list':
        return this.#list(expr, scope);
      case 'map':
        return this.#map(expr, scope);
      case 'struct':
        throw new CelError(`unknown type '${expr.typeName}'`);
      case 'comprehension':
        return this.#fold(expr, scope);
      default:
        return assertNever(expr);
    }
  }

  #name(written: string, expr: Expr, scope: Scope | undefined): Value {
    this.#charge(1);
    if (!written.startsWith('.')) {
      for (let local = scope; local !== undefined; local = local.outer) {
        if (local.name !== written) continue;
        if (local.error !== undefined) throw local.error;
        return local.value;
      }
    }
    const name = this.#checked.names.get(expr) ?? written;
    const value = this.#activation(name);
    if (value !== undefined) return value;
    if (this.#checked.types.get(expr)?.kind === 'type') {
      return new TypeValue(this.#checked.types.get(expr)?.params[0]?.name ?? name);
    }
    throw new CelError(`no such attribute(s): ${name}`);
  }

  #select(expr: SelectExpr, scope: Scope | undefined): Value {
    if (this.#checked.names.has(expr)) return this.#name('.', expr, scope);
    const operand = this.eval(expr.operand, scope);
    if (expr.testOnly) {
      const target = operand instanceof OptionalValue ? operand.value : operand;
      return target !== undefined && this.#field(target, expr.field) !== undefined;
    }
    this.#charge(1);
    if (operand instanceof OptionalValue) return this.#selectOptional(operand.value, expr.field);
    const value = this.#field(operand, expr.field);
    if (value === undefined) throw new CelError(`no such key: ${expr.field}`);
    return value;
  }

  #selectOptional(operand: Value | undefined, field: string): OptionalValue {
    if (operand === undefined) return OptionalValue.none;
    const value = this.#field(operand, field);
    return value === undefined ? OptionalValue.none : new OptionalValue(value);
  }

  #field(operand: Value, field: string): Value | undefined {
    if (operand instanceof MapValue) return operand.get(field);
    throw noSuchOverload();
  }

  #call(expr: CallExpr, scope: Scope | undefined): Value {
    const { fn, args, target } = expr;
    const [a, b, c] = args;
    if (a !== undefined && b !== undefined) {
      if (fn === '_&&_' || fn === '_||_') return this.#logical(a, b, fn === '_||_', scope);
      if (fn === '_?_:_' && c !== undefined) return this.#conditional(a, b, c, scope);
      if (fn === '_?._') {
        const operand = this.eval(a, scope);
        this.#charge(1);
        const field = b.kind === 'literal' ? String(b.literal.value) : '';
        const inner = operand instanceof OptionalValue ? operand.value : operand;
        return this.#selectOptional(inner, field);
      }
    }
    if (fn === '@not_strictly_false' && a !== undefined) return this.#notFalse(a, scope);
    const resolution = this.#checked.calls.get(expr);
    const isMethod = target !== undefined && resolution?.isNamespaced !== true;
    if (isMethod && a !== undefined && (fn === 'or' || fn === 'orValue')) {
      const value = this.eval(target, scope);
      if (value instanceof OptionalValue) return this.#orElse(value, fn, a, scope);
    }
    const values = isMethod ? [this.eval(target, scope)] : [];
    for (const arg of args) values.push(this.eval(arg, scope));
    const name = resolution?.isNamespaced === true ? '' : fn;
    return this.#apply(name, values, resolution);
  }

  #apply(fn: string, values: readonly Value[], resolution: Resolution | undefined): Value {
    const [a = null, b = null] = values;
    switch (fn) {
      case '_==_':
      case '_!=_':
        this.#charge(callCost('equals', fn, values));
        return equal(a, b, this) === (fn === '_==_');
      case '_[_]':
        this.#charge(1);
        return this.#index(a, b);
      case '_[?_]':
        this.#charge(1);
        return this.#optionalIndex(a, b);
      case '@in':
        return this.#contains(a, b);
      default: {
        const overload = this.#choose(fn, values, resolution);
        this.#charge(callCost(overload.id, fn, values));
        if (overload.run === undefined) throw noSuchOverload();
        return overload.run(values, this);
      }
    }
  }

  #choose(fn: string, values: readonly Value[], resolution: Resolution | undefined): Overload {
    const found = resolution?.overloads.find(({ params }) =>
      params.every((type, index) => hasType(values[index] ?? null, type)),
    );
    if (found === undefined) throw noSuchOverload(fn, values.map(typeNameOf));
    return found;
  }

  #truth(expr: Expr, scope: Scope | undefined): boolean | CelError {
    try {
      const value = this.eval(expr, scope);
      return typeof value === 'boolean' ? value : noSuchOverload();
    } catch (error) {
      if (error instanceof CelError) return error;
      throw error;
    }
  }

  /** Either side decides alone, whatever the other one does. */
  #logical(a: Expr, b: Expr, decides: boolean, scope: Scope | undefined): boolean {
    const left = this.#truth(a, scope);
    if (left === decides) return decides;
    const right = this.#truth(b, scope);
    if (right === decides) return decides;
    if (left instanceof CelError) throw left;
    if (right instanceof CelError) throw right;
    return !decides;
  }

  #notFalse(expr: Expr, scope: Scope | undefined): boolean {
    const value = this.#truth(expr, scope);
    this.#charge(1);
    return value !== false;
  }

  #conditional(condition: Expr, yes: Expr, no: Expr, scope: Scope | undefined): Value {
    const value = this.eval(condition, scope);
    if (typeof value !== 'boolean') throw noSuchOverload();
    return this.eval(value ? yes : no, scope);
  }

  #orElse(
    { value }: OptionalValue,
    fn: 'or' | 'orValue',
    other: Expr,
    scope: Scope | undefined,
  ): Value {
    if (value !== undefined) return fn === 'orValue' ? value : new OptionalValue(value);
    return this.eval(other, scope);
  }

  #index(operand: Value, key: Value): Value {
    if (operand instanceof OptionalValue) return this.#optionalIndex(operand, key);
    const value = this.#lookup(operand, key);
    if (value !== undefined) return value;
    throw new CelError(
      operand instanceof ListValue
        ? `index out of bounds: ${displayValue(key)}`
        : `no such key: ${displayValue(key)}`,
    );
  }

  #optionalIndex(operand: Value, key: Value): OptionalValue {
    const inner = operand instanceof OptionalValue ? operand.value : operand;
    const value = inner === undefined ? undefined : this.#lookup(inner, key);
    return value === undefined ? OptionalValue.none : new OptionalValue(value);
  }

  #lookup(operand: Value, key: Value): Value | undefined {
    if (operand instanceof MapValue) return operand.get(key);
    if (!(operand instanceof ListValue)) throw noSuchOverload();
    const index = key instanceof Uint ? key.value : key;
    const isIndex =
      typeof index === 'bigint' || (typeof index === 'number' && Number.isInteger(index));
    if (!isIndex) {
      throw new CelError(`unsupported index type '${typeNameOf(key)}' in list`);
    }
    if (index < 0 || index >= operand.length) return undefined;
    return operand.at(Number(index));
  }

  #contains(item: Value, container: Value): boolean {
    if (container instanceof MapValue) {
      this.#charge(1);
      return container.get(item) !== undefined;
    }
    if (!(container instanceof ListValue)) {
      throw noSuchOverload('@in', [item, container].map(typeNameOf));
    }
    this.#charge(container.length);
    for (const element of container) if (equal(item, element, this)) return true;
    return false;
  }

  #list(expr: Expr & { readonly kind: 'list' }, scope: Scope | undefined): Value {
    const items: Value[] = [];
    expr.elements.forEach((element, index) => {
      const value = this.eval(element, scope);
      if (!expr.optional.has(index)) items.push(value);
      else if (!(value instanceof OptionalValue)) {
        throw new CelError(`cannot initialize optional list element from non-optional value`);
      } else if (value.value !== undefined) items.push(value.value);
    });
    this.#charge(10);
    return new ArrayList(items);
  }

  #map(expr: Expr & { readonly kind: 'map' }, scope: Scope | undefined): Value {
    const map = new EntryMap();
    for (const entry of expr.entries) {
      const key = this.eval(entry.key, scope);
      let value: Value | undefined = this.eval(entry.value, scope);
      if (entry.optional) {
        if (!(value instanceof OptionalValue)) {
          throw new CelError('cannot initialize optional entry from non-optional value');
        }
        value = value.value;
      }
      if (value === undefined) continue;
      if (!map.add(key, value)) {
        throw new CelError(`Failed with repeated key: ${displayValue(key)}`);
      }
    }
    this.#charge(30);
    return map;
  }

  #fold(expr: ComprehensionExpr, outer: Scope | undefined): Value {
    const range = this.eval(expr.range, outer);
    const accu: Scope = { name: expr.accuVar, value: this.eval(expr.accuInit, outer), outer };
    for (const [first, second] of entriesOf(range, expr.iterVar2 !== undefined)) {
      const one: Scope = { name: expr.iterVar, value: first, outer: accu };
      const scope: Scope =
        expr.iterVar2 === undefined ? one : { name: expr.iterVar2, value: second, outer: one };
      if (this.eval(expr.condition, scope) !== true) break;
      if (typeof accu.value === 'boolean') this.#quantify(expr.step, accu, scope);
      else accu.value = this.#step(expr.step, accu, scope);
    }
    return this.eval(expr.result, accu);
  }

  /** One step of `all` or `exists`, which go on after an error. */
  #quantify(step: Expr, accu: Scope, scope: Scope): void {
    try {
      accu.value = this.eval(step, scope);
      accu.error = undefined;
    } catch (error) {
      if (!(error instanceof CelError)) throw error;
      accu.error = error;
    }
  }

  /** One step of a fold; what a list or map gathers is added in place, since nobody else sees the accumulator. */
  #step(step: Expr, accu: Scope, scope: Scope): Value {
    if (step.kind === 'call' && step.fn === '_?_:_') {
      const [condition, yes, no] = step.args;
      if (condition !== undefined && yes !== undefined && no !== undefined) {
        const value = this.eval(condition, scope);
        if (typeof value !== 'boolean') throw noSuchOverload();
        return this.#step(value ? yes : no, accu, scope);
      }
    }
    if (step.kind !== 'call') return this.eval(step, scope);
    const [left, ...rest] = step.args;
    if (left?.kind !== 'ident' || left.name !== accu.name || !accu.name.startsWith('@')) {
      return this.eval(step, scope);
    }
    if (step.fn === '_+_' && accu.value instanceof ArrayList && rest[0]?.kind === 'list') {
      this.#charge(1 + 10 + 1);
      for (const element of rest[0].elements) accu.value.push(this.eval(element, scope));
      return accu.value;
    }
    if (step.fn === 'cel.@mapInsert' && accu.value instanceof EntryMap) {
      const values = rest.map((arg) => this.eval(arg, scope));
      this.#charge(2);
      insertEntry(accu.value, values);
      return accu.value;
    }
    return this.eval(step, scope);
  }
}
