/** Requests as JSON texts for the gateway: each form that its reader knows, and now and then one that it refuses. */
import {
  enumNumbersOf,
  fieldsByName,
  requestTypeOf,
} from '../../../src/etcd/gateway/message-shapes.js';
import type { FieldShape } from '../../../src/etcd/gateway/message-shapes.js';
import type { Prng } from '../../../src/lib/prng.js';
import type { Message, Value } from './requests.js';

/** The plainest form of a request. */
export function plainText(message: Message): string {
  return JSON.stringify(message, (_name, value: unknown) => {
    if (typeof value === 'bigint') return value.toString();
    const bytes = value as { readonly type?: string; readonly data?: readonly number[] } | null;
    return bytes?.type === 'Buffer' ? Buffer.from(bytes.data ?? []).toString('base64') : value;
  });
}

/** Values that fit few fields. */
const wrong = [
  'null',
  'true',
  '"true"',
  '-1',
  '1.5',
  '1e2',
  '"x"',
  '{}',
  '[]',
  '[null]',
  '"*"',
  '01',
  '',
];

/** Writes one request in a form that is drawn. */
export class TextWriter {
  readonly #prng: Prng;
  /** One of so many fields is wrong. */
  readonly #oneWrongOf: number;

  constructor(prng: Prng, oneWrongOf: number) {
    this.#prng = prng;
    this.#oneWrongOf = oneWrongOf;
  }

  write(method: string, message: Message): string {
    const text = this.#message(requestTypeOf[method] ?? '', message);
    switch (this.#prng.below(60)) {
      case 0:
        return text.slice(0, this.#prng.below(text.length));
      case 1:
        return ` \n${text} trailing`;
      default:
        return text;
    }
  }

  #message(type: string, message: Message): string {
    const prng = this.#prng;
    const parts = Object.entries(message).map(([name, value]) => {
      const field = fieldsByName.get(type)?.get(name);
      if (field === undefined) throw new Error(`${type} has no field ${name}`);
      const shown = prng.below(4) === 0 ? field.jsonName : name;
      const text =
        prng.below(this.#oneWrongOf) === 0 ? prng.pick(wrong) : this.#value(field, value);
      return `${JSON.stringify(shown)}:${prng.below(9) === 0 ? ' ' : ''}${text}`;
    });
    if (prng.below(30) === 0) parts.push('"unknown":{"a":[1,"x"]}');
    if (prng.below(4 * this.#oneWrongOf) === 0 && parts[0] !== undefined) parts.push(parts[0]);
    if (prng.below(6) === 0) prng.shuffle(parts);
    return `{${parts.join(prng.below(9) === 0 ? ' ,\n' : ',')}}`;
  }

  #value(field: FieldShape, value: Value): string {
    const prng = this.#prng;
    if (Array.isArray(value)) {
      return `[${value.map((one: Value) => this.#value(field, one)).join(',')}]`;
    }
    if (Buffer.isBuffer(value)) {
      const text = value.toString(prng.below(3) === 0 ? 'base64url' : 'base64');
      return JSON.stringify(prng.below(5) === 0 ? text.replace(/=+$/, '') : text);
    }
    if (typeof value === 'bigint' || typeof value === 'number') {
      const isBare = prng.below(2) === 0;
      return isBare ? value.toString() : `"${value.toString()}"`;
    }
    if (field.kind === 'enum' && typeof value === 'string') {
      const number = enumNumbersOf.get(field.type ?? '')?.get(value);
      return prng.below(3) === 0 ? String(number) : JSON.stringify(value);
    }
    if (typeof value === 'object') return this.#message(field.type ?? '', value as Message);
    return JSON.stringify(value);
  }
}
