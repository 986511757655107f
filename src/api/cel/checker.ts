/** Checks the types of an expression (cel-go's `checker`): names, fields, overloads, and the words for errors. */
import { assertNever } from '../../lib/assert.js';
import type { CallExpr, ComprehensionExpr, Expr, Literal, SelectExpr } from './ast.js';
import type { Issue } from './errors.js';
import type { FunctionTable, Overload } from './functions.js';
import type { CelType } from './types.js';
import {
  assignable,
  formatType,
  listOf,
  mapOf,
  Mapping,
  mostGeneral,
  optionalOf,
  param,
  substitute,
  typeOf,
  types,
  unwrapOptional,
} from './types.js';

/** What an expression may name. */
export interface CheckEnv {
  readonly variables: ReadonlyMap<string, CelType>;
  readonly functions: FunctionTable;
  /** Names of types, which are values too. */
  readonly typeNames: ReadonlyMap<string, CelType>;
}

/** An overload that a call may run, of those that fit its arguments. */
export interface Resolution {
  readonly overloads: readonly Overload[];
  /** True when the target is no value but the first part of the function's name: `ip.isCanonical`. */
  readonly isNamespaced: boolean;
}

/** An expression whose types agree. */
export interface Checked {
  readonly expr: Expr;
  readonly type: CelType;
  readonly types: ReadonlyMap<Expr, CelType>;
  readonly calls: ReadonlyMap<Expr, Resolution>;
  /** Names that stand for variables or types, for idents and for dotted names. */
  readonly names: ReadonlyMap<Expr, string>;
}

/** Checks an expression; returns what is wrong with it, or its types. */
export function check(expr: Expr, env: CheckEnv): Checked | readonly Issue[] {
  const checker = new Checker(env);
  checker.check(expr);
  return checker.issues.length > 0 ? checker.issues : checker.result(expr);
}

function dottedName(expr: Expr): string | undefined {
  if (expr.kind === 'ident') return expr.name;
  if (expr.kind !== 'select' || expr.testOnly) return undefined;
  const prefix = dottedName(expr.operand);
  return prefix === undefined ? undefined : `${prefix}.${expr.field}`;
}

class Checker {
  readonly issues: Issue[] = [];
  readonly #env: CheckEnv;
  readonly #types = new Map<Expr, CelType>();
  readonly #calls = new Map<Expr, Resolution>();
  readonly #names = new Map<Expr, string>();
  readonly #scopes: Map<string, CelType>[] = [];
  readonly #mapping = new Mapping();
  #freeVars = 0;

  constructor(env: CheckEnv) {
    this.#env = env;
  }

  result(expr: Expr): Checked {
    const final = new Map<Expr, CelType>();
    // Types of nodes share parts: each is looked at once, however deep lists are nested.
    const known = new Map<CelType, CelType>();
    for (const [node, type] of this.#types) {
      let value = known.get(type);
      if (value === undefined) {
        value = this.#final(type, known);
        known.set(type, value);
      }
      final.set(node, value);
    }
    const type = final.get(expr) ?? types.dyn;
    return { expr, type, types: final, calls: this.#calls, names: this.#names };
  }

  /** The type without variables; its parts are looked up among those that are known. */
  #final(type: CelType, known: ReadonlyMap<CelType, CelType>): CelType {
    if (type.params.length === 0 || !type.params.every((one) => known.get(one) === one)) {
      return substitute(this.#mapping, type, true);
    }
    return type;
  }

  check(expr: Expr): CelType {
    const type = this.#typeOf(expr);
    this.#types.set(expr, type);
    return type;
  }

  #typeOf(expr: Expr): CelType {
    switch (expr.kind) {
      case 'literal':
        return literalType(expr.literal);
      case 'ident':
        return this.#ident(expr, expr.name);
      case 'select':
        return this.#select(expr);
      case 'call':
        return this.#call(expr);
      case 'list':
        return this.#list(expr.elements, expr.optional);
      case 'map':
        return this.#map(expr);
      case 'struct':
        this.#report(expr.at, undeclared(expr.typeName));
        return types.error;
      case 'comprehension':
        return this.#fold(expr);
      default:
        return assertNever(expr);
    }
  }

  #report(at: number, message: string): void {
    this.issues.push({ at, message });
  }

  #lookup(name: string): CelType | undefined {
    for (let index = this.#scopes.length - 1; index >= 0; index -= 1) {
      const found = this.#scopes[index]?.get(name);
      if (found !== undefined) return found;
    }
    return this.#global(name);
  }

  #global(name: string): CelType | undefined {
    const variable = this.#env.variables.get(name);
    if (variable !== undefined) return variable;
    const type = this.#env.typeNames.get(name);
    return type === undefined ? undefined : typeOf(type);
  }

  #ident(expr: Expr, name: string): CelType {
    const plain = name.startsWith('.') ? name.slice(1) : name;
    const type = name.startsWith('.') ? this.#global(plain) : this.#lookup(plain);
    if (type === undefined) {
      this.#report(expr.at, undeclared(name));
      return types.error;
    }
    this.#names.set(expr, plain);
    return type;
  }

  #select(expr: SelectExpr): CelType {
    const dotted = dottedName(expr);
    if (dotted !== undefined && this.#isOutside(dotted)) {
      const type = this.#global(dotted.replace(/^\./, ''));
      if (type !== undefined) {
        this.#names.set(expr, dotted.replace(/^\./, ''));
        return type;
      }
    }
    const type = this.#field(expr.at, expr.operand, expr.field, false);
    return expr.testOnly ? types.bool : substitute(this.#mapping, type, false);
  }

  /** True when no local variable hides the first part of a dotted name. */
  #isOutside(dotted: string): boolean {
    const [first = ''] = dotted.split('.');
    return !this.#scopes.some((scope) => scope.has(first));
  }

  #field(at: number, operand: Expr, field: string, makeOptional: boolean): CelType {
    const operandType = substitute(this.#mapping, this.check(operand), false);
    const wrapped = unwrapOptional(operandType);
    const target = wrapped ?? operandType;
    const result = this.#fieldType(at, target, field);
    return wrapped !== undefined || makeOptional ? optionalOf(result) : result;
  }

  #fieldType(at: number, target: CelType, field: string): CelType {
    switch (target.kind) {
      case 'map':
        return target.params[1] ?? types.dyn;
      case 'struct': {
        const type = target.fields?.get(field);
        if (type === undefined) this.#report(at, `undefined field '${field}'`);
        return type ?? types.error;
      }
      case 'param':
        this.#assign([types.dyn], [target]);
        return types.dyn;
      case 'dyn':
      case 'error':
        return types.dyn;
      default:
        this.#report(at, `type '${formatType(target)}' does not support field selection`);
        return types.dyn;
    }
  }

  #call(expr: CallExpr): CelType {
    const { fn, args, target } = expr;
    if (fn === '_?._') {
      const [operand, field] = args;
      if (operand === undefined || field?.kind !== 'literal') return types.error;
      this.check(field);
      const name = String(field.literal.value);
      return substitute(this.#mapping, this.#field(expr.at, operand, name, true), false);
    }
    const argTypes = args.map((arg) => this.check(arg));
    if (target === undefined) {
      const name = fn.replace(/^\./, '');
      return this.#resolve(expr, name, argTypes, { isMethod: false, isNamespaced: false });
    }
    const prefix = dottedName(target);
    const full = prefix === undefined ? undefined : `${prefix}.${fn}`;
    if (full !== undefined && this.#env.functions.has(full.replace(/^\./, ''))) {
      const name = full.replace(/^\./, '');
      return this.#resolve(expr, name, argTypes, { isMethod: false, isNamespaced: true });
    }
    const targetType = this.check(target);
    const all = [targetType, ...argTypes];
    return this.#resolve(expr, fn, all, { isMethod: true, isNamespaced: false });
  }

  #resolve(
    expr: CallExpr,
    name: string,
    argTypes: readonly CelType[],
    style: { readonly isMethod: boolean; readonly isNamespaced: boolean },
  ): CelType {
    const declared = this.#env.functions.get(name);
    if (declared === undefined) {
      this.#report(expr.at, undeclared(name));
      return types.error;
    }
    if (name === '_&&_' || name === '_||_') return this.#logical(expr, argTypes, declared);
    const found: Overload[] = [];
    let result: CelType | undefined;
    for (const overload of declared) {
      if (overload.isMethod !== style.isMethod) continue;
      const instance = this.#instance(overload);
      if (!this.#assign(argTypes, instance.params)) continue;
      found.push(overload);
      const type = substitute(this.#mapping, instance.result, false);
      if (result === undefined) result = type;
      else if (result.kind !== 'dyn' && formatType(result) !== formatType(type)) result = types.dyn;
    }
    if (result === undefined) {
      const shown = argTypes.map((type) => formatType(substitute(this.#mapping, type, true)));
      const [first = '', ...rest] = shown;
      const list = style.isMethod ? `${first}.(${rest.join(', ')})` : `(${shown.join(', ')})`;
      this.#report(expr.at, `found no matching overload for '${name}' applied to '${list}'`);
      return types.error;
    }
    this.#calls.set(expr, { overloads: found, isNamespaced: style.isNamespaced });
    return result;
  }

  #logical(expr: CallExpr, argTypes: readonly CelType[], overloads: readonly Overload[]): CelType {
    let isWrong = false;
    argTypes.forEach((type, index) => {
      if (this.#assign([type], [types.bool])) return;
      isWrong = true;
      const found = formatType(substitute(this.#mapping, type, true));
      const at = expr.args[index]?.at ?? expr.at;
      this.#report(at, `expected type 'bool' but found '${found}'`);
    });
    if (isWrong) return types.error;
    this.#calls.set(expr, { overloads, isNamespaced: false });
    return types.bool;
  }

  /** An overload with type variables of its own. */
  #instance({ params, result }: Overload): { params: readonly CelType[]; result: CelType } {
    const fresh = new Map<string, CelType>();
    const rename = (type: CelType): CelType => {
      if (type.kind === 'param') {
        let own = fresh.get(type.name);
        if (own === undefined) {
          own = this.#newVar();
          fresh.set(type.name, own);
        }
        return own;
      }
      return type.params.length === 0 ? type : { ...type, params: type.params.map(rename) };
    };
    return { params: params.map(rename), result: rename(result) };
  }

  #newVar(): CelType {
    this.#freeVars += 1;
    return param(`_var${this.#freeVars - 1}`);
  }

  #assign(given: readonly CelType[], wanted: readonly CelType[]): boolean {
    return assignable(this.#mapping, given, wanted);
  }

  #join(at: number, previous: CelType | undefined, current: CelType): CelType {
    if (previous === undefined) return current;
    if (this.#assign([previous], [current])) return mostGeneral(previous, current);
    this.#mismatch(at, previous, current);
    return types.error;
  }

  #mismatch(at: number, wanted: CelType, found: CelType): void {
    const [a, b] = [wanted, found].map((type) => formatType(substitute(this.#mapping, type, true)));
    this.#report(at, `expected type '${a}' but found '${b}'`);
  }

  /** The type of an element that is left out when it is an empty optional. */
  #unwrapped(expr: Expr, type: CelType, isOptional: boolean): CelType {
    if (!isOptional) return type;
    const inner = unwrapOptional(type);
    if (inner === undefined && type.kind !== 'dyn') {
      this.#mismatch(expr.at, optionalOf(type), type);
    }
    return inner ?? type;
  }

  #list(elements: readonly Expr[], optional: ReadonlySet<number>): CelType {
    let elem: CelType | undefined;
    elements.forEach((element, index) => {
      const type = this.#unwrapped(element, this.check(element), optional.has(index));
      elem = this.#join(element.at, elem, type);
    });
    return listOf(elem ?? this.#newVar());
  }

  #map(expr: Expr & { readonly kind: 'map' }): CelType {
    let [key, value]: (CelType | undefined)[] = [];
    for (const entry of expr.entries) {
      key = this.#join(entry.key.at, key, this.check(entry.key));
      const type = this.#unwrapped(entry.value, this.check(entry.value), entry.optional);
      value = this.#join(entry.value.at, value, type);
    }
    return mapOf(key ?? this.#newVar(), value ?? this.#newVar());
  }

  #fold(expr: ComprehensionExpr): CelType {
    const range = substitute(this.#mapping, this.check(expr.range), false);
    const accu = this.check(expr.accuInit);
    this.#scopes.push(new Map([[expr.accuVar, accu]]));
    const [one, two] = this.#iterationTypes(expr, range);
    const vars = new Map([[expr.iterVar, one]]);
    if (expr.iterVar2 !== undefined) vars.set(expr.iterVar2, two);
    this.#scopes.push(vars);
    this.#expect(expr.condition, types.bool);
    this.#expect(expr.step, accu);
    this.#scopes.pop();
    const result = this.check(expr.result);
    this.#scopes.pop();
    return substitute(this.#mapping, result, false);
  }

  #expect(expr: Expr, wanted: CelType): void {
    const type = this.check(expr);
    if (!this.#assign([wanted], [type])) this.#mismatch(expr.at, wanted, type);
  }

  #iterationTypes({ range, iterVar2 }: ComprehensionExpr, type: CelType): [CelType, CelType] {
    const [first = types.dyn, second = types.dyn] = type.params;
    switch (type.kind) {
      case 'list':
        return iterVar2 === undefined ? [first, first] : [types.int, first];
      case 'map':
        return [first, second];
      case 'dyn':
      case 'error':
      case 'param':
        this.#assign([types.dyn], [type]);
        return [types.dyn, types.dyn];
      default:
        this.#report(
          range.at,
          `expression of type '${formatType(type)}' cannot be range of a comprehension ` +
            '(must be list, map, or dynamic)',
        );
        return [types.error, types.error];
    }
  }
}

function undeclared(name: string): string {
  return `undeclared reference to '${name}' (in container '')`;
}

function literalType({ type }: Literal): CelType {
  return types[type];
}
