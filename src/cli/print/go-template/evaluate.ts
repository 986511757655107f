/** Carries Go templates out over JSON values. */
import { functions } from './functions.js';
import { goText, isTrue } from './go-values.js';
import { GoTemplateError } from './template-error.js';
import type { Call, TemplateNode, Operand, Pipeline } from './parse.js';

/** Ends or goes on with a range. */
class LoopSignal extends Error {
  readonly kind: 'break' | 'continue';

  constructor(kind: 'break' | 'continue') {
    super(kind);
    this.kind = kind;
  }
}

/** One rendering: its value and its variables. */
export class TemplateRun {
  readonly #root: unknown;
  /** The innermost scope last. */
  readonly #scopes: Map<string, unknown>[];
  #out = '';

  constructor(root: unknown) {
    this.#root = root;
    this.#scopes = [new Map([['$', root]])];
  }

  render(nodes: readonly TemplateNode[]): string {
    this.#out = '';
    this.#nodes(nodes, this.#root);
    return this.#out;
  }

  #nodes(nodes: readonly TemplateNode[], dot: unknown): void {
    for (const node of nodes) {
      switch (node.kind) {
        case 'text':
          this.#out += node.text;
          break;
        case 'print': {
          const value = this.#pipeline(node.pipeline, dot);
          if (node.pipeline.variables.length === 0) this.#out += goText(value);
          break;
        }
        case 'break':
        case 'continue':
          throw new LoopSignal(node.kind);
        default:
          this.#inScope(() => this.#branch(node, dot));
      }
    }
  }

  #inScope(run: () => void): void {
    this.#scopes.push(new Map());
    try {
      run();
    } finally {
      this.#scopes.pop();
    }
  }

  #branch(
    node: Extract<TemplateNode, { readonly kind: 'if' | 'range' | 'with' }>,
    dot: unknown,
  ): void {
    if (node.kind === 'range') return this.#range(node, dot);
    const value = this.#pipeline(node.pipeline, dot);
    if (!isTrue(value)) return this.#nodes(node.otherwise, dot);
    return this.#nodes(node.body, node.kind === 'with' ? value : dot);
  }

  #range(
    node: Extract<TemplateNode, { readonly kind: 'if' | 'range' | 'with' }>,
    dot: unknown,
  ): void {
    const { pipeline, body, otherwise } = node;
    const value = this.#pipeline({ ...pipeline, variables: [] }, dot);
    const entries = entriesOf(value);
    if (entries.length === 0) return this.#nodes(otherwise, dot);
    const [first, second] = pipeline.variables;
    for (const [key, item] of entries) {
      const scope = new Map<string, unknown>();
      if (second !== undefined) scope.set(first ?? '', key).set(second, item);
      else if (first !== undefined) scope.set(first, item);
      this.#scopes.push(scope);
      try {
        this.#nodes(body, item);
      } catch (error) {
        if (!(error instanceof LoopSignal)) throw error;
        if (error.kind === 'break') break;
      } finally {
        this.#scopes.pop();
      }
    }
  }

  #pipeline({ calls, variables, assigns }: Pipeline, dot: unknown): unknown {
    let value: unknown;
    for (const [at, call] of calls.entries()) {
      value = this.#call(call, dot, at === 0 ? [] : [value]);
    }
    for (const name of variables) this.#set(name, value, assigns);
    return value;
  }

  #set(name: string, value: unknown, assigns: boolean): void {
    const scope = assigns
      ? this.#scopes.findLast((candidate) => candidate.has(name))
      : this.#scopes.at(-1);
    if (scope === undefined) throw new GoTemplateError(`undefined variable "${name}"`);
    scope.set(name, value);
  }

  #call(call: Call, dot: unknown, piped: readonly unknown[]): unknown {
    const [first, ...rest] = call;
    if (first?.kind !== 'function') {
      if (rest.length > 0 || piped.length > 0) {
        throw new GoTemplateError("can't give argument to non-function");
      }
      return first === undefined ? undefined : this.#operand(first, dot);
    }
    if (first.name === 'and' || first.name === 'or') {
      return this.#shortCircuit(first.name, [...rest], dot, piped);
    }
    const run = functions[first.name];
    if (run === undefined) throw new GoTemplateError(`function "${first.name}" not defined`);
    return run([...rest.map((operand) => this.#operand(operand, dot)), ...piped]);
  }

  #shortCircuit(
    name: 'and' | 'or',
    operands: readonly Operand[],
    dot: unknown,
    piped: readonly unknown[],
  ): unknown {
    let value: unknown;
    for (const operand of operands) {
      value = this.#operand(operand, dot);
      if (isTrue(value) === (name === 'or')) return value;
    }
    return piped.length > 0 ? piped[0] : value;
  }

  #operand(operand: Operand, dot: unknown): unknown {
    switch (operand.kind) {
      case 'value':
        return operand.value;
      case 'dot':
        return dot;
      case 'variable': {
        const scope = this.#scopes.findLast((candidate) => candidate.has(operand.name));
        if (scope === undefined) throw new GoTemplateError(`undefined variable "${operand.name}"`);
        return scope.get(operand.name);
      }
      case 'pipeline':
        return this.#pipeline(operand.pipeline, dot);
      case 'function':
        return this.#call([operand], dot, []);
      default:
        return fieldOf(this.#operand(operand.of, dot), operand.name);
    }
  }
}

function fieldOf(value: unknown, name: string): unknown {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'object' || Array.isArray(value)) {
    throw new GoTemplateError(`can't evaluate field ${name} in type ${typeof value}`);
  }
  return Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined;
}

function entriesOf(value: unknown): readonly (readonly [string | number, unknown])[] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value)) return value.map((item: unknown, at) => [at, item] as const);
  if (typeof value === 'number') return Array.from({ length: value }, (_, at) => [at, at] as const);
  if (typeof value !== 'object')
    throw new GoTemplateError(`range can't iterate over ${goText(value)}`);
  return Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
}
