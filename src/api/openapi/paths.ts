/** The paths of a resource with their operations. */
import { answersWithObject } from '../facts/delete-answers.js';
import type { KindDeclaration, Subresource, Verb } from '../kind.js';
import type { KindRegistry } from '../registry.js';
import { actionOf, operationId, operationText, tagOf } from './operation-names.js';
import type { Operation } from './operation-names.js';
import { parameter, queryParameters } from './parameters.js';
import { defineKindSchemas, gvkOf, shared } from './definitions.js';
import type { OpenApi } from './open-api.js';
import type { SchemaWriter } from './schema.js';

const textTypes = ['application/json', 'application/yaml'];
const mediaTypes = [...textTypes, 'application/vnd.kubernetes.protobuf'];
const customPatchTypes = [
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/apply-patch+yaml',
];
const patchTypes = [...customPatchTypes, 'application/strategic-merge-patch+json'];

/**
 * Content types of an operation's body. Custom resources offer no strategic merge: kubectl since 1.27 reads from here
 * whether `kubectl apply` may send one.
 */
function inputTypesOf(verb: Verb, kind: KindDeclaration): readonly string[] {
  if (verb === 'patch') return kind.custom ? customPatchTypes : patchTypes;
  return kind.custom ? textTypes : ['*/*'];
}

/** Content types of an operation's answer; custom resources have no protobuf form. */
function outputTypesOf(kind: KindDeclaration): readonly string[] {
  return kind.custom ? textTypes : mediaTypes;
}

/** HTTP methods by verb of one object. */
const methods: Readonly<Partial<Record<Verb, string>>> = {
  get: 'get',
  update: 'put',
  patch: 'patch',
  delete: 'delete',
  create: 'post',
  list: 'get',
  deletecollection: 'delete',
};

/** The verb, the kind and the definitions of an operation. */
interface OperationOptions extends Operation {
  readonly gvk: OpenApi;
  /** Definitions of the body and of the answer. */
  readonly body: string | undefined;
  readonly answer: string;
}

function content(writer: SchemaWriter, types: readonly string[], definition: string): OpenApi {
  return Object.fromEntries(types.map((type) => [type, { schema: writer.ref(definition) }]));
}

function responses(writer: SchemaWriter, options: OperationOptions): OpenApi {
  const { verb, kind, answer } = options;
  const entries = codesOf(verb).map((code): [string, OpenApi] => {
    const description = code === 200 ? 'OK' : code === 201 ? 'Created' : 'Accepted';
    return [
      String(code),
      writer.dialect === 'v2'
        ? { description, schema: writer.ref(answer) }
        : { description, content: content(writer, outputTypesOf(kind), answer) },
    ];
  });
  return { ...Object.fromEntries(entries), 401: { description: 'Unauthorized' } };
}

function codesOf(verb: Verb): number[] {
  if (verb === 'create') return [200, 201, 202];
  if (verb === 'update' || verb === 'patch') return [200, 201];
  return verb === 'delete' ? [200, 202] : [200];
}

function operation(writer: SchemaWriter, options: OperationOptions): OpenApi {
  const { verb, kind, gvk, body } = options;
  const inputTypes = inputTypesOf(verb, kind);
  const parameters = queryParameters(writer, verb, kind.custom);
  const out: OpenApi = {
    description: operationText(options),
    operationId: operationId(options),
    parameters,
    responses: responses(writer, options),
    tags: [tagOf(kind)],
    'x-kubernetes-action': actionOf(options),
    'x-kubernetes-group-version-kind': gvk,
  };
  if (writer.dialect === 'v2') {
    out['consumes'] = inputTypes;
    out['produces'] = outputTypesOf(kind);
    out['schemes'] = ['https'];
    if (body !== undefined) {
      parameters.unshift({ in: 'body', name: 'body', required: true, schema: writer.ref(body) });
    }
  } else if (body !== undefined) {
    out['requestBody'] = { content: content(writer, inputTypes, body), required: true };
  }
  // Go's types write no empty list, and read none as one.
  if (parameters.length === 0) delete out['parameters'];
  return out;
}

/** `/api/v1` or `/apis/apps/v1`. */
export function groupVersionPath(group: string, version: string): string {
  return group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
}

const onObject: readonly Verb[] = ['get', 'update', 'patch', 'delete'];
const onCollection: readonly Verb[] = ['list', 'create', 'deletecollection'];

/** Adds the paths of a kind and its subresources to `paths`. */
export function addPaths(
  writer: SchemaWriter,
  registry: KindRegistry,
  kind: KindDeclaration,
  paths: Record<string, OpenApi>,
): void {
  const definitions = defineKindSchemas(writer, kind);
  const root = groupVersionPath(kind.group, kind.version);
  const base = `${root}${kind.namespaced ? '/namespaces/{namespace}' : ''}/${kind.plural}`;
  const namespace = parameter(writer, 'path', 'namespace', 'string', 'Namespace of the object.');
  const name = parameter(writer, 'path', 'name', 'string', `Name of the ${kind.kind}.`);
  const pretty = parameter(writer, 'query', 'pretty', 'string', 'Indents the answer.');
  const common = kind.namespaced ? [namespace, pretty] : [pretty];
  const make = (verb: Verb, everywhere = false): OpenApi =>
    operation(writer, {
      verb,
      kind,
      everywhere,
      gvk: gvkOf(kind),
      body: bodyOf(verb, definitions.object),
      answer: answerOf(verb, kind, definitions),
    });
  const add = (path: string, verbs: readonly Verb[], parameters: OpenApi[]): void => {
    const present = verbs.filter((verb) => kind.verbs.includes(verb));
    if (present.length === 0) return;
    const operations = present.map((verb) => [methods[verb] ?? verb, make(verb)] as const);
    paths[path] = { ...Object.fromEntries(operations), parameters };
  };
  add(base, onCollection, common);
  add(`${base}/{name}`, onObject, [name, ...common]);
  if (kind.namespaced && kind.verbs.includes('list')) {
    paths[`${root}/${kind.plural}`] = { get: make('list', true), parameters: [pretty] };
  }
  for (const subresource of kind.subresources) {
    paths[`${base}/{name}/${subresource.name}`] = {
      ...subresourceOperations(writer, registry, kind, subresource),
      parameters: [name, ...common],
    };
  }
}

function bodyOf(verb: Verb, object: string): string | undefined {
  if (verb === 'create' || verb === 'update') return object;
  if (verb === 'patch') return shared.patch;
  return verb === 'delete' || verb === 'deletecollection' ? shared.deleteOptions : undefined;
}

function answerOf(
  verb: Verb,
  kind: KindDeclaration,
  definitions: { object: string; list: string },
): string {
  if (verb === 'list') return definitions.list;
  if (verb === 'deletecollection') return shared.status;
  // A namespace is answered too, but Kubernetes' document says otherwise, and generated clients go by that.
  const isAnswered = answersWithObject(kind) && kind.plural !== 'namespaces';
  return verb === 'delete' && !isAnswered ? shared.status : definitions.object;
}

function subresourceOperations(
  writer: SchemaWriter,
  registry: KindRegistry,
  kind: KindDeclaration,
  subresource: Subresource,
): OpenApi {
  const group = subresource.group ?? kind.group;
  const version = subresource.version ?? kind.version;
  const name = subresource.kind ?? kind.kind;
  const own = registry.byKind(group, version, name);
  const body = own === undefined ? undefined : defineKindSchemas(writer, own).object;
  const operations = subresource.verbs.map((verb) => [
    methods[verb] ?? verb,
    operation(writer, {
      verb,
      kind,
      gvk: { group, kind: name, version },
      subresource,
      body: body === undefined ? undefined : bodyOf(verb, body),
      answer: body ?? shared.status,
    }),
  ]);
  return Object.fromEntries(operations) as OpenApi;
}
