/** The verb and the resource of a method and a path, as apiserver's RequestInfoFactory reads them. */
import { expect, test } from '@jest/globals';
import { parseRequest } from './request-info.js';

const core = { group: '', version: 'v1', subresource: '', namespace: '', name: '' };

test.each<[string, string, object | undefined]>([
  ['GET /api/v1/pods', 'list', { ...core, resource: 'pods' }],
  ['GET /api/v1/pods?watch', 'watch', { ...core, resource: 'pods' }],
  ['GET /api/v1/pods?watch=false', 'list', { ...core, resource: 'pods' }],
  [
    'GET /api/v1/namespaces/a/pods/p',
    'get',
    { ...core, resource: 'pods', namespace: 'a', name: 'p' },
  ],
  // A request with a name gets one object, whatever the query says.
  [
    'GET /api/v1/namespaces/a/pods/p?watch=1',
    'get',
    { ...core, resource: 'pods', namespace: 'a', name: 'p' },
  ],
  ['POST /api/v1/watch/pods', '', { ...core, resource: 'pods' }],
  [
    'GET /api/v1/watch/namespaces/a/pods/p',
    'watch',
    { ...core, resource: 'pods', namespace: 'a', name: 'p' },
  ],
  ['GET /api/v1/watch/namespaces/a', 'watch', { ...core, resource: 'namespaces', name: 'a' }],
  ['DELETE /api/v1/namespaces/a', 'delete', { ...core, resource: 'namespaces', name: 'a' }],
  [
    'PUT /api/v1/namespaces/a/finalize',
    'update',
    { ...core, resource: 'namespaces', name: 'a', subresource: 'finalize' },
  ],
  [
    'DELETE /api/v1/namespaces/a/pods',
    'deletecollection',
    { ...core, resource: 'pods', namespace: 'a' },
  ],
  [
    'PATCH /apis/apps/v1/namespaces/a/deployments/d/scale',
    'patch',
    {
      group: 'apps',
      version: 'v1',
      resource: 'deployments',
      namespace: 'a',
      name: 'd',
      subresource: 'scale',
    },
  ],
  // An encoded slash separates: nothing that is authorized as one segment is executed as two.
  [
    'GET /api/v1/namespaces/a/pods%2Fp%2Fexec',
    'get',
    { ...core, resource: 'pods', namespace: 'a', name: 'p', subresource: 'exec' },
  ],
  [
    'GET /api/apps%2Fv1/deployments',
    'get',
    { ...core, version: 'apps', resource: 'v1', name: 'deployments' },
  ],
  [
    'GET /api/v1/namespaces/a/secrets/%2e%2e',
    'get',
    { ...core, resource: 'secrets', namespace: 'a', name: '..' },
  ],
  // Empty segments count, but for those at the ends.
  ['GET //api/v1/pods///', 'list', { ...core, resource: 'pods' }],
  [
    'GET /api/v1/namespaces/a//pods/p',
    'get',
    { ...core, resource: '', namespace: 'a', name: 'pods', subresource: 'p' },
  ],
  ['GET /api/v1', 'get', undefined],
  ['GET /apis/apps/v1', 'get', undefined],
  ['GET /healthz', 'get', undefined],
  // A path that cannot be decoded stays as it is, and no segment may hold a percent sign.
  ['GET /api/v1/secrets%zz', 'list', { ...core, resource: 'secrets%zz' }],
])('%s', (line, verb, resource) => {
  const [method = '', target = ''] = line.split(' ');
  const [path = '', query = ''] = target.split('?');
  const info = parseRequest(method, path, new URLSearchParams(query));
  expect({ verb: info.verb, resource: info.resource }).toEqual({ verb, resource });
});
