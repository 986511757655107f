/**
 * From what a request asks for to what will be executed: the kind, the subresource, the one name; and the attributes of
 * authorization, which are made here and nowhere else. Pure.
 */
import type { KindDeclaration, Subresource, Verb } from '../../../api/kind.js';
import type { KindRegistry } from '../../../api/registry.js';
import type { Attributes } from '../authz/attributes.js';
import type { Target, UserInfo } from '../registry/types.js';
import type { StatusError } from '../status.js';
import { badRequest, methodNotAllowed, noSuchResource } from '../status.js';
import type { ResourceName } from './names.js';
import { hasPlainSegments, segmentFault, selectedName } from './names.js';

/** A request for a resource before anything is known of it. */
export interface Asked {
  readonly verb: string;
  readonly name: ResourceName;
  /** The field selector of a list or a watch; empty otherwise. */
  readonly fieldSelector: string;
}

/** The attributes to authorize, and the target or the refusal once they are granted. */
export interface Resolution {
  readonly attributes: Attributes;
  /** The target of the request; undefined when the request is refused for a caller who may make it. */
  readonly target: Target | undefined;
  /** The refusal of a request that has no target. An unauthorized caller is told something else: Forbidden. */
  readonly refusal: StatusError | undefined;
}

const objectVerbs: ReadonlySet<Verb> = new Set(['get', 'update', 'patch', 'delete']);
const collectionVerbs: ReadonlySet<string> = new Set(['list', 'watch', 'deletecollection']);

/**
 * Resolves a request. The attributes are those of the target; a request that will not be executed keeps those that were
 * asked for, so that the answer to an unauthorized caller does not tell what exists.
 */
export function resolve(kinds: KindRegistry, user: UserInfo, asked: Asked): Resolution {
  const { verb, name: wanted } = asked;
  const kind =
    wanted.version !== '' && hasPlainSegments(wanted)
      ? kinds.byResource(wanted.group, wanted.version, wanted.resource)
      : undefined;
  const attributes: Attributes = {
    user,
    verb,
    isResource: true,
    group: wanted.group,
    version: wanted.version,
    resource: wanted.resource,
    subresource: wanted.subresource,
    namespace: authorizedNamespace(wanted),
    name: wanted.name === '' ? nameOfSelection(asked) : wanted.name,
    path: '',
  };
  const refusal = kind === undefined ? noSuchResource() : refusalOf(kind, asked);
  if (kind === undefined || refusal !== undefined)
    return { attributes, target: undefined, refusal };
  const { subresource, name } = wanted;
  const namespace = kind.namespaced ? wanted.namespace : '';
  return { attributes, target: { kind, namespace, name, subresource }, refusal: undefined };
}

/** A namespace is authorized in itself, as Kubernetes does: a Role there may grant to read or delete it. */
function authorizedNamespace({ resource, name, namespace }: ResourceName): string {
  return namespace === '' && resource === 'namespaces' ? name : namespace;
}

/** A deletecollection by a selector counts as one of everything, as in Kubernetes. */
function nameOfSelection({ verb, fieldSelector }: Asked): string {
  return verb === 'list' || verb === 'watch' ? selectedName(fieldSelector) : '';
}

function refusalOf(kind: KindDeclaration, asked: Asked): StatusError | undefined {
  const { verb, name: wanted } = asked;
  const { name, subresource } = wanted;
  const fault = scopeFault(kind, asked);
  if (fault !== undefined) return fault;
  if (subresource !== '') {
    const part = kind.subresources.find((candidate) => candidate.name === subresource);
    if (part === undefined || name === '') return noSuchResource();
    if (!allows(part, verb) && !isProxied(asked)) return methodNotAllowed();
  } else {
    const named = name !== '';
    // Below a resource whose objects are only created (reviews) there are no objects.
    if (named && !kind.verbs.some((known) => objectVerbs.has(known))) return noSuchResource();
    if (verb === 'create' ? named : !named && !collectionVerbs.has(verb)) return methodNotAllowed();
    if (!allows(kind, verb)) return methodNotAllowed();
  }
  const invalid = segmentFault(name);
  if (invalid === undefined) return undefined;
  return badRequest(`Name parameter invalid: ${JSON.stringify(name)}: ${invalid}`);
}

/** Returns the error of a namespace, or of its absence, that does not suit the scope of the kind. */
function scopeFault(kind: KindDeclaration, asked: Asked): StatusError | undefined {
  const { verb, name: wanted } = asked;
  if (!kind.namespaced) return wanted.namespace === '' ? undefined : noSuchResource();
  if (wanted.namespace !== '') return undefined;
  // Kinds that are only created (reviews) have no collection over all namespaces.
  if (wanted.name !== '' || !kind.verbs.includes('list')) return noSuchResource();
  return verb === 'create' || verb === 'deletecollection' ? methodNotAllowed() : undefined;
}

/** A proxied request may have a method that is no verb (OPTIONS): it means something to the backend. */
function isProxied({ verb, name }: Asked): boolean {
  return verb === '' && name.subresource === 'proxy';
}

function allows(part: Pick<Subresource, 'verbs'>, verb: string): boolean {
  const known: readonly string[] = part.verbs satisfies readonly Verb[];
  return known.includes(verb);
}
