/** Discovery documents, derived from the kinds: legacy lists per version, and the aggregated form (apidiscovery v2). */
import { createHash } from 'node:crypto';
import type { KindDeclaration, Subresource } from '../../../api/kind.js';
import { formatGroupVersion } from '../../../api/object.js';
import { remoteResources } from './remote-resources.js';
import type { ServedGroup, ServedGroups } from './served-groups.js';

/** An entry of an `APIResourceList`. */
export interface ApiResource {
  readonly name: string;
  readonly singularName: string;
  readonly namespaced: boolean;
  readonly group?: string;
  readonly version?: string;
  readonly kind: string;
  readonly verbs: readonly string[];
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
  /** Tells the version in which objects are stored, so that clients see it change. */
  readonly storageVersionHash?: string;
}

const hashBytes = 8;

/** As apiserver's `discovery.StorageVersionHash`: of `group/version/kind`. */
function storageVersionHash({ version, kind, storage, versions }: KindDeclaration): string {
  const stored = versions?.stored ?? storage.apiVersion?.split('/').at(-1) ?? version;
  const text = `${storage.group}/${stored}/${kind}`;
  return createHash('sha256').update(text).digest().subarray(0, hashBytes).toString('base64');
}

function resourceOf(kind: KindDeclaration): ApiResource {
  return {
    name: kind.plural,
    singularName: kind.singular,
    namespaced: kind.namespaced,
    kind: kind.kind,
    verbs: [...kind.verbs].sort(),
    ...(kind.shortNames.length === 0 ? {} : { shortNames: kind.shortNames }),
    ...(kind.categories.length === 0 ? {} : { categories: kind.categories }),
    ...(kind.virtual ? {} : { storageVersionHash: storageVersionHash(kind) }),
  };
}

function subresourceOf(kind: KindDeclaration, part: Subresource): ApiResource {
  return {
    name: `${kind.plural}/${part.name}`,
    singularName: '',
    namespaced: kind.namespaced,
    ...(part.group === undefined ? {} : { group: part.group }),
    ...(part.version === undefined ? {} : { version: part.version }),
    kind: part.kind ?? kind.kind,
    verbs: [...part.verbs].sort(),
  };
}

/** `GET /api/v1` and `GET /apis/<group>/<version>`; undefined when there is no such version. */
export function resourceList(
  served: ServedGroups,
  group: string,
  version: string,
): object | undefined {
  const declared = served.kinds(group, version);
  if (declared.length === 0) return undefined;
  const resources = declared
    .flatMap((kind) => [
      resourceOf(kind),
      ...kind.subresources.map((part) => subresourceOf(kind, part)),
    ])
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  return {
    kind: 'APIResourceList',
    ...(group === '' ? {} : { apiVersion: 'v1' }),
    groupVersion: formatGroupVersion(group, version),
    resources,
  };
}

/** `GET /apis/<group>`; undefined when there is no such group. */
export function groupDocument(served: ServedGroups, group: string): object | undefined {
  const found = served.list().find((candidate) => candidate.group === group);
  if (found === undefined || group === '') return undefined;
  return { kind: 'APIGroup', apiVersion: 'v1', ...groupBody(found) };
}

function groupBody(found: ServedGroup): object {
  const versions = found.versions.map(({ version }) => ({
    groupVersion: formatGroupVersion(found.group, version),
    version,
  }));
  return { name: found.group, versions, preferredVersion: versions[0] };
}

/** `GET /apis`. */
export function groupList(served: ServedGroups): object {
  const groups = served.list().filter((found) => found.group !== '');
  return { kind: 'APIGroupList', apiVersion: 'v1', groups: groups.map(groupBody) };
}

/** `GET /api`. */
export function coreVersions(serverAddress: string): object {
  return {
    kind: 'APIVersions',
    versions: ['v1'],
    serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress }],
  };
}

/** A built-in kind leaves its group and version to those that it stands below. */
function responseVersion({ custom, group, version }: KindDeclaration): {
  readonly group: string;
  readonly version: string;
} {
  return custom ? { group, version } : { group: '', version: '' };
}

function aggregatedResource(kind: KindDeclaration): object {
  const subresources = kind.subresources.map((part) => ({
    subresource: part.name,
    responseKind: {
      ...responseVersion(kind),
      ...(part.group === undefined ? {} : { group: part.group }),
      ...(part.version === undefined ? {} : { version: part.version }),
      kind: part.kind ?? kind.kind,
    },
    verbs: [...part.verbs].sort(),
  }));
  return {
    resource: kind.plural,
    responseKind: { ...responseVersion(kind), kind: kind.kind },
    scope: kind.namespaced ? 'Namespaced' : 'Cluster',
    singularResource: kind.singular,
    verbs: [...kind.verbs].sort(),
    ...(kind.shortNames.length === 0 ? {} : { shortNames: kind.shortNames }),
    ...(kind.categories.length === 0 ? {} : { categories: kind.categories }),
    ...(subresources.length === 0 ? {} : { subresources }),
  };
}

/** `APIGroupDiscoveryList` for `/api` (core) or `/apis` (the rest). */
export function aggregatedDiscovery(
  served: ServedGroups,
  scope: 'core' | 'groups',
  apiVersion: string,
): object {
  const groups = served.list().filter((found) => (found.group === '') === (scope === 'core'));
  return {
    kind: 'APIGroupDiscoveryList',
    apiVersion,
    metadata: {},
    items: groups.map((found) => ({
      metadata: { ...(found.group === '' ? {} : { name: found.group }), creationTimestamp: null },
      versions: found.versions.map(({ version, remote }) => ({
        version,
        resources:
          remote === undefined
            ? served.kinds(found.group, version).map(aggregatedResource)
            : remoteResources(remote),
        freshness: remote === undefined || remote.isAvailable ? 'Current' : 'Stale',
      })),
    })),
  };
}
