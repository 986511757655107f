import type { ResourceName } from '../verbs/index.js';

/** The verb and the resource of a request, read from its method and path, as apiserver's `RequestInfoFactory` does. */
export interface RequestInfo {
  /** Decoded. */
  readonly path: string;
  /** Kubernetes' verb for resources, empty for a method that has none; the lower-case method otherwise. */
  readonly verb: string;
  /** Undefined for a path outside of the resources. */
  readonly resource: ResourceName | undefined;
  /** Everything from the resource on, decoded. */
  readonly parts: readonly string[];
}

const verbsByMethod: Readonly<Record<string, string>> = {
  POST: 'create',
  GET: 'get',
  HEAD: 'get',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
};

/** Parts behind `namespaces/<name>` that belong to the namespace itself. */
const namespaceSubresources = new Set(['status', 'finalize']);

/** Decodes a path. One that cannot be decoded stays as it is: nothing is served at such a path. */
function decodePath(path: string): string {
  if (!path.includes('%')) return path;
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

/** In one pass: a pattern would go back for each slash of a long row. */
function trimSlashes(path: string): string {
  let [start, end] = [0, path.length];
  while (start < end && path[start] === '/') start++;
  while (end > start && path[end - 1] === '/') end--;
  return path.slice(start, end);
}

/**
 * Reads a request's path and query. Never throws: what cannot be a resource is a non-resource request. The path is
 * decoded before it is split, as in Kubernetes: an encoded slash separates like any other.
 */
export function parseRequest(method: string, rawPath: string, query: URLSearchParams): RequestInfo {
  const path = decodePath(rawPath);
  const none = { path, verb: method.toLowerCase(), resource: undefined, parts: [] };
  let parts = trimSlashes(path).split('/');
  const isCore = parts[0] === 'api';
  if (!isCore && parts[0] !== 'apis') return none;
  if (parts.length < (isCore ? 3 : 4)) return none;
  const group = isCore ? '' : (parts[1] ?? '');
  const version = (isCore ? parts[1] : parts[2]) ?? '';
  parts = parts.slice(isCore ? 2 : 3);
  let verb = verbsByMethod[method] ?? '';
  if (parts[0] === 'watch' && parts.length > 1) {
    parts = parts.slice(1);
    // Nothing else is done by these paths: another method is none that they have.
    verb = method === 'GET' ? 'watch' : '';
  }
  let namespace = '';
  if (parts[0] === 'namespaces' && parts.length > 2 && !namespaceSubresources.has(parts[2] ?? '')) {
    namespace = parts[1] ?? '';
    parts = parts.slice(2);
  }
  const [resource = '', name = '', subresource = ''] = parts;
  if (verb === 'get' && name === '') verb = isWatch(query) ? 'watch' : 'list';
  else if (verb === 'delete' && name === '') verb = 'deletecollection';
  return {
    path,
    verb,
    resource: { group, version, resource, subresource, namespace, name },
    parts,
  };
}

/** `watch=true`, `watch=1`, or a bare `watch`. */
function isWatch(query: URLSearchParams): boolean {
  return readFlag(query, 'watch') ?? false;
}

/** A boolean query parameter: whatever is neither `false` nor `0` is true. Undefined when it is absent. */
export function readFlag(query: URLSearchParams, name: string): boolean | undefined {
  const value = query.get(name);
  return value === null ? undefined : value !== '0' && value.toLowerCase() !== 'false';
}
