/** The fields of the messages that the gateway reads and writes, as the proto files say. */
import { enumNumbers, messageShapes, requestTypes, responseTypes } from '../../gen/etcd/shapes.js';

/** The kind of a field with one value. */
export type ScalarKind = 'bool' | 'bytes' | 'int32' | 'int64' | 'string' | 'uint32' | 'uint64';

/** A field of a message. */
export interface FieldShape {
  readonly name: string;
  readonly jsonName: string;
  readonly number: number;
  readonly kind: ScalarKind | 'enum' | 'message';
  /** Of a message or an enum. */
  readonly type?: string;
  readonly isRepeated?: boolean;
  /** The full name of the oneof in which it stands. */
  readonly oneof?: string;
}

const shapes: Readonly<Record<string, readonly FieldShape[]>> = messageShapes;
const numbers: Readonly<Record<string, Readonly<Record<string, number>>>> = enumNumbers;

/** The type of the request of each method, by a name such as `etcdserverpb.KV/Range`. */
export const requestTypeOf: Readonly<Record<string, string>> = requestTypes;
/** The type of the answer of each method. */
export const responseTypeOf: Readonly<Record<string, string>> = responseTypes;

/** The fields of each type, in the order of the proto. */
export const fieldsOf: ReadonlyMap<string, readonly FieldShape[]> = new Map(Object.entries(shapes));

/** The fields of each type by the names of the proto and of JSON; either will do. */
export const fieldsByName: ReadonlyMap<string, ReadonlyMap<string, FieldShape>> = new Map(
  Object.entries(shapes).map(([type, fields]) => [
    type,
    new Map(fields.flatMap((field) => [field.name, field.jsonName].map((name) => [name, field]))),
  ]),
);

/** The numbers of each enum's names. */
export const enumNumbersOf: ReadonlyMap<string, ReadonlyMap<string, number>> = new Map(
  Object.entries(numbers).map(([type, values]) => [type, new Map(Object.entries(values))]),
);
