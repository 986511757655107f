/** The macros of CEL, of optional values and of two variables, which become folds before anything else happens. */
import type { ComprehensionExpr, Expr } from './ast.js';

/** A macro that was given something it cannot take. */
export class MacroError extends Error {
  override readonly name = 'MacroError';
  readonly at: number;
  constructor(at: number, message: string) {
    super(message);
    this.at = at;
  }
}

/** The name of the accumulator, which no expression can reach. */
const accumulator = '@result';

/** Makes the nodes of one expansion, all at the place of the macro. */
class Maker {
  readonly #at: number;
  constructor(at: number) {
    this.#at = at;
  }
  bool(value: boolean): Expr {
    return { kind: 'literal', literal: { type: 'bool', value }, at: this.#at };
  }
  int(value: bigint): Expr {
    return { kind: 'literal', literal: { type: 'int', value }, at: this.#at };
  }
  ident(name: string): Expr {
    return { kind: 'ident', name, at: this.#at };
  }
  accu(): Expr {
    return this.ident(accumulator);
  }
  call(fn: string, ...args: readonly Expr[]): Expr {
    return { kind: 'call', fn, target: undefined, args, at: this.#at };
  }
  method(target: Expr, fn: string): Expr {
    return { kind: 'call', fn, target, args: [], at: this.#at };
  }
  list(...elements: readonly Expr[]): Expr {
    return { kind: 'list', elements, optional: new Set(), at: this.#at };
  }
  map(): Expr {
    return { kind: 'map', entries: [], at: this.#at };
  }
  fold(
    range: Expr,
    vars: readonly string[],
    parts: Pick<ComprehensionExpr, 'accuInit' | 'condition' | 'step' | 'result'>,
  ): Expr {
    const [iterVar = '#unused', iterVar2] = vars;
    return {
      kind: 'comprehension',
      range,
      iterVar,
      iterVar2,
      accuVar: accumulator,
      ...parts,
      at: this.#at,
    };
  }
}

/** A macro's arguments: the variables' names, and the expressions after them. */
interface Use {
  readonly make: Maker;
  readonly target: Expr;
  readonly vars: readonly string[];
  readonly args: readonly Expr[];
}

const wrongName: Readonly<Record<string, string>> = {
  map: 'argument is not an identifier',
  filter: 'argument is not an identifier',
  optMap: 'optMap() variable name must be a simple identifier',
  optFlatMap: 'optFlatMap() variable name must be a simple identifier',
};

function names(macro: string, args: readonly Expr[], count: number): string[] {
  const out: string[] = [];
  for (const arg of args.slice(0, count)) {
    if (arg.kind !== 'ident' || arg.name.startsWith('.')) {
      throw new MacroError(arg.at, wrongName[macro] ?? 'argument must be a simple name');
    }
    if (out.includes(arg.name)) {
      throw new MacroError(arg.at, `duplicate variable name: ${arg.name}`);
    }
    if (arg.name === '__result__') {
      throw new MacroError(arg.at, 'iteration variable overwrites accumulator variable');
    }
    out.push(arg.name);
  }
  return out;
}

function quantifier({ make, target, vars, args }: Use, isAll: boolean): Expr {
  const [predicate = make.bool(true)] = args;
  return make.fold(target, vars, {
    accuInit: make.bool(isAll),
    condition: make.call('@not_strictly_false', isAll ? make.accu() : make.call('!_', make.accu())),
    step: make.call(isAll ? '_&&_' : '_||_', make.accu(), predicate),
    result: make.accu(),
  });
}

function existsOne({ make, target, vars, args }: Use): Expr {
  const [predicate = make.bool(true)] = args;
  return make.fold(target, vars, {
    accuInit: make.int(0n),
    condition: make.bool(true),
    step: make.call('_?_:_', predicate, make.call('_+_', make.accu(), make.int(1n)), make.accu()),
    result: make.call('_==_', make.accu(), make.int(1n)),
  });
}

/** Collects by `add`, of those that pass the filter if there is one. */
function collect(
  { make, target, vars, args }: Use,
  init: Expr,
  add: (transform: Expr) => Expr,
): Expr {
  const [first = make.bool(true), second] = args;
  const step =
    second === undefined ? add(first) : make.call('_?_:_', first, add(second), make.accu());
  return make.fold(target, vars, {
    accuInit: init,
    condition: make.bool(true),
    step,
    result: make.accu(),
  });
}

function toList(use: Use): Expr {
  const { make } = use;
  return collect(use, make.list(), (value) => make.call('_+_', make.accu(), make.list(value)));
}

function filter(use: Use): Expr {
  const { make, vars, args } = use;
  return toList({ ...use, args: [...args, make.ident(vars[0] ?? '')] });
}

function toMap(use: Use): Expr {
  const { make, vars } = use;
  return collect(use, make.map(), (value) =>
    make.call('cel.@mapInsert', make.accu(), make.ident(vars[0] ?? ''), value),
  );
}

function toEntries(use: Use): Expr {
  const { make } = use;
  return collect(use, make.map(), (entry) => make.call('cel.@mapInsert', make.accu(), entry));
}

/** `target.optMap(v, expr)`: the fold binds the variable once. */
function optional({ make, target, vars, args }: Use, isFlat: boolean): Expr {
  const [body = make.bool(true)] = args;
  const [name = ''] = vars;
  const bound: Expr = {
    kind: 'comprehension',
    range: make.list(),
    iterVar: '#unused',
    iterVar2: undefined,
    accuVar: name,
    accuInit: make.method(target, 'value'),
    condition: make.bool(false),
    step: make.ident(name),
    result: body,
    at: target.at,
  };
  return make.call(
    '_?_:_',
    make.method(target, 'hasValue'),
    isFlat ? bound : make.call('optional.of', bound),
    make.call('optional.none'),
  );
}

/** By name and number of arguments: how many variables come first, and the expansion. */
const macros: Readonly<Record<string, readonly [vars: number, expand: (use: Use) => Expr]>> = {
  'all/2': [1, (use) => quantifier(use, true)],
  'exists/2': [1, (use) => quantifier(use, false)],
  'exists_one/2': [1, existsOne],
  'map/2': [1, toList],
  'map/3': [1, toList],
  'filter/2': [1, filter],
  'optMap/2': [1, (use) => optional(use, false)],
  'optFlatMap/2': [1, (use) => optional(use, true)],
  'all/3': [2, (use) => quantifier(use, true)],
  'exists/3': [2, (use) => quantifier(use, false)],
  'existsOne/3': [2, existsOne],
  'exists_one/3': [2, existsOne],
  'transformList/3': [2, toList],
  'transformList/4': [2, toList],
  'transformMap/3': [2, toMap],
  'transformMap/4': [2, toMap],
  'transformMapEntry/3': [2, toEntries],
  'transformMapEntry/4': [2, toEntries],
};

/**
 * Expands a call if it is one of a macro.
 * @throws MacroError when its arguments are none that the macro takes
 */
export function expandMacro(
  name: string,
  target: Expr | undefined,
  args: readonly Expr[],
  at: number,
): Expr | undefined {
  if (target === undefined) {
    if (name !== 'has' || args.length !== 1) return undefined;
    const [tested] = args;
    if (tested?.kind !== 'select') {
      throw new MacroError(tested?.at ?? at, 'invalid argument to has() macro');
    }
    return { ...tested, testOnly: true, at };
  }
  const key = `${name}/${args.length}`;
  const macro = Object.hasOwn(macros, key) ? macros[key] : undefined;
  if (macro === undefined) return undefined;
  const [count, expand] = macro;
  const vars = names(name, args, count);
  return expand({ make: new Maker(at), target, vars, args: args.slice(count) });
}
