/** Random requests of random users, and how each door is asked the same. */
import { assertNever } from '../../src/lib/assert.js';
import type { CallOptions } from '../../src/lib/grpc/index.js';
import type { Prng } from '../../src/lib/prng.js';
import type { DoorAnswer, Identity, TwoDoors } from './two-doors.js';
import { heard, told } from './two-doors.js';

/** A request, independent of the protocol. */
export interface RandomRequest {
  readonly verb: (typeof verbs)[number];
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
  readonly fieldSelector: string;
}

const verbs = [
  'get',
  'list',
  'watch',
  'create',
  'update',
  'patch',
  'delete',
  'deletecollection',
] as const;

/** `group/version/resource`; some are of no kind. */
const resources = [
  '/v1/pods',
  '/v1/secrets',
  '/v1/secrets',
  '/v1/configmaps',
  '/v1/services',
  '/v1/serviceaccounts',
  '/v1/nodes',
  '/v1/namespaces',
  '/v1/persistentvolumes',
  '/v1/events',
  '/v1/widgets',
  '/v1/*',
  '/v2/pods',
  'apps/v1/deployments',
  'apps/v1/pods',
  'apps/v9/deployments',
  'batch/v1/jobs',
  'policy/v1/poddisruptionbudgets',
  'networking.k8s.io/v1/ingresses',
  'coordination.k8s.io/v1/leases',
  'rbac.authorization.k8s.io/v1/roles',
  'rbac.authorization.k8s.io/v1/clusterroles',
  'rbac.authorization.k8s.io/v1/clusterrolebindings',
  'certificates.k8s.io/v1/certificatesigningrequests',
  'authorization.k8s.io/v1/selfsubjectaccessreviews',
  'authorization.k8s.io/v1/localsubjectaccessreviews',
  'authentication.k8s.io/v1/tokenreviews',
  'apiextensions.k8s.io/v1/customresourcedefinitions',
  'nope.example.com/v1/things',
];
const subresources = [
  'status',
  'scale',
  'binding',
  'eviction',
  'token',
  'approval',
  'finalize',
  'ephemeralcontainers',
  'exec',
  'log',
  'foo',
  '*',
];
const namespaces = [
  '',
  'fuzz-team',
  'fuzz-team',
  'fuzz-other',
  'kube-system',
  'kube-node-lease',
  'absent',
  '..',
];
const names = [
  'site',
  'other',
  'used',
  'p',
  'fuzz-n1',
  'fuzz-n2',
  'fuzz-team',
  'default',
  'absent',
  '..',
  '*',
  'a:b',
];
const selectors = [
  '',
  '',
  'metadata.name=site',
  'metadata.name==other',
  'metadata.name!=site',
  'metadata.name=site,metadata.namespace=fuzz-team',
  'metadata.name=..',
  'metadata.namespace=fuzz-team',
  'spec.nodeName=fuzz-n1',
  'metadata.name',
];
const ownSubresources = new Set(['', 'status', 'finalize']);

/** Draws a request that both doors can express. */
export function drawRequest(prng: Prng): RandomRequest {
  const one = <T>(list: readonly T[]): T => list[prng.below(list.length)] as T;
  const verb = one(verbs);
  const [group = '', version = '', resource = ''] = one(resources).split('/');
  const collection = verb === 'list' || verb === 'watch' || verb === 'deletecollection';
  // HTTP has a name for a watch, but none for a list; one object is always named.
  const mayBeNamed = verb === 'watch' ? prng.below(3) === 0 : !collection;
  const name = mayBeNamed && (verb !== 'create' || prng.below(2) === 0) ? one(names) : '';
  let subresource = name === '' || prng.below(2) === 0 ? '' : one(subresources);
  const namespace = one(namespaces);
  // `namespaces/a/b` is the resource `b` in the namespace `a`.
  if (resource === 'namespaces' && !ownSubresources.has(subresource)) subresource = '';
  const fieldSelector = collection ? one(selectors) : '';
  return { verb, group, version, resource, subresource, namespace, name, fieldSelector };
}

const methods = {
  get: 'GET',
  list: 'GET',
  watch: 'GET',
  create: 'POST',
  update: 'PUT',
  patch: 'PATCH',
  delete: 'DELETE',
  deletecollection: 'DELETE',
} as const;

/** The request as a method and a path. Writes are dry runs. */
export function httpForm(request: RandomRequest): { method: string; path: string } {
  const { verb, group, version, resource, subresource, namespace, name } = request;
  const byPrefix = verb === 'watch' && name !== '';
  const parts = [
    ...(group === '' ? ['api'] : ['apis', group]),
    version,
    ...(byPrefix ? ['watch'] : []),
    ...(namespace === '' ? [] : ['namespaces', namespace]),
    resource,
    ...(name === '' ? [] : [name]),
    ...(subresource === '' ? [] : [subresource]),
  ];
  const query = new URLSearchParams();
  if (request.fieldSelector !== '') query.set('fieldSelector', request.fieldSelector);
  if (verb === 'watch' && !byPrefix) query.set('watch', 'true');
  if (!['get', 'list', 'watch'].includes(verb)) query.set('dryRun', 'All');
  const path = `/${parts.map(encodeURIComponent).join('/')}`;
  return { method: methods[verb], path: `${path}?${query.toString()}` };
}

const nothing = Buffer.from('{}');

/** Asks the REST door. A watch is left as soon as it has begun. */
export function askRest(
  doors: TwoDoors,
  identity: Identity,
  request: RandomRequest,
): Promise<DoorAnswer> {
  const { method, path } = httpForm(request);
  const type = request.verb === 'patch' ? 'application/merge-patch+json' : 'application/json';
  const writes = method !== 'GET' && method !== 'DELETE';
  return doors.rest(identity, method, path, {
    ...(writes ? { body: {} } : {}),
    headers: { 'content-type': type },
    leavesEarly: request.verb === 'watch',
  });
}

/** Asks the gRPC door the same. */
export function askGrpc(
  doors: TwoDoors,
  identity: Identity,
  request: RandomRequest,
): Promise<DoorAnswer> {
  const { verb, fieldSelector, ...ref } = request;
  const api = doors.grpc(identity);
  const { token } = identity;
  const call: CallOptions =
    token === undefined ? {} : { metadata: new Map([['authorization', `Bearer ${token}`]]) };
  const options = { dryRun: true, fieldManager: '', fieldValidation: '' };
  const selection = { ref, labelSelector: '', fieldSelector };
  switch (verb) {
    case 'get':
      return told(api.get({ ref, resourceVersion: '' }, call));
    case 'list': {
      const page = { resourceVersion: '', resourceVersionMatch: '', limit: 0, continue: '' };
      return heard(api.list({ ...selection, ...page }, call));
    }
    case 'watch':
      return heard(
        api.watch({ ...selection, resourceVersion: '', allowBookmarks: true }, call),
        () => true,
      );
    case 'create':
      return told(api.create({ ref, object: nothing, options }, call));
    case 'update':
      return told(api.update({ ref, object: nothing, options }, call));
    case 'patch': {
      const patchType = 'application/merge-patch+json';
      return told(api.patch({ ref, patchType, patch: nothing, force: false, options }, call));
    }
    case 'delete':
      return told(api.delete({ ...selection, deleteOptions: Buffer.alloc(0), options }, call));
    case 'deletecollection':
      return told(
        api.deleteCollection({ ...selection, deleteOptions: Buffer.alloc(0), options }, call),
      );
    default:
      return assertNever(verb, 'verb');
  }
}

/** Returns the verdict of an answer about the caller's rights and the served resource; refusals with their words. */
export function verdictOf({ code, message }: DoorAnswer): string {
  switch (code) {
    case 401:
    case 403:
      return `${code} ${message}`;
    case 404:
      return message.startsWith('the server could not find') || message.startsWith('404 page')
        ? 'not served'
        : 'allowed';
    case 405:
      return 'not allowed on this resource';
    default:
      return 'allowed';
  }
}
