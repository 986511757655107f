/** Carries Go templates out over JSON values. */
import { callFunction } from './functions.js';
import { goText, goType, isTrue, printedText } from './go-values.js';
import { GoTemplateRunError } from './template-error.js';
import type { Call, TemplateNode, Operand, Pipeline, Templates } from './parse.js';

/** Ends or goes on with a range. */
class LoopSignal extends Error {
  readonly kind: 'break' | 'continue';

  constructor(kind: 'break' | 'continue') {
    super(kind);
    this.kind = kind;
  }
}

/** Templates that call each other go so deep. */
const depthMax = 1000;

/** One rendering: its value and its variables. */
export class TemplateRun {
  readonly #root: unknown;
  readonly #templates: Templates;
  /** The innermost scope last. */
  #scopes: Map<string, unknown>[];
  #out = '';
  #depth = 0;

  constructor(root: unknown, templates: Templates) {
    this.#root = root;
    this.#templates = templates;
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
          if (node.pipeline.variables.length === 0) this.#out += printedText(value);
          break;
        }
        case 'break':
        case 'continue':
          throw new LoopSignal(node.kind);
        case 'template':
          this.#template(node, dot);
          break;
        default:
          this.#inScope(() => this.#branch(node, dot));
      }
    }
  }

  /** Another template, which sees nothing but the value that it is given. */
  #template(
    { name, pipeline }: Extract<TemplateNode, { readonly kind: 'template' }>,
    dot: unknown,
  ): void {
    const body = this.#templates.get(name);
    if (body === undefined) throw new GoTemplateRunError(`template "${name}" not defined`);
    if (this.#depth === depthMax) {
      throw new GoTemplateRunError(`exceeded maximum template depth (${depthMax})`);
    }
    const value = pipeline === undefined ? undefined : this.#pipeline(pipeline, dot);
    const outer = this.#scopes;
    this.#scopes = [new Map([['$', value]])];
    this.#depth += 1;
    try {
      this.#nodes(body, value);
    } finally {
      this.#scopes = outer;
      this.#depth -= 1;
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
      const values = second === undefined ? [item] : [key, item];
      this.#scopes.push(scope);
      for (const [at, name] of [first, second].entries()) {
        if (name !== undefined) this.#set(name, values[at], pipeline.assigns);
      }
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
    if (scope === undefined) throw new GoTemplateRunError(`undefined variable: ${name}`);
    scope.set(name, value);
  }

  #call(call: Call, dot: unknown, piped: readonly unknown[]): unknown {
    const [first, ...rest] = call;
    if (first?.kind !== 'function') {
      if (rest.length > 0 || piped.length > 0) throw argumentsOf(first);
      if (first?.kind === 'value' && first.value === null) {
        throw new GoTemplateRunError('nil is not a command');
      }
      return first === undefined ? undefined : this.#operand(first, dot);
    }
    if (first.name === 'and' || first.name === 'or') {
      return this.#shortCircuit(first.name, [...rest], dot, piped);
    }
    const args = rest.map((operand) => this.#operand(operand, dot));
    return callFunction(first.name, [...args, ...piped]);
  }

  #shortCircuit(
    name: 'and' | 'or',
    operands: readonly Operand[],
    dot: unknown,
    piped: readonly unknown[],
  ): unknown {
    if (operands.length + piped.length === 0) {
      throw new GoTemplateRunError(`wrong number of args for ${name}: want at least 1 got 0`);
    }
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
        if (scope === undefined) {
          throw new GoTemplateRunError(`undefined variable: ${operand.name}`);
        }
        return scope.get(operand.name);
      }
      case 'pipeline':
        return this.#pipeline(operand.pipeline, dot);
      case 'function':
        return this.#call([operand], dot, []);
      default:
        return fieldOf(this.#operand(operand.of, dot), operand.name, operand.of);
    }
  }
}

function argumentsOf(operand: Operand | undefined): GoTemplateRunError {
  if (operand?.kind === 'field') {
    return new GoTemplateRunError(`${operand.name} is not a method but has arguments`);
  }
  const shown = operand?.kind === 'value' ? ` ${JSON.stringify(operand.value)}` : '';
  return new GoTemplateRunError(`can't give argument to non-function${shown}`);
}

function fieldOf(value: unknown, name: string, of: Operand): unknown {
  if (value === undefined) return undefined;
  if (value === null) {
    throw new GoTemplateRunError(`nil pointer evaluating interface {}.${name}`);
  }
  if (goType(value) !== 'map[string]interface {}') {
    // What comes from JSON can be anything to Go; what a function returns has a type.
    const type = of.kind === 'pipeline' ? goType(value) : 'interface {}';
    throw new GoTemplateRunError(`can't evaluate field ${name} in type ${type}`);
  }
  return Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined;
}

/** A number that is counted up to is at most so great. */
const rangeMax = 1_000_000;

function entriesOf(value: unknown): readonly (readonly [string | number, unknown])[] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value)) return value.map((item: unknown, at) => [at, item] as const);
  if (goType(value) === 'int64') {
    const length = Math.max(0, Number(value));
    if (length > rangeMax) throw new GoTemplateRunError(`range over ${length} is too long`);
    return Array.from({ length }, (_, at) => [at, at] as const);
  }
  if (goType(value) !== 'map[string]interface {}') {
    throw new GoTemplateRunError(`range can't iterate over ${goText(value)}`);
  }
  return Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
}
