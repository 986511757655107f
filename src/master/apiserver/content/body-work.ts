/** The work that may be done with a body beside the event loop: both ends of the thread know it. */
import { customSchema } from '../../../api/apiextensions/custom-kind.js';
import type { DecodableKind, KindDeclaration } from '../../../api/kind.js';
import { builtInRegistry } from '../../../api/kinds.js';
import type { KubeObject, Status } from '../../../api/object.js';
import { isJsonObject } from '../../../api/object.js';
import { DecodeError } from '../../../api/schema/decode.js';
import type { Decoded } from '../../../api/strategy.js';
import { assertNever } from '../../../lib/assert.js';
import { isStatusError, StatusError } from '../status.js';
import type { FieldValidation } from './patch-effect.js';
import { patchedObject, patchedValue, readPatch } from './patch-effect.js';
import type { BodyFormat, TypedBody, TypeMeta } from './typed-body.js';
import { parseBody, typedBody } from './typed-body.js';
import { formatJson, parseJson } from '../../../lib/json.js';

/** A kind as it crosses the thread's border. */
export interface WorkKind {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
  /** The JSON of a custom kind's schema; undefined for a kind that the thread has itself. */
  readonly definedBy: string | undefined;
}

/** One piece of work. */
export type BodyWork =
  /** A body of no kind: only parsed. */
  | { readonly form: 'value'; readonly format: BodyFormat; readonly bytes: Uint8Array }
  | {
      readonly form: 'object';
      readonly format: BodyFormat;
      readonly bytes: Uint8Array;
      readonly strict: boolean;
      readonly kind: WorkKind;
    }
  | {
      readonly form: 'patch';
      readonly type: string;
      readonly bytes: Uint8Array;
      readonly validation: FieldValidation;
      /** Undefined for a value that is no object of a kind. */
      readonly kind: WorkKind | undefined;
      /** The JSON of what is patched. */
      readonly target: string;
    };

/** The outcome of a piece of work. Values are JSON: parsing it costs the event loop less than a structured clone. */
export interface BodyOutcome {
  /** The value or the object; undefined where there is none. */
  readonly json: string | undefined;
  readonly problems: readonly string[];
  /** Of an object that was read. */
  readonly type: TypeMeta | undefined;
  /** Why a body of this type is no object of its kind. */
  readonly undecodable: string | undefined;
}

/** An error that crosses the thread's border, where classes are lost. */
export type BodyFault =
  | { readonly reason: 'Decode'; readonly message: string }
  | { readonly reason: 'Status'; readonly status: Status };

/** An outcome, or the client's mistake. */
export type BodyReply = { readonly outcome: BodyOutcome } | { readonly fault: BodyFault };

const schemaTexts = new WeakMap<KindDeclaration, string>();

/** The kind for the thread. */
export function workKind(kind: KindDeclaration): WorkKind {
  const { group, version, plural, kind: name, definedBy } = kind;
  let text = schemaTexts.get(kind);
  if (text === undefined && definedBy !== undefined) {
    text = formatJson(definedBy);
    schemaTexts.set(kind, text);
  }
  return { group, version, plural, kind: name, definedBy: text };
}

/** Schemas of custom kinds that the thread keeps. */
const maxKeptSchemas = 16;

/** The kinds as the thread knows them. */
export class WorkKinds {
  readonly #builtIn = builtInRegistry();
  /** By the text of the schema, the oldest first. */
  readonly #schemas = new Map<string, DecodableKind['schema']>();

  find({ group, version, plural, kind, definedBy }: WorkKind): DecodableKind {
    if (definedBy !== undefined) {
      return { group, version, kind, custom: true, schema: this.#schema(definedBy) };
    }
    const found = this.#builtIn.byResource(group, version, plural);
    if (found === undefined) throw new Error(`no kind ${group}/${version} ${plural}`);
    return found;
  }

  #schema(text: string): DecodableKind['schema'] {
    let schema = this.#schemas.get(text);
    if (schema !== undefined) return schema;
    const definition: unknown = parseJson(text);
    schema = customSchema(isJsonObject(definition) ? definition : {});
    const [oldest] = this.#schemas.keys();
    if (this.#schemas.size >= maxKeptSchemas && oldest !== undefined) this.#schemas.delete(oldest);
    this.#schemas.set(text, schema);
    return schema;
  }
}

/** Does a piece of work. @throws whatever is no mistake of the client */
export function doBodyWork(work: BodyWork, kinds: WorkKinds): BodyReply {
  try {
    return { outcome: outcomeOf(work, kinds) };
  } catch (error) {
    if (error instanceof DecodeError) {
      return { fault: { reason: 'Decode', message: error.message } };
    }
    if (isStatusError(error)) return { fault: { reason: 'Status', status: error.status } };
    throw error;
  }
}

function outcomeOf(work: BodyWork, kinds: WorkKinds): BodyOutcome {
  const bytes = Buffer.from(work.bytes.buffer, work.bytes.byteOffset, work.bytes.byteLength);
  const plain = { problems: [], type: undefined, undecodable: undefined };
  switch (work.form) {
    case 'value': {
      const { value } = parseBody(work.format, bytes, false);
      return { ...plain, json: formatJson(value) };
    }
    case 'object': {
      const parsed = parseBody(work.format, bytes, work.strict);
      const { type, decoded } = typedBody(kinds.find(work.kind), parsed, work.format);
      if (decoded instanceof DecodeError) {
        return { ...plain, type, json: undefined, undecodable: decoded.message };
      }
      return { ...plain, type, json: formatJson(decoded.object), problems: decoded.problems };
    }
    case 'patch': {
      const target: unknown = parseJson(work.target);
      const patch = readPatch(work.type, bytes, work.validation !== 'Ignore');
      if (work.kind === undefined) {
        return { ...plain, json: formatJson(patchedValue(patch, target)) };
      }
      const kind = kinds.find(work.kind);
      const { object, problems } = patchedObject(kind, patch, target, work.validation);
      return { ...plain, json: formatJson(object), problems };
    }
    default:
      return assertNever(work, 'work');
  }
}

function outcomeIn(reply: BodyReply): BodyOutcome {
  if ('outcome' in reply) return reply.outcome;
  const { fault } = reply;
  throw fault.reason === 'Decode' ? new DecodeError(fault.message) : new StatusError(fault.status);
}

/** The value that a reply holds. @throws DecodeError, StatusError */
export function valueIn(reply: BodyReply): unknown {
  const { json } = outcomeIn(reply);
  return json === undefined ? undefined : parseJson(json);
}

/** The patched object that a reply holds, a new one each time. @throws StatusError */
export function decodedIn(reply: BodyReply): Decoded {
  const { json = '{}', problems } = outcomeIn(reply);
  // The thread has decoded it by its kind.
  return { object: parseJson(json) as KubeObject, problems };
}

/** The body that a reply holds. @throws DecodeError, StatusError */
export function typedBodyIn(reply: BodyReply): TypedBody {
  const { type, undecodable } = outcomeIn(reply);
  return {
    type: type ?? { isObject: false, apiVersion: '', kind: '' },
    decoded: undecodable === undefined ? decodedIn(reply) : new DecodeError(undecodable),
  };
}
