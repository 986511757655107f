/** The syntax tree of CEL, as cel-spec's `syntax.proto` has it, with macros expanded. */

/** A constant as it stands in the text; `uint` and `bytes` are told from `int` and `string` by their tag. */
export type Literal =
  | { readonly type: 'null'; readonly value: null }
  | { readonly type: 'bool'; readonly value: boolean }
  | { readonly type: 'int'; readonly value: bigint }
  | { readonly type: 'uint'; readonly value: bigint }
  | { readonly type: 'double'; readonly value: number }
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'bytes'; readonly value: Uint8Array };

/** The place of a node: its offset in the text, in UTF-16 units. */
interface Placed {
  readonly at: number;
}

/** A constant. */
export interface LiteralExpr extends Placed {
  readonly kind: 'literal';
  readonly literal: Literal;
}

/** A name, perhaps with a leading dot. */
export interface IdentExpr extends Placed {
  readonly kind: 'ident';
  readonly name: string;
}

/** `operand.field`, or the test for it that `has()` makes. */
export interface SelectExpr extends Placed {
  readonly kind: 'select';
  readonly operand: Expr;
  readonly field: string;
  readonly testOnly: boolean;
}

/** A call of a function, an operator (`_+_`) or a method. */
export interface CallExpr extends Placed {
  readonly kind: 'call';
  readonly fn: string;
  readonly target: Expr | undefined;
  readonly args: readonly Expr[];
}

/** `[a, ?b]`. */
export interface ListExpr extends Placed {
  readonly kind: 'list';
  readonly elements: readonly Expr[];
  readonly optional: ReadonlySet<number>;
}

/** One entry of a map literal. */
export interface MapEntry {
  readonly key: Expr;
  readonly value: Expr;
  readonly optional: boolean;
}

/** `{k: v}`. */
export interface MapExpr extends Placed {
  readonly kind: 'map';
  readonly entries: readonly MapEntry[];
}

/** `Type{field: value}`. */
export interface StructExpr extends Placed {
  readonly kind: 'struct';
  readonly typeName: string;
  readonly fields: readonly (Placed & { readonly name: string; readonly value: Expr })[];
}

/** A fold over a list or map, which macros become. */
export interface ComprehensionExpr extends Placed {
  readonly kind: 'comprehension';
  readonly range: Expr;
  readonly iterVar: string;
  /** Set: `iterVar` is the index or key, this one the value. */
  readonly iterVar2: string | undefined;
  readonly accuVar: string;
  readonly accuInit: Expr;
  readonly condition: Expr;
  readonly step: Expr;
  readonly result: Expr;
}

/** Any node. Nodes are compared by identity, so each stands in one place of one tree. */
export type Expr =
  | LiteralExpr
  | IdentExpr
  | SelectExpr
  | CallExpr
  | ListExpr
  | MapExpr
  | StructExpr
  | ComprehensionExpr;
