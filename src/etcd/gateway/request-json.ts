/**
 * JSON requests, read as Go's `protojson` reads them with unknown fields passed over, and in its words where they are
 * wrong. What comes out is the message in protobuf's encoding: one kind of door for JSON and gRPC.
 */
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { firstJsonValue } from '../../lib/go-json-syntax.js';
import { Code, GrpcError } from '../../lib/grpc/types.js';
import type { Token } from './json-tokens.js';
import { JsonTokens } from './json-tokens.js';
import { bytesOf, integerOf } from './json-scalars.js';
import type { FieldShape, ScalarKind } from './message-shapes.js';
import { enumNumbersOf, fieldsByName, requestTypeOf } from './message-shapes.js';

/** The deepest nesting of messages: what the generated code decodes. Go stops at 10,000. */
const maxDepth = 99;

function invalid(text: string): GrpcError {
  return new GrpcError(Code.InvalidArgument, text);
}

/**
 * Reads a request; whatever stands behind the first JSON value is passed over, and nothing at all is an empty message.
 * @param method such as `etcdserverpb.KV/Range`
 * @param options.unknownNames of enums: passed over as unknown fields are, or refused
 * @returns the request in protobuf's encoding
 * @throws GrpcError InvalidArgument
 */
export function encodeJsonRequest(
  method: string,
  text: string,
  options: { readonly unknownNames: 'pass' | 'refuse' } = { unknownNames: 'refuse' },
): Uint8Array {
  if (text.trim() === '') return new Uint8Array(0);
  const extent = firstJsonValue(text);
  if ('fault' in extent) {
    throw invalid(extent.fault.replace('unexpected end of JSON input', 'unexpected EOF'));
  }
  const writer = new BinaryWriter();
  const tokens = new JsonTokens(text.slice(extent.start, extent.end));
  new MessageReader(tokens, options.unknownNames).message(requestTypeOf[method] ?? '', writer, 0);
  return writer.finish();
}

class MessageReader {
  readonly #tokens: JsonTokens;

  readonly #unknownNames: 'pass' | 'refuse';

  constructor(tokens: JsonTokens, unknownNames: 'pass' | 'refuse') {
    this.#tokens = tokens;
    this.#unknownNames = unknownNames;
  }

  message(type: string, writer: BinaryWriter, depth: number): void {
    if (depth > maxDepth) throw invalid('proto: exceeded max recursion depth');
    const open = this.#tokens.next();
    if (open.kind !== '{') this.#unexpected(open);
    const fields = fieldsByName.get(type);
    const seen = new Set<FieldShape | string>();
    for (;;) {
      const name = this.#tokens.next();
      if (name.kind === '}') return;
      const field = fields?.get(JSON.parse(name.raw) as string);
      if (field === undefined) {
        this.#tokens.skip();
        continue;
      }
      if (seen.has(field)) this.#fail(name, `duplicate field ${name.raw}`);
      seen.add(field);
      if (this.#tokens.peek() === 'null') {
        this.#tokens.skip();
        continue;
      }
      if (field.oneof !== undefined) {
        if (seen.has(field.oneof)) {
          this.#fail(name, `error parsing ${name.raw}, oneof ${field.oneof} is already set`);
        }
        seen.add(field.oneof);
      }
      if (field.isRepeated === true) this.#list(field, writer, depth);
      else this.#value(field, writer, depth);
    }
  }

  #list(field: FieldShape, writer: BinaryWriter, depth: number): void {
    const open = this.#tokens.next();
    if (open.kind !== '[') this.#unexpected(open);
    while (this.#tokens.peek() !== ']') this.#value(field, writer, depth);
    this.#tokens.next();
  }

  #value(field: FieldShape, writer: BinaryWriter, depth: number): void {
    const { kind, number } = field;
    if (kind === 'message') {
      writer.uint32((number << 3) | WireType.LengthDelimited).fork();
      this.message(field.type ?? '', writer, depth + 1);
      writer.join();
      return;
    }
    const token = this.#tokens.next();
    if (kind === 'enum') this.#enum(field, token, writer);
    else if (!writeScalar({ kind, number }, token, writer)) this.#invalidValue(field, token);
  }

  /** A number need not be known: the call decides, as it does over gRPC. */
  #enum(field: FieldShape, token: Token, writer: BinaryWriter): void {
    let value: number | undefined;
    if (token.kind === 'number') value = Number(integerOf(token, 'int32'));
    if (token.kind === 'string') {
      value = enumNumbersOf.get(field.type ?? '')?.get(JSON.parse(token.raw) as string);
      if (value === undefined) {
        if (this.#unknownNames === 'pass') return;
        throw invalid(`unknown value ${token.raw} for enum ${field.type ?? ''}`);
      }
    }
    if (value === undefined || Number.isNaN(value)) this.#invalidValue(field, token);
    writer.uint32((field.number << 3) | WireType.Varint).int32(value);
  }

  #invalidValue({ kind, jsonName }: FieldShape, token: Token): never {
    return this.#fail(token, `invalid value for ${kind} field ${jsonName}: ${token.raw}`);
  }

  #unexpected(token: Token): never {
    const place = this.#tokens.placeOf(token);
    throw invalid(`proto: syntax error ${place}: unexpected token ${token.raw}`);
  }

  #fail(token: Token, problem: string): never {
    throw invalid(`proto: ${this.#tokens.placeOf(token)}: ${problem}`);
  }
}

/** @returns false for a value that is none of its kind */
function writeScalar(
  { kind, number }: { readonly kind: ScalarKind; readonly number: number },
  token: Token,
  writer: BinaryWriter,
): boolean {
  const tag = (wireType: WireType): BinaryWriter => writer.uint32((number << 3) | wireType);
  if (kind === 'bool') {
    if (token.kind !== 'true' && token.kind !== 'false') return false;
    tag(WireType.Varint).bool(token.kind === 'true');
    return true;
  }
  if (kind === 'string') {
    if (token.kind !== 'string') return false;
    tag(WireType.LengthDelimited).string(JSON.parse(token.raw) as string);
    return true;
  }
  if (kind === 'bytes') {
    const bytes = bytesOf(token);
    if (bytes === undefined) return false;
    tag(WireType.LengthDelimited).bytes(bytes);
    return true;
  }
  const value = integerOf(token, kind);
  if (value === undefined) return false;
  if (kind === 'int64') tag(WireType.Varint).int64(value);
  else if (kind === 'uint64') tag(WireType.Varint).uint64(value);
  else if (kind === 'int32') tag(WireType.Varint).int32(Number(value));
  else tag(WireType.Varint).uint32(Number(value));
  return true;
}
