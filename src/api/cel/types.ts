/** The types of CEL, their texts, and what may be assigned to what (cel-go's `checker/types.go`). */

/** The kinds of types. `param` is a free type variable, `opaque` a type of a library. */
export type TypeKind =
  | 'bool'
  | 'int'
  | 'uint'
  | 'double'
  | 'string'
  | 'bytes'
  | 'null'
  | 'timestamp'
  | 'duration'
  | 'dyn'
  | 'error'
  | 'list'
  | 'map'
  | 'struct'
  | 'opaque'
  | 'type'
  | 'param';

/** A type. Immutable. */
export interface CelType {
  readonly kind: TypeKind;
  /** Of structs, opaque types and type variables; else the kind's own name. */
  readonly name: string;
  readonly params: readonly CelType[];
  /** The fields of a struct. */
  readonly fields?: ReadonlyMap<string, CelType> | undefined;
}

function simple(kind: TypeKind, name: string = kind): CelType {
  return { kind, name, params: [] };
}

/** Types without parameters. */
export const types = {
  bool: simple('bool'),
  int: simple('int'),
  uint: simple('uint'),
  double: simple('double'),
  string: simple('string'),
  bytes: simple('bytes'),
  null: simple('null', 'null_type'),
  timestamp: simple('timestamp', 'google.protobuf.Timestamp'),
  duration: simple('duration', 'google.protobuf.Duration'),
  dyn: simple('dyn'),
  error: simple('error', '!error!'),
} as const;

/** `list(elem)`. */
export function listOf(elem: CelType): CelType {
  return { kind: 'list', name: 'list', params: [elem] };
}

/** `map(key, value)`. */
export function mapOf(key: CelType, value: CelType): CelType {
  return { kind: 'map', name: 'map', params: [key, value] };
}

/** `optional_type(value)`. */
export function optionalOf(value: CelType): CelType {
  return opaque('optional_type', [value]);
}

/** A type of a library. */
export function opaque(name: string, params: readonly CelType[] = []): CelType {
  return { kind: 'opaque', name, params };
}

/** The type of a type. */
export function typeOf(param: CelType): CelType {
  return { kind: 'type', name: 'type', params: [param] };
}

/** A type variable. */
export function param(name: string): CelType {
  return simple('param', name);
}

/** A type with named fields. */
export function structOf(name: string, fields: ReadonlyMap<string, CelType>): CelType {
  return { kind: 'struct', name, params: [], fields };
}

/** Returns the wrapped type of an optional one; undefined for others. */
export function unwrapOptional(type: CelType): CelType | undefined {
  return type.kind === 'opaque' && type.name === 'optional_type' ? type.params[0] : undefined;
}

/** Returns the text of a type in error messages. */
export function formatType(type: CelType): string {
  switch (type.kind) {
    case 'error':
      return '!error!';
    case 'null':
      return 'null';
    case 'timestamp':
      return 'timestamp';
    case 'duration':
      return 'duration';
    default: {
      if (type.params.length === 0) return type.name;
      return `${type.name}(${type.params.map(formatType).join(', ')})`;
    }
  }
}

/** True for the same type with the same parameters. */
export function isExactType(a: CelType, b: CelType): boolean {
  if (a === b) return true;
  if (a.kind !== b.kind || a.name !== b.name || a.params.length !== b.params.length) return false;
  return a.params.every((one, index) => isExactType(one, b.params[index] ?? types.error));
}

/** The values that type variables have got so far. An attempt that fails is taken back. */
export class Mapping {
  readonly #values = new Map<string, CelType>();
  /** Variables that the present attempt has changed, with the values from before it. */
  readonly #trail: (readonly [string, CelType | undefined])[] = [];

  get(name: string): CelType | undefined {
    return this.#values.get(name);
  }

  set(name: string, type: CelType): void {
    this.#trail.push([name, this.#values.get(name)]);
    this.#values.set(name, type);
  }

  /** Makes an attempt, which fails by returning false. */
  attempt(make: () => boolean): boolean {
    this.#trail.length = 0;
    if (make()) return true;
    for (const [name, before] of this.#trail.reverse()) {
      if (before === undefined) this.#values.delete(name);
      else this.#values.set(name, before);
    }
    return false;
  }
}

function find(mapping: Mapping, type: CelType): CelType | undefined {
  return type.kind === 'param' ? mapping.get(type.name) : undefined;
}

/** Replaces type variables by their values; free ones by `dyn` when `toDyn` is set. */
export function substitute(mapping: Mapping, type: CelType, toDyn: boolean): CelType {
  const found = find(mapping, type);
  if (found !== undefined) return substitute(mapping, found, toDyn);
  if (type.kind === 'param') return toDyn ? types.dyn : type;
  if (type.params.length === 0) return type;
  const params = type.params.map((one) => substitute(mapping, one, toDyn));
  return params.every((one, index) => one === type.params[index]) ? type : { ...type, params };
}

function isLessSpecific(a: CelType, b: CelType): boolean {
  if (a.kind === 'dyn' || a.kind === 'param') return true;
  if (b.kind === 'dyn' || b.kind === 'param' || a.kind !== b.kind) return false;
  if (a.kind === 'type') return true;
  if (a.name !== b.name || a.params.length !== b.params.length) return false;
  return a.params.every((one, index) => isLessSpecific(one, b.params[index] ?? types.error));
}

/** Returns the more general of two types that agree. */
export function mostGeneral(a: CelType, b: CelType): CelType {
  return isLessSpecific(a, b) ? a : b;
}

function occursIn(mapping: Mapping, type: CelType, within: CelType): boolean {
  if (isExactType(type, within)) return true;
  const found = find(mapping, within);
  if (found !== undefined) return occursIn(mapping, type, found);
  return within.params.some((one) => occursIn(mapping, type, one));
}

/** Tries `value` as the value of the variable `variable`. @returns undefined when the other way round may still do */
function substitutes(mapping: Mapping, value: CelType, variable: CelType): boolean | undefined {
  if (isExactType(value, variable)) return true;
  const present = find(mapping, variable);
  if (present !== undefined) {
    if (isExactType(value, present)) return true;
    if (!assigns(mapping, value, present)) return false;
    const next = mostGeneral(value, present);
    if (!occursIn(mapping, variable, next)) mapping.set(variable.name, next);
    return true;
  }
  if (occursIn(mapping, variable, value)) return undefined;
  mapping.set(variable.name, value);
  return true;
}

const nullable: ReadonlySet<TypeKind> = new Set([
  'opaque',
  'struct',
  'timestamp',
  'duration',
  'null',
]);

/** True when a value of type `a` may stand where `b` is wanted; may give values to type variables. */
function assigns(mapping: Mapping, a: CelType, b: CelType): boolean {
  if (b.kind === 'param') {
    const done = substitutes(mapping, a, b);
    if (done !== undefined) return done;
  }
  if (a.kind === 'param') return substitutes(mapping, b, a) === true;
  if (a.kind === 'dyn' || a.kind === 'error' || b.kind === 'dyn' || b.kind === 'error') return true;
  if (a.kind === 'null') return nullable.has(b.kind);
  if (b.kind === 'null') return nullable.has(a.kind);
  if (a.kind !== b.kind) return false;
  if (a.kind === 'type') return true;
  return a.name === b.name && assignsAll(mapping, a.params, b.params);
}

function assignsAll(mapping: Mapping, a: readonly CelType[], b: readonly CelType[]): boolean {
  if (a.length !== b.length) return false;
  return a.every((one, index) => assigns(mapping, one, b[index] ?? types.error));
}

/**
 * True when all of `a` may stand where `b` is wanted; the mapping then has the values of variables by which they may,
 * and else is as it was.
 */
export function assignable(
  mapping: Mapping,
  a: readonly CelType[],
  b: readonly CelType[],
): boolean {
  return mapping.attempt(() => assignsAll(mapping, a, b));
}
