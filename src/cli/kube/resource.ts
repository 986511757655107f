import type { KubeObject } from '../../api/object.js';

/** A resource that the server has, as discovery describes it. */
export interface Resource {
  /** '' is the core group. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly singular: string;
  readonly namespaced: boolean;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly verbs: readonly string[];
}

/** An object's resource, namespace and name. */
export interface ObjectRef {
  readonly resource: Resource;
  /** Undefined for what is in no namespace. */
  readonly namespace: string | undefined;
  readonly name: string;
}

/** Where the server has a resource, an object of it, or a part of that. */
export function pathOf(
  resource: Pick<Resource, 'group' | 'version' | 'plural'>,
  where: {
    readonly namespace?: string | undefined;
    readonly name?: string | undefined;
    readonly subresource?: string | undefined;
  } = {},
): string {
  const root = resource.group === '' ? '/api' : `/apis/${resource.group}`;
  const parts = [root, resource.version];
  if (where.namespace !== undefined) parts.push('namespaces', encodeURIComponent(where.namespace));
  parts.push(resource.plural);
  if (where.name !== undefined) parts.push(encodeURIComponent(where.name));
  if (where.subresource !== undefined) parts.push(where.subresource);
  return parts.join('/');
}

/** The path of an object. */
export function objectPath(ref: ObjectRef, subresource?: string): string {
  const { namespace, name } = ref;
  return pathOf(ref.resource, { namespace, name, subresource });
}

/** `apps/v1`, or `v1`. */
export function apiVersionOf({ group, version }: Pick<Resource, 'group' | 'version'>): string {
  return group === '' ? version : `${group}/${version}`;
}

/** `deployment.apps/web`, as kubectl names what it did something to. */
export function displayName(resource: Resource, name: string): string {
  return `${typeName(resource)}/${name}`;
}

/** `deployment.apps`, `pod`. */
export function typeName({ group, singular, kind }: Resource): string {
  const name = singular === '' ? kind.toLowerCase() : singular;
  return group === '' ? name : `${name}.${group}`;
}

/** `deployments.apps`, `pods`. */
export function pluralName({ group, plural }: Resource): string {
  return group === '' ? plural : `${plural}.${group}`;
}

/** The resource of an object as far as its kind tells it: enough to name it, not to ask a server for it. */
export function namedByKind({ apiVersion = '', kind = '' }: Partial<KubeObject>): Resource {
  const at = apiVersion.indexOf('/');
  const lower = kind.toLowerCase();
  return {
    group: at < 0 ? '' : apiVersion.slice(0, at),
    version: apiVersion.slice(at + 1),
    kind,
    plural: lower,
    singular: lower,
    namespaced: true,
    shortNames: [],
    categories: [],
    verbs: [],
  };
}
