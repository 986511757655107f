/**
 * A structural schema as data: one tree of nodes drives decoding, pruning, defaulting, validation,
 * strategic merge, server-side apply and OpenAPI. Built with `dsl.ts`, or from a CRD at run time.
 */
import type { FieldError, FieldPath } from '../field-error.js';

/** The ways in which server-side apply merges lists. */
export type ListType = 'atomic' | 'set' | 'map';

/** A check of a value: it adds its errors, with the path of the value. */
export type Check = (value: unknown, path: FieldPath, errors: FieldError[]) => void;

/** The type of one JSON value. */
export type NodeType =
  | 'object'
  | 'map'
  | 'array'
  | 'string'
  | 'integer'
  | 'number'
  | 'boolean'
  | 'int-or-string'
  | 'any';

/** One node of a schema. Nodes are shared and never changed after their module was loaded. */
export interface SchemaNode {
  readonly type: NodeType;
  /** `int32`, `int64`, `double`, `byte`, `date-time`, `micro-time`, `duration`, `quantity`. */
  readonly format?: string | undefined;
  readonly description?: string | undefined;
  /** Full OpenAPI definition name, such as `io.k8s.api.core.v1.Container`. */
  readonly definition?: string | undefined;
  /** Fields of an `object`. */
  readonly properties?: Readonly<Record<string, SchemaNode>> | undefined;
  /** Names of fields that are always written, and listed as required in OpenAPI. */
  readonly required?: readonly string[] | undefined;
  /** Values of a `map`, items of an `array`. */
  readonly items?: SchemaNode | undefined;
  /** A node that is defined later (recursive schemas). */
  readonly resolve?: (() => SchemaNode) | undefined;
  readonly default?: unknown;
  readonly enum?: readonly string[] | undefined;
  readonly listType?: ListType | undefined;
  readonly listMapKeys?: readonly string[] | undefined;
  readonly mapType?: 'atomic' | undefined;
  readonly patchStrategy?: string | undefined;
  readonly patchMergeKey?: string | undefined;
  /** Go writes the zero value only when the field is a pointer: `0`, `''`, `false` are kept then. */
  readonly pointer?: boolean | undefined;
  /**
   * Reads a value of type `any`, and tells the paths of unknown fields in it; throws DecodeError for one that is wrong.
   */
  readonly read?:
    ((value: unknown, path: string, unknown: (path: string) => void) => unknown) | undefined;
  /** A required struct that is no pointer in Go: what is missing of it are the fields that it requires. */
  readonly isValue?: boolean | undefined;
  /** The checks decide about an empty text too; validation adds no "Required value" of its own. */
  readonly checksEmpty?: boolean | undefined;
  /** A struct that Go always writes, `{}` when empty (`resources`, `status`). */
  readonly always?: boolean | undefined;
  /** Unknown fields below are kept (CRDs, raw extensions). */
  readonly preserveUnknown?: boolean | undefined;
  /** An embedded Kubernetes object (CRDs). */
  readonly embedded?: boolean | undefined;
  readonly nullable?: boolean | undefined;
  /** Run by validation when the value is present. */
  readonly checks?: readonly Check[] | undefined;
  /** What a required field's error says beside that it is missing. */
  readonly missing?: string | undefined;
  /** The OpenAPI v3 source of a node that came from a CRD, given out unchanged. */
  readonly source?: Readonly<Record<string, unknown>> | undefined;
}

/** A node that remembers the TypeScript type of its values. */
export interface Typed<out T> extends SchemaNode {
  /** Never present at run time. */
  readonly phantom?: T;
}

/** Marks a field that is always present. */
export interface Required {
  readonly isRequired: true;
}

/** A value before validation: what its type requires may be absent. */
export type Given<T> = { readonly [K in keyof T]?: T[K] | undefined };

/** Returns a value as one that is not validated yet. */
export function given<T extends object>(value: T): Given<T> {
  return value;
}

/** Fields of an object schema. */
export type Fields = Readonly<Record<string, Typed<unknown>>>;

type RequiredKeys<F> = { [K in keyof F]: F[K] extends Required ? K : never }[keyof F];

/** The TypeScript type that a schema describes. */
export type Infer<S> = S extends Typed<infer T> ? T : never;

/** The object type of a set of fields. */
export type InferFields<F> = { [K in RequiredKeys<F>]: Infer<F[K]> } & {
  [K in Exclude<keyof F, RequiredKeys<F>>]?: Infer<F[K]> | undefined;
};

/** Follows a lazy node. */
export function resolved(node: SchemaNode): SchemaNode {
  return node.resolve === undefined ? node : node.resolve();
}
