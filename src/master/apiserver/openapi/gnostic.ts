/**
 * OpenAPI version 2 in protobuf: the message `openapi.v2.Document` of gnostic, which older kubectl asks for. Field
 * numbers are those of gnostic-models' `OpenAPIv2.proto`; only what Kubernetes' documents use is written.
 */
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { isJsonObject } from '../../../api/object.js';
import type { OpenApi } from '../../../api/openapi/open-api.js';
import { formatJson } from '../../../lib/json.js';

/** Scalars by name; an upper-case first letter names a message; `[]` repeats. */
interface Message {
  readonly fields: Readonly<Record<string, readonly [number: number, type: string]>>;
  /** Number of the vendor extensions (`x-…`). */
  readonly extensions?: number;
  /** Set for a map: all fields become `{ name, value }` pairs of this type under this number. */
  readonly entries?: readonly [number: number, type: string];
}

const schemaFields: Message['fields'] = {
  $ref: [1, 'string'],
  format: [2, 'string'],
  title: [3, 'string'],
  description: [4, 'string'],
  default: [5, 'Any'],
  multipleOf: [6, 'double'],
  maximum: [7, 'double'],
  exclusiveMaximum: [8, 'bool'],
  minimum: [9, 'double'],
  exclusiveMinimum: [10, 'bool'],
  maxLength: [11, 'int64'],
  minLength: [12, 'int64'],
  pattern: [13, 'string'],
  maxItems: [14, 'int64'],
  minItems: [15, 'int64'],
  uniqueItems: [16, 'bool'],
  maxProperties: [17, 'int64'],
  minProperties: [18, 'int64'],
  required: [19, 'string[]'],
  enum: [20, 'Any[]'],
  additionalProperties: [21, 'AdditionalProperties'],
  type: [22, 'TypeItem'],
  items: [23, 'ItemsItem'],
  allOf: [24, 'Schema[]'],
  properties: [25, 'Schemas'],
  readOnly: [27, 'bool'],
  example: [30, 'Any'],
};

/** Parameters outside of the body; only the last numbers differ from place to place. */
const parameterFields: Message['fields'] = {
  required: [1, 'bool'],
  in: [2, 'string'],
  description: [3, 'string'],
  name: [4, 'string'],
  type: [5, 'string'],
  format: [6, 'string'],
};

const messages: Readonly<Record<string, Message>> = {
  Document: {
    fields: {
      swagger: [1, 'string'],
      info: [2, 'Info'],
      host: [3, 'string'],
      basePath: [4, 'string'],
      schemes: [5, 'string[]'],
      consumes: [6, 'string[]'],
      produces: [7, 'string[]'],
      paths: [8, 'Paths'],
      definitions: [9, 'Schemas'],
      security: [12, 'SecurityRequirement[]'],
      securityDefinitions: [13, 'SecurityDefinitions'],
    },
    extensions: 16,
  },
  Info: {
    fields: { title: [1, 'string'], version: [2, 'string'], description: [3, 'string'] },
    extensions: 7,
  },
  Paths: { fields: {}, entries: [2, 'PathItem'] },
  PathItem: {
    fields: {
      get: [2, 'Operation'],
      put: [3, 'Operation'],
      post: [4, 'Operation'],
      delete: [5, 'Operation'],
      options: [6, 'Operation'],
      head: [7, 'Operation'],
      patch: [8, 'Operation'],
      parameters: [9, 'ParametersItem[]'],
    },
    extensions: 10,
  },
  Operation: {
    fields: {
      tags: [1, 'string[]'],
      summary: [2, 'string'],
      description: [3, 'string'],
      operationId: [5, 'string'],
      produces: [6, 'string[]'],
      consumes: [7, 'string[]'],
      parameters: [8, 'ParametersItem[]'],
      responses: [9, 'Responses'],
      schemes: [10, 'string[]'],
      deprecated: [11, 'bool'],
    },
    extensions: 13,
  },
  BodyParameter: {
    fields: {
      description: [1, 'string'],
      name: [2, 'string'],
      in: [3, 'string'],
      required: [4, 'bool'],
      schema: [5, 'Schema'],
    },
    extensions: 6,
  },
  HeaderParameter: { fields: parameterFields, extensions: 22 },
  PathParameter: { fields: parameterFields, extensions: 22 },
  QueryParameter: {
    fields: { ...parameterFields, type: [6, 'string'], format: [7, 'string'] },
    extensions: 23,
  },
  Responses: { fields: {}, entries: [1, 'ResponseValue'] },
  Response: { fields: { description: [1, 'string'], schema: [2, 'SchemaItem'] }, extensions: 5 },
  Schema: { fields: schemaFields, extensions: 31 },
  Schemas: { fields: {}, entries: [1, 'Schema'] },
  SecurityRequirement: { fields: {}, entries: [1, 'StringArray'] },
  SecurityDefinitions: { fields: {}, entries: [1, 'SecurityDefinition'] },
  ApiKey: {
    fields: {
      type: [1, 'string'],
      name: [2, 'string'],
      in: [3, 'string'],
      description: [4, 'string'],
    },
    extensions: 5,
  },
  Reference: { fields: { $ref: [1, 'string'], description: [2, 'string'] } },
};

/** Messages that only choose between others: `[number, type]` of what the value is. */
const choices: Readonly<Record<string, (value: OpenApi) => readonly [number, string]>> = {
  ParametersItem: (value) => ('$ref' in value ? [2, 'Reference'] : [1, 'Parameter']),
  Parameter: ({ in: place }) => (place === 'body' ? [1, 'BodyParameter'] : [2, 'OtherParameter']),
  OtherParameter: ({ in: place }) =>
    place === 'header'
      ? [1, 'HeaderParameter']
      : place === 'path'
        ? [4, 'PathParameter']
        : [3, 'QueryParameter'],
  ResponseValue: (value) => ('$ref' in value ? [2, 'Reference'] : [1, 'Response']),
  SchemaItem: () => [1, 'Schema'],
  ItemsItem: () => [1, 'Schema'],
  SecurityDefinition: () => [2, 'ApiKey'],
};

/** Encodes an OpenAPI version 2 document. */
export function encodeDocument(document: OpenApi): Buffer {
  const writer = new BinaryWriter();
  writeMessage(writer, 'Document', document);
  return Buffer.from(writer.finish());
}

function open(writer: BinaryWriter, number: number): BinaryWriter {
  return writer.tag(number, WireType.LengthDelimited).fork();
}

function writeValue(writer: BinaryWriter, number: number, type: string, value: unknown): void {
  if (value === undefined || value === null) return;
  if (type.endsWith('[]')) {
    if (!Array.isArray(value)) return;
    for (const item of value) writeValue(writer, number, type.slice(0, -2), item);
    return;
  }
  switch (type) {
    case 'string':
      if (typeof value !== 'string') return;
      writer.tag(number, WireType.LengthDelimited).string(value);
      return;
    case 'double':
      if (typeof value === 'number') writer.tag(number, WireType.Bit64).double(value);
      return;
    case 'int64':
      if (typeof value === 'number') writer.tag(number, WireType.Varint).int64(value);
      return;
    case 'bool':
      if (value === true) writer.tag(number, WireType.Varint).bool(true);
      return;
    default:
      open(writer, number);
      writeMessage(writer, type, value);
      writer.join();
  }
}

function writeMessage(writer: BinaryWriter, type: string, value: unknown): void {
  switch (type) {
    case 'Any':
      writeValue(writer, 2, 'string', `${formatJson(value)}\n`);
      return;
    case 'StringArray':
      writeValue(writer, 1, 'string[]', value);
      return;
    case 'TypeItem':
      writeValue(writer, 1, 'string[]', Array.isArray(value) ? value : [value]);
      return;
    case 'AdditionalProperties':
      if (isJsonObject(value)) writeValue(writer, 1, 'Schema', value);
      else if (typeof value === 'boolean') writer.tag(2, WireType.Varint).bool(value);
      return;
    default:
  }
  if (!isJsonObject(value)) return;
  const choose = choices[type];
  if (choose !== undefined) {
    const [number, chosen] = choose(value);
    writeValue(writer, number, chosen, value);
    return;
  }
  const message = messages[type];
  if (message !== undefined) writeFields(writer, message, value);
}

function writeFields(writer: BinaryWriter, message: Message, value: Record<string, unknown>): void {
  for (const [name, item] of Object.entries(value)) {
    if (message.entries !== undefined) {
      writePair(writer, message.entries, name, item);
      continue;
    }
    const field = message.fields[name];
    if (field !== undefined) writeValue(writer, field[0], field[1], item);
    else if (name.startsWith('x-') && message.extensions !== undefined) {
      writePair(writer, [message.extensions, 'Any'], name, item);
    }
  }
}

function writePair(
  writer: BinaryWriter,
  [number, type]: readonly [number, string],
  name: string,
  value: unknown,
): void {
  open(writer, number);
  writeValue(writer, 1, 'string', name);
  writeValue(writer, 2, type, value);
  writer.join();
}
