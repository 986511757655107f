/**
 * The most that an expression can cost, from its tree and from what is known of the sizes of its data: cel-go's
 * `checker/cost.go` with Kubernetes' estimator. Definitions whose rules may cost too much are refused by it.
 */
import { assertNever } from '../../lib/assert.js';
import type { CallExpr, ComprehensionExpr, Expr } from './ast.js';
import type { Checked } from './checker.js';
import type { Node } from './estimate-calls.js';
import { estimateCall } from './estimate-calls.js';
import type { Range } from './sizes.js';
import { fixed, plus, times, union, unknownSize } from './sizes.js';
import type { CelType } from './types.js';
import { types, unwrapOptional } from './types.js';
import { characters } from './value.js';

/** Returns the most elements that the value at a path may have: `['self', 'items', '@items']`. */
export type SizeOf = (path: readonly string[]) => number | undefined;

/** Returns the range of costs of an expression. */
export function estimateCost(checked: Checked, sizeOf: SizeOf): Range {
  return new Estimator(checked, sizeOf).cost(checked.expr);
}

/** The sizes of a container's keys and values. */
interface EntrySize {
  readonly key: Range;
  readonly value: Range;
}

interface LocalVar {
  readonly path: readonly string[] | undefined;
  readonly size: Range | undefined;
  readonly entry: EntrySize | undefined;
}

const scalars = new Set(['bool', 'double', 'duration', 'int', 'timestamp', 'uint']);

function isScalar(type: CelType): boolean {
  const inner = unwrapOptional(type);
  return scalars.has(type.kind) || (inner !== undefined && isScalar(inner));
}

class Estimator {
  readonly #checked: Checked;
  readonly #sizeOf: SizeOf;
  readonly #paths = new Map<Expr, readonly string[]>();
  readonly #sizes = new Map<Expr, Range>();
  readonly #entries = new Map<Expr, EntrySize>();
  readonly #locals = new Map<string, LocalVar[]>();

  constructor(checked: Checked, sizeOf: SizeOf) {
    this.#checked = checked;
    this.#sizeOf = sizeOf;
  }

  cost(expr: Expr): Range {
    switch (expr.kind) {
      case 'literal':
        return fixed(0);
      case 'ident':
        this.#ident(expr);
        return fixed(1);
      case 'select':
        return this.#select(expr);
      case 'call':
        return this.#call(expr);
      case 'list':
        return this.#list(expr);
      case 'map':
        return this.#map(expr);
      case 'struct':
        return fixed(40);
      case 'comprehension':
        return this.#fold(expr);
      default:
        return assertNever(expr);
    }
  }

  #ident(expr: Expr & { readonly kind: 'ident' }): void {
    const local = this.#local(expr.name);
    const path = local === undefined ? [expr.name.replace(/^\./, '')] : local.path;
    if (path !== undefined) this.#paths.set(expr, path);
  }

  #type(expr: Expr): CelType {
    return this.#checked.types.get(expr) ?? types.dyn;
  }

  #local(name: string): LocalVar | undefined {
    return this.#locals.get(name)?.at(-1);
  }

  #path(expr: Expr): readonly string[] | undefined {
    const local = expr.kind === 'ident' ? this.#local(expr.name) : undefined;
    return local === undefined ? this.#paths.get(expr) : local.path;
  }

  /** A path below one that may be unknown, which Kubernetes then takes for the root's own. */
  #below(expr: Expr, name: string): readonly string[] {
    return [...(this.#path(expr) ?? []), name];
  }

  #select(expr: Expr & { readonly kind: 'select' }): Range {
    const name = this.#checked.names.get(expr);
    if (name !== undefined) {
      this.#paths.set(expr, [name]);
      return fixed(1);
    }
    const sum = this.cost(expr.operand);
    if (expr.testOnly) return sum;
    this.#paths.set(expr, this.#below(expr.operand, expr.field));
    const { kind } = this.#type(expr.operand);
    return kind === 'map' || kind === 'struct' || kind === 'param' ? plus(sum, fixed(1)) : sum;
  }

  /** The size of an expression's value, as far as it is known. */
  #size(expr: Expr): Range | undefined {
    const known = this.#sizes.get(expr) ?? literalSize(expr);
    if (known !== undefined) return known;
    const path = this.#path(expr);
    const most = path === undefined ? undefined : this.#sizeOf(path);
    if (most !== undefined) return { min: 0, max: most };
    if (isScalar(this.#type(expr))) return fixed(1);
    return expr.kind === 'ident' ? this.#local(expr.name)?.size : undefined;
  }

  #entry(expr: Expr): EntrySize | undefined {
    const known = this.#entries.get(expr);
    return known ?? (expr.kind === 'ident' ? this.#local(expr.name)?.entry : undefined);
  }

  #node(expr: Expr): Node {
    return {
      expr,
      type: this.#type(expr),
      size: this.#size(expr),
      items: () => {
        const path = this.#path(expr);
        const most = path === undefined ? undefined : this.#sizeOf([...path, '@items']);
        return most === undefined ? unknownSize : { min: 0, max: most };
      },
    };
  }

  #call(expr: CallExpr): Range {
    const resolution = this.#checked.calls.get(expr);
    const isMethod = expr.target !== undefined && resolution?.isNamespaced !== true;
    const argCosts = expr.args.map((arg) => this.cost(arg));
    if (expr.fn === 'dyn' && expr.args[0] !== undefined) {
      const size = this.#size(expr.args[0]);
      if (size !== undefined) this.#sizes.set(expr, size);
      return plus(fixed(1), argCosts[0] ?? fixed(0));
    }
    const targetCost = isMethod ? this.cost(expr.target) : fixed(0);
    // The field of an optional selection has no overload: it is the checker's own.
    if (expr.fn === '_?._') return plus(sum(argCosts), fixed(1));
    let most: Range | undefined;
    let size: Range | undefined;
    for (const { id } of resolution?.overloads ?? []) {
      const { cost, result } = this.#overload(expr, id, isMethod, argCosts);
      most = most === undefined ? cost : union(most, cost);
      if (result !== undefined) size = size === undefined ? result : union(size, result);
      size = this.#indexed(expr, id) ?? size ?? this.#size(expr);
    }
    if (size !== undefined) this.#sizes.set(expr, size);
    return plus(targetCost, most ?? fixed(0));
  }

  #indexed(expr: CallExpr, id: string): Range | undefined {
    const [container] = expr.args;
    const place = id === 'index_list' ? '@items' : id === 'index_map' ? '@values' : undefined;
    if (place === undefined || container === undefined) return undefined;
    this.#paths.set(expr, this.#below(container, place));
    return this.#entry(container)?.value;
  }

  #overload(
    expr: CallExpr,
    id: string,
    isMethod: boolean,
    argCosts: readonly Range[],
  ): { cost: Range; result?: Range | undefined } {
    const args = expr.args.map((arg) => this.#node(arg));
    const target = isMethod && expr.target !== undefined ? this.#node(expr.target) : undefined;
    const [a = fixed(0), b = fixed(0), c = fixed(0)] = argCosts;
    if (id === 'logical_and' || id === 'logical_or') {
      return { cost: { min: a.min, max: plus(a, b).max } };
    }
    const [, yes, no] = expr.args;
    if (id === 'conditional' && yes !== undefined && no !== undefined) {
      const [one, two] = [this.#entry(yes), this.#entry(no)];
      if (one !== undefined && two !== undefined) this.#entries.set(expr, joinEntries(one, two));
      const result = union(this.#size(yes) ?? unknownSize, this.#size(no) ?? unknownSize);
      return { cost: plus(a, union(b, c)), result };
    }
    if (id === 'add_list') {
      const [one, two] = expr.args.map((arg) => this.#entry(arg));
      if (one !== undefined && two !== undefined) this.#entries.set(expr, joinEntries(one, two));
    }
    const { cost, result } = estimateCall({ fn: expr.fn, id, target, args });
    return { cost: plus(cost, sum(argCosts)), result };
  }

  #list(expr: Expr & { readonly kind: 'list' }): Range {
    let total = fixed(10);
    let item: Range | undefined;
    for (const element of expr.elements) {
      total = plus(total, this.cost(element));
      const size = this.#size(element) ?? unknownSize;
      item = item === undefined ? size : union(item, size);
    }
    this.#entries.set(expr, { key: fixed(1), value: item ?? fixed(0) });
    return total;
  }

  #map(expr: Expr & { readonly kind: 'map' }): Range {
    let total = fixed(30);
    let [key, value]: (Range | undefined)[] = [];
    for (const entry of expr.entries) {
      total = plus(plus(total, this.cost(entry.key)), this.cost(entry.value));
      const [keySize, size] = [entry.key, entry.value].map(
        (part) => this.#size(part) ?? unknownSize,
      );
      key = key === undefined ? keySize : union(key, keySize ?? unknownSize);
      value = value === undefined ? size : union(value, size ?? unknownSize);
    }
    this.#entries.set(expr, { key: key ?? fixed(0), value: value ?? fixed(0) });
    return total;
  }

  #push(name: string, local: LocalVar): void {
    const stack = this.#locals.get(name) ?? [];
    stack.push(local);
    this.#locals.set(name, stack);
  }

  #pop(name: string | undefined): void {
    if (name !== undefined) this.#locals.get(name)?.pop();
  }

  #fold(expr: ComprehensionExpr): Range {
    const { range, accuInit, accuVar, iterVar, iterVar2 } = expr;
    let total = plus(this.cost(range), this.cost(accuInit));
    this.#push(accuVar, {
      path: this.#path(accuInit),
      size: this.#size(accuInit),
      entry: this.#entry(accuInit),
    });
    this.#pushVars(expr);
    const round = plus(this.cost(expr.condition), this.cost(expr.step));
    this.#pop(iterVar);
    this.#pop(iterVar2);
    total = plus(total, this.cost(expr.result));
    this.#pop(accuVar);
    const count = this.#size(range) ?? unknownSize;
    total = plus(total, times(count, round));
    const entry = this.#entry(expr.step);
    if (accuInit.kind === 'literal') this.#sizes.set(expr, this.#size(accuInit) ?? unknownSize);
    else if (!accuVar.startsWith('@'))
      this.#sizes.set(expr, this.#size(expr.result) ?? unknownSize);
    else {
      this.#sizes.set(expr, count);
      if (entry !== undefined) this.#entries.set(expr, entry);
    }
    return total;
  }

  #pushVars({ range, iterVar, iterVar2 }: ComprehensionExpr): void {
    const entry = this.#entry(range);
    const isList = this.#type(range).kind === 'list';
    const key = {
      path: this.#below(range, isList ? '@indices' : '@keys'),
      size: entry?.key,
      entry: undefined,
    };
    const value = {
      path: this.#below(range, isList ? '@items' : '@values'),
      size: entry?.value,
      entry: undefined,
    };
    if (iterVar2 !== undefined) {
      this.#push(iterVar, key);
      this.#push(iterVar2, value);
    } else this.#push(iterVar, isList ? value : key);
  }
}

function joinEntries(a: EntrySize, b: EntrySize): EntrySize {
  return { key: union(a.key, b.key), value: union(a.value, b.value) };
}

function sum(costs: readonly Range[]): Range {
  return costs.reduce(plus, fixed(0));
}

function literalSize(expr: Expr): Range | undefined {
  if (expr.kind === 'list') return fixed(expr.elements.length);
  if (expr.kind === 'map') return fixed(expr.entries.length);
  if (expr.kind !== 'literal') return undefined;
  const { value } = expr.literal;
  if (typeof value === 'string') return fixed(characters(value));
  return fixed(value instanceof Uint8Array ? value.length : 1);
}
