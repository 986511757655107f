/** What a request is about, read from its method and path, as apiserver's `RequestInfoFactory` does. */
export interface RequestInfo {
  readonly isResource: boolean;
  readonly path: string;
  /** Kubernetes' verb for resources; the lower-case method otherwise. */
  readonly verb: string;
  readonly group: string;
  readonly version: string;
  readonly namespace: string;
  readonly resource: string;
  readonly subresource: string;
  readonly name: string;
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

function decodePart(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** Reads a request's path and query. Never throws: what cannot be a resource is a non-resource request. */
export function parseRequest(method: string, path: string, query: URLSearchParams): RequestInfo {
  const none: RequestInfo = {
    isResource: false,
    path,
    verb: method.toLowerCase(),
    group: '',
    version: '',
    namespace: '',
    resource: '',
    subresource: '',
    name: '',
    parts: [],
  };
  let parts = path
    .split('/')
    .filter((part) => part !== '')
    .map(decodePart);
  const isCore = parts[0] === 'api';
  if (!isCore && parts[0] !== 'apis') return none;
  if (parts.length < (isCore ? 3 : 4)) return none;
  const group = isCore ? '' : (parts[1] ?? '');
  const version = (isCore ? parts[1] : parts[2]) ?? '';
  parts = parts.slice(isCore ? 2 : 3);
  let verb = verbsByMethod[method] ?? method.toLowerCase();
  if (parts[0] === 'watch' && parts.length > 1) {
    parts = parts.slice(1);
    verb = 'watch';
  }
  let namespace = '';
  if (parts[0] === 'namespaces' && parts.length > 1) {
    namespace = parts[1] ?? '';
    if (parts.length > 2 && !namespaceSubresources.has(parts[2] ?? '')) parts = parts.slice(2);
  }
  const [resource = '', name = '', subresource = ''] = parts;
  if (verb === 'get' && name === '') verb = isWatch(query) ? 'watch' : 'list';
  else if (verb === 'get' && isWatch(query) && subresource === '') verb = 'watch';
  else if (verb === 'delete' && name === '') verb = 'deletecollection';
  return {
    ...none,
    isResource: true,
    verb,
    group,
    version,
    namespace,
    resource,
    subresource,
    name: name === '' && verb !== 'create' ? nameFromSelector(query) : name,
    parts,
  };
}

/** `watch=true`, `watch=1`, or a bare `watch`. */
function isWatch(query: URLSearchParams): boolean {
  const value = query.get('watch');
  return value !== null && value !== 'false' && value !== '0';
}

/** A list that selects one name counts as a request for that name, so that rules with resourceNames apply. */
function nameFromSelector(query: URLSearchParams): string {
  const match = /^metadata\.name==?([^,!=]+)$/.exec(query.get('fieldSelector') ?? '');
  return match?.[1] ?? '';
}
