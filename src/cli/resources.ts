import type { KubeObject } from '../api/object.js';
import { builtInRegistry } from '../api/kinds.js';
import type { KindDeclaration } from '../api/kind.js';
import type { ResourceId } from '../client/index.js';
import { UsageError } from '../lib/usage-error.js';

const kinds = builtInRegistry();

/** The resource that a user named: its kind, and the name under which the API serves it. */
export interface NamedResource {
  readonly kind: KindDeclaration;
  readonly id: ResourceId;
}

function named(kind: KindDeclaration): NamedResource {
  return { kind, id: { group: kind.group, version: kind.version, resource: kind.plural } };
}

/** A resource by plural, singular, short name or kind. @throws UsageError */
export function resourceByName(text: string): NamedResource {
  const kind = kinds.byName(text);
  if (kind === undefined) {
    throw new UsageError(`the server doesn't have a resource type "${text}"`);
  }
  return named(kind);
}

/** The resource of an object by its apiVersion and kind. @throws UsageError */
export function resourceOfObject(object: KubeObject): NamedResource {
  const apiVersion = object.apiVersion ?? '';
  const at = apiVersion.indexOf('/');
  const kind = kinds.byKind(
    apiVersion.slice(0, Math.max(0, at)),
    apiVersion.slice(at + 1),
    object.kind ?? '',
  );
  if (kind === undefined) {
    throw new UsageError(`no matches for kind "${object.kind ?? ''}" in version "${apiVersion}"`);
  }
  return named(kind);
}

/** `deployment.apps/web`, as kubectl names what it did something to. */
export function displayName(resource: NamedResource, name: string): string {
  const { group, singular } = resource.kind;
  return `${group === '' ? singular : `${singular}.${group}`}/${name}`;
}

/** `pods a b`, `pod/a service/b`, or `pods,services`: what the arguments of get, describe and delete name. */
export function parseTargets(
  parameters: readonly string[],
): readonly { readonly resource: NamedResource; readonly names: readonly string[] }[] {
  const [first, ...rest] = parameters;
  if (first === undefined) throw new UsageError('name a resource, for example "pods"');
  if (first.includes('/')) {
    return parameters.map((text) => {
      const [type = '', name = ''] = text.split('/');
      if (name === '') throw new UsageError(`"${text}" is not TYPE/NAME`);
      return { resource: resourceByName(type), names: [name] };
    });
  }
  const types = first.split(',');
  if (types.length > 1 && rest.length > 0) {
    throw new UsageError('several types take no names; use TYPE/NAME');
  }
  return types.map((type) => ({ resource: resourceByName(type), names: rest }));
}
