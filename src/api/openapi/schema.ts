/** From schema nodes to OpenAPI schemas, version 2 and 3; named nodes become definitions. */
import type { SchemaNode } from '../schema/node.js';
import { customSchemaV2 } from './custom-schema.js';
import type { OpenApi } from './open-api.js';
import { resolved } from '../schema/node.js';

/** The dialect of OpenAPI to write. */
export type Dialect = 'v2' | 'v3';

const meta = 'io.k8s.apimachinery.pkg.apis.meta.v1';
const refPrefix = { v2: '#/definitions/', v3: '#/components/schemas/' } as const;

/** Scalars that have definitions of their own. */
const scalarDefinitions: Readonly<
  Record<string, { name: string; schema: (d: Dialect) => OpenApi }>
> = {
  'date-time': {
    name: `${meta}.Time`,
    schema: () => ({ type: 'string', format: 'date-time', description: 'A time, RFC 3339.' }),
  },
  'micro-time': {
    name: `${meta}.MicroTime`,
    schema: () => ({
      type: 'string',
      format: 'date-time',
      description: 'A time with microseconds.',
    }),
  },
  quantity: {
    name: 'io.k8s.apimachinery.pkg.api.resource.Quantity',
    schema: (dialect) => ({
      description: 'An amount: a decimal number with a suffix such as m, k, M, Ki, Mi or e3.',
      ...(dialect === 'v2'
        ? { type: 'string' }
        : { oneOf: [{ type: 'string' }, { type: 'number' }] }),
    }),
  },
  duration: {
    name: `${meta}.Duration`,
    schema: () => ({ type: 'string', description: 'A duration such as 1h30m.' }),
  },
  'int-or-string': {
    name: 'io.k8s.apimachinery.pkg.util.intstr.IntOrString',
    schema: (dialect) => ({
      description: 'An integer or a string.',
      format: 'int-or-string',
      ...(dialect === 'v2'
        ? { type: 'string' }
        : { oneOf: [{ type: 'integer' }, { type: 'string' }] }),
    }),
  },
};

/** Collects definitions while nodes are written. */
export class SchemaWriter {
  readonly dialect: Dialect;
  readonly definitions: Record<string, OpenApi> = {};

  constructor(dialect: Dialect) {
    this.dialect = dialect;
  }

  /** A reference to a definition. */
  ref(name: string): OpenApi {
    return { $ref: refPrefix[this.dialect] + name };
  }

  /** Writes a named node as a definition (once) and returns its name. */
  define(node: SchemaNode, extra: OpenApi = {}): string {
    const here = resolved(node);
    const name = here.definition ?? '';
    if (this.definitions[name] === undefined) {
      this.definitions[name] = {};
      Object.assign(this.definitions[name], this.#body(here), extra);
    }
    return name;
  }

  #scalarRef(key: string): string | undefined {
    const known = scalarDefinitions[key];
    if (known === undefined) return undefined;
    this.definitions[known.name] ??= known.schema(this.dialect);
    return known.name;
  }

  /** A reference with what is said at the place of use. */
  #use(name: string, node: SchemaNode, isField: boolean): OpenApi {
    const attributes = isField ? this.#attributes(node) : {};
    if (this.dialect === 'v2') return { ...attributes, ...this.ref(name) };
    if (Object.keys(attributes).length === 0) return this.ref(name);
    const needsDefault = node.type === 'object' && node.always === true;
    return {
      ...(needsDefault ? { default: {} } : {}),
      ...attributes,
      allOf: [this.ref(name)],
    };
  }

  #attributes(node: SchemaNode): OpenApi {
    const out: OpenApi = {};
    if (node.description !== undefined && node.description !== '')
      out['description'] = node.description;
    if (node.default !== undefined && this.dialect === 'v3') out['default'] = node.default;
    if (node.enum !== undefined) out['enum'] = node.enum;
    if (node.type === 'array') {
      if (node.listType !== undefined) out['x-kubernetes-list-type'] = node.listType;
      if (node.listMapKeys !== undefined) out['x-kubernetes-list-map-keys'] = node.listMapKeys;
    }
    if (node.mapType !== undefined) out['x-kubernetes-map-type'] = node.mapType;
    if (node.patchMergeKey !== undefined) out['x-kubernetes-patch-merge-key'] = node.patchMergeKey;
    if (node.patchStrategy !== undefined) out['x-kubernetes-patch-strategy'] = node.patchStrategy;
    return out;
  }

  /** The schema of a node where it is used. */
  write(node: SchemaNode, isField = true): OpenApi {
    const here = resolved(node);
    if (here.source !== undefined && here.definition === undefined) {
      return this.dialect === 'v2' ? customSchemaV2(here.source) : { ...here.source };
    }
    const scalar = this.#scalarRef(here.type === 'int-or-string' ? here.type : (here.format ?? ''));
    if (scalar !== undefined) return this.#use(scalar, node, isField);
    if (here.definition !== undefined) return this.#use(this.define(here), node, isField);
    return this.#body(here);
  }

  #body(node: SchemaNode): OpenApi {
    const out = this.#attributes(node);
    delete out['x-kubernetes-patch-strategy'];
    if (node.definition === undefined) Object.assign(out, this.#attributes(node));
    if (node.source !== undefined) Object.assign(out, node.source);
    switch (node.type) {
      case 'object':
        return this.#objectBody(node, out);
      case 'map':
        out['type'] = 'object';
        if (node.items !== undefined) out['additionalProperties'] = this.write(node.items, false);
        return out;
      case 'array':
        out['type'] = 'array';
        if (node.items !== undefined) out['items'] = this.write(node.items, false);
        return out;
      case 'any':
        if (node.definition !== undefined) out['type'] = 'object';
        return out;
      default:
        out['type'] = node.type;
        if (node.format !== undefined) out['format'] = node.format;
        return out;
    }
  }

  #objectBody(node: SchemaNode, out: OpenApi): OpenApi {
    out['type'] = 'object';
    if (node.properties !== undefined) {
      out['properties'] = Object.fromEntries(
        Object.entries(node.properties)
          .sort(([a], [b]) => (a < b ? -1 : 1))
          .map(([name, field]) => [name, this.write(field)]),
      );
    }
    const required = this.#required(node);
    if (required.length > 0) out['required'] = required;
    if (node.preserveUnknown === true) out['x-kubernetes-preserve-unknown-fields'] = true;
    return out;
  }

  /** Version 2 does not require a field that may be null: it cannot say that. */
  #required(node: SchemaNode): readonly string[] {
    const names = node.required ?? [];
    if (this.dialect === 'v3') return names;
    return names.filter((name) => node.properties?.[name]?.nullable !== true);
  }
}
