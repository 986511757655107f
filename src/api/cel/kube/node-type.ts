/** Types of CEL from the schemas of kinds, as expressions of admission policies see their objects. */
import type { SchemaNode } from '../../schema/node.js';
import type { CelType } from '../types.js';
import { listOf, mapOf, structOf, types } from '../types.js';
import { escapeName } from './escape.js';

const known = new WeakMap<SchemaNode, CelType>();

/** Returns the type of a schema's values. */
export function nodeType(node: SchemaNode, name: string): CelType {
  let type = known.get(node);
  if (type === undefined) known.set(node, (type = typeOf(node, name)));
  return type;
}

function typeOf(node: SchemaNode, name: string): CelType {
  // A schema within itself has no end.
  if (node.resolve !== undefined) return types.dyn;
  switch (node.type) {
    case 'object':
      return objectType(node, name);
    case 'map':
      return mapOf(types.string, below(node.items, `${name}.@elem`));
    case 'array':
      return listOf(below(node.items, `${name}.@idx`));
    case 'string':
      return textType(node.format);
    case 'integer':
      return types.int;
    case 'number':
      return types.double;
    case 'boolean':
      return types.bool;
    default:
      return types.dyn;
  }
}

function below(node: SchemaNode | undefined, name: string): CelType {
  return node === undefined ? types.dyn : nodeType(node, name);
}

function objectType({ properties = {} }: SchemaNode, name: string): CelType {
  const fields = new Map<string, CelType>();
  for (const [property, field] of Object.entries(properties)) {
    const escaped = escapeName(property);
    if (escaped !== undefined) fields.set(escaped, nodeType(field, `${name}.${property}`));
  }
  return structOf(name, fields);
}

function textType(format: string | undefined): CelType {
  switch (format) {
    case 'byte':
      return types.bytes;
    case 'duration':
      return types.duration;
    case 'date':
    case 'date-time':
    case 'micro-time':
      return types.timestamp;
    default:
      return types.string;
  }
}
