/** The definitions of a kind: the object, its list, and what all kinds share. */
import type { KindDeclaration } from '../kind.js';
import { deleteOptions, listMeta, statusSchema } from '../schema/meta.js';
import type { SchemaNode } from '../schema/node.js';
import type { OpenApi } from './open-api.js';
import type { SchemaWriter } from './schema.js';

const meta = 'io.k8s.apimachinery.pkg.apis.meta.v1';

/** `x-kubernetes-group-version-kind` of one kind. */
export function gvkOf(kind: { group: string; version: string; kind: string }): OpenApi {
  return { group: kind.group, kind: kind.kind, version: kind.version };
}

/** The definition's name of a kind: its schema's, or one made from a custom kind's group. */
export function kindDefinition(kind: KindDeclaration): string {
  if (kind.schema.definition !== undefined) return kind.schema.definition;
  const reversed = kind.group.split('.').toReversed().join('.');
  return `${reversed}.${kind.version}.${kind.kind}`;
}

/** Returns the published schema. Version 2 lists no fields beside unknown ones: clients would refuse the unknown. */
function publishedSchema(writer: SchemaWriter, { custom, schema }: KindDeclaration): SchemaNode {
  const isBare = writer.dialect === 'v2' && custom && schema.preserveUnknown === true;
  return isBare ? { type: 'object' } : schema;
}

/** Writes the object's definition and the list's; returns their names. */
export function defineKindSchemas(
  writer: SchemaWriter,
  kind: KindDeclaration,
): { object: string; list: string } {
  const object = kindDefinition(kind);
  const node: SchemaNode = { ...publishedSchema(writer, kind), definition: object };
  writer.define(node, { 'x-kubernetes-group-version-kind': [gvkOf(kind)] });
  const list = object.replace(/[^.]+$/, kind.listKind);
  if (kind.verbs.includes('list')) {
    const listNode: SchemaNode = {
      type: 'object',
      definition: list,
      description: `A list of ${kind.kind} objects.`,
      properties: {
        apiVersion: {
          type: 'string',
          description: 'APIVersion defines the version in which the object is written.',
        },
        items: { type: 'array', description: 'The objects.', items: node },
        kind: { type: 'string', description: 'Kind of this representation.' },
        metadata: { ...listMeta, description: 'Standard list metadata.' },
      },
      required: ['items'],
    };
    const gvk = { group: kind.group, kind: kind.listKind, version: kind.version };
    writer.define(listNode, { 'x-kubernetes-group-version-kind': [gvk] });
  }
  return { object, list };
}

/** Definitions that every document has; `versions` are those in which DeleteOptions are understood. */
export function defineShared(
  writer: SchemaWriter,
  versions: readonly { group: string; version: string }[],
): void {
  const gvks = versions.map(({ group, version }) => ({ group, kind: 'DeleteOptions', version }));
  writer.define(deleteOptions, { 'x-kubernetes-group-version-kind': gvks });
  writer.define(statusSchema, {
    'x-kubernetes-group-version-kind': [{ group: '', kind: 'Status', version: 'v1' }],
  });
  writer.definitions[`${meta}.Patch`] = {
    description: 'The body of a PATCH request.',
    type: 'object',
  };
}

/** Names of shared definitions. */
export const shared = {
  patch: `${meta}.Patch`,
  status: `${meta}.Status`,
  deleteOptions: `${meta}.DeleteOptions`,
} as const;
