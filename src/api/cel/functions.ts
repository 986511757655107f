/** Declares functions: their overloads by signature, and how they run. */
import type { CelType } from './types.js';
import { listOf, mapOf, opaque, optionalOf, param, typeOf, types } from './types.js';
import type { Value, Work } from './value.js';

/** Runs an overload; the target of a method is the first argument. @throws CelError */
export type Run = (args: readonly Value[], work: Work) => Value;

/** One signature of a function. */
export interface Overload {
  /** cel-go's name of it, by which costs go. */
  readonly id: string;
  readonly isMethod: boolean;
  /** With the target first, for methods. */
  readonly params: readonly CelType[];
  readonly result: CelType;
  /** Unset for what the evaluator does itself. */
  readonly run: Run | undefined;
}

/** Functions by name, with their overloads. */
export type FunctionTable = ReadonlyMap<string, readonly Overload[]>;

/** Overloads by their ids: `target.(params) result` for methods, `(params) result` for functions. */
export type Overloads = Readonly<Record<string, readonly [signature: string, run?: Run]>>;

/** A library: functions by name. */
export type Library = Readonly<Record<string, Overloads>>;

const named: Readonly<Record<string, CelType>> = { ...types };

/** Reads signatures; types are `name`, `name(params)`, and single capitals for type variables. */
class SignatureReader {
  readonly #tokens: readonly string[];
  #index = 0;

  constructor(text: string) {
    this.#tokens = text.match(/[\w.]+(?<!\.)|[().,]/g) ?? [];
  }

  read(): { isMethod: boolean; params: CelType[]; result: CelType } {
    const params: CelType[] = [];
    const isMethod = this.#tokens[0] !== '(';
    if (isMethod) {
      params.push(this.#type());
      this.#take('.');
    }
    params.push(...this.#list());
    return { isMethod, params, result: this.#type() };
  }

  #take(text: string): boolean {
    if (this.#tokens[this.#index] !== text) return false;
    this.#index += 1;
    return true;
  }

  #list(): CelType[] {
    const out: CelType[] = [];
    if (!this.#take('(') || this.#take(')')) return out;
    do out.push(this.#type());
    while (this.#take(','));
    this.#take(')');
    return out;
  }

  #type(): CelType {
    const name = this.#tokens[this.#index] ?? '';
    this.#index += 1;
    const params = this.#tokens[this.#index] === '(' ? this.#list() : [];
    const [first = types.dyn, second = types.dyn] = params;
    if (name === 'list') return listOf(first);
    if (name === 'map') return mapOf(first, second);
    if (name === 'optional') return optionalOf(first);
    if (name === 'type') return typeOf(first);
    if (/^[A-Z]$/.test(name)) return param(name);
    return (Object.hasOwn(named, name) ? named[name] : undefined) ?? opaque(name, params);
  }
}

/** Makes the table of some libraries; overloads of one name come in their order. */
export function functionTable(libraries: readonly Library[]): FunctionTable {
  const table = new Map<string, Overload[]>();
  for (const library of libraries) {
    for (const [name, overloads] of Object.entries(library)) {
      const list = table.get(name) ?? [];
      for (const [id, [signature, run]] of Object.entries(overloads)) {
        list.push({ id, run, ...new SignatureReader(signature).read() });
      }
      table.set(name, list);
    }
  }
  return table;
}
