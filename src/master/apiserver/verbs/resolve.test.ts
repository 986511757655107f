/**
 * The request that is authorized is the one that is executed: requests, their attributes, and what becomes of them, as
 * kube-apiserver answered.
 */
import { describe, expect, test } from '@jest/globals';
import { builtInRegistry } from '../../../api/kinds.js';
import { selectedName } from './names.js';
import { resolve } from './resolve.js';

const kinds = builtInRegistry();
const user = { name: 'somebody', groups: [] };

interface Case {
  readonly verb: string;
  /** `group/version/resource[/subresource]`; the core group is empty. */
  readonly what: string;
  readonly namespace?: string;
  readonly name?: string;
  readonly fieldSelector?: string;
}

function ask({ verb, what, namespace = '', name = '', fieldSelector = '' }: Case) {
  const [group = '', version = '', resource = '', subresource = ''] = what.split('|');
  const wanted = { group, version, resource, subresource, namespace, name };
  const { attributes, target, refusal } = resolve(kinds, user, {
    verb,
    name: wanted,
    fieldSelector,
  });
  const full = [attributes.resource, attributes.subresource].filter(Boolean).join('/');
  return {
    asked: `${attributes.verb} ${attributes.group}/${full} ns=${attributes.namespace} name=${attributes.name}`,
    outcome:
      target === undefined
        ? `${refusal?.code} ${refusal?.message}`
        : `${target.kind.plural}/${target.subresource} ns=${target.namespace} name=${target.name}`,
  };
}

const noSuch = '404 the server could not find the requested resource';
const notAllowed = '405 the server does not allow this method on the requested resource';

describe('a request is resolved', () => {
  test.each<[string, Case, string, string]>([
    [
      'a get',
      { verb: 'get', what: '|v1|secrets', namespace: 'a', name: 's' },
      'get /secrets ns=a name=s',
      'secrets/ ns=a name=s',
    ],
    [
      'a list by name keeps the name',
      { verb: 'list', what: '|v1|secrets', namespace: 'a', name: 's' },
      'list /secrets ns=a name=s',
      'secrets/ ns=a name=s',
    ],
    [
      'a selected name is authorized',
      { verb: 'watch', what: '|v1|secrets', namespace: 'a', fieldSelector: 'metadata.name=s' },
      'watch /secrets ns=a name=s',
      'secrets/ ns=a name=',
    ],
    [
      'a deletecollection by selector is one of everything',
      {
        verb: 'deletecollection',
        what: '|v1|secrets',
        namespace: 'a',
        fieldSelector: 'metadata.name=s',
      },
      'deletecollection /secrets ns=a name=',
      'secrets/ ns=a name=',
    ],
    [
      'a cluster-scoped kind in a namespace',
      {
        verb: 'update',
        what: 'certificates.k8s.io|v1|certificatesigningrequests|approval',
        namespace: 'a',
        name: 'c',
      },
      'update certificates.k8s.io/certificatesigningrequests/approval ns=a name=c',
      noSuch,
    ],
    [
      'a namespace is in itself',
      { verb: 'delete', what: '|v1|namespaces', name: 'a' },
      'delete /namespaces ns=a name=a',
      'namespaces/ ns= name=a',
    ],
    [
      'a namespace in another',
      { verb: 'delete', what: '|v1|namespaces', namespace: 'b', name: 'a' },
      'delete /namespaces ns=b name=a',
      noSuch,
    ],
    [
      'a namespace selected in a list is of the cluster',
      { verb: 'list', what: '|v1|namespaces', fieldSelector: 'metadata.name=a' },
      'list /namespaces ns= name=a',
      'namespaces/ ns= name=',
    ],
    [
      'an invented subresource',
      { verb: 'get', what: '|v1|secrets|scale', namespace: 'a', name: 's' },
      'get /secrets/scale ns=a name=s',
      noSuch,
    ],
    [
      'a subresource that another kind has',
      { verb: 'get', what: '|v1|pods|foo', namespace: 'a', name: 's' },
      'get /pods/foo ns=a name=s',
      noSuch,
    ],
    [
      'every resource',
      { verb: 'get', what: '|v1|*|scale', namespace: 'a', name: 's' },
      'get /*/scale ns=a name=s',
      noSuch,
    ],
    [
      'a version that holds a group',
      { verb: 'list', what: '|apps/v1|deployments', namespace: 'a' },
      'list /deployments ns=a name=',
      noSuch,
    ],
    [
      'a subresource without an object',
      { verb: 'update', what: '|v1|pods|status', namespace: 'a' },
      'update /pods/status ns=a name=',
      noSuch,
    ],
    [
      'a verb that a subresource has not',
      { verb: 'create', what: '|v1|pods|status', namespace: 'a', name: 'p' },
      'create /pods/status ns=a name=p',
      notAllowed,
    ],
    [
      'a create with a name',
      { verb: 'create', what: '|v1|pods', namespace: 'a', name: 'p' },
      'create /pods ns=a name=p',
      notAllowed,
    ],
    [
      'a create in all namespaces',
      { verb: 'create', what: '|v1|pods' },
      'create /pods ns= name=',
      notAllowed,
    ],
    [
      'an object in all namespaces',
      { verb: 'get', what: '|v1|pods', name: 'a/p' },
      'get /pods ns= name=a/p',
      noSuch,
    ],
    [
      'an update without a name',
      { verb: 'update', what: '|v1|pods', namespace: 'a' },
      'update /pods ns=a name=',
      notAllowed,
    ],
    [
      'a name that is a path',
      { verb: 'get', what: '|v1|secrets', namespace: 'a', name: '../b/s' },
      'get /secrets ns=a name=../b/s',
      '400 Name parameter invalid: "../b/s": may not contain \'/\'',
    ],
    [
      'the folder above',
      { verb: 'get', what: '|v1|secrets', namespace: 'a', name: '..' },
      'get /secrets ns=a name=..',
      '400 Name parameter invalid: "..": may not be \'..\'',
    ],
    [
      'a namespace that is a path',
      { verb: 'list', what: '|v1|secrets', namespace: 'a/b' },
      'list /secrets ns=a/b name=',
      noSuch,
    ],
    [
      'a verb of nobody',
      { verb: 'options', what: '|v1|secrets', namespace: 'a' },
      'options /secrets ns=a name=',
      notAllowed,
    ],
    [
      'a review that is read',
      { verb: 'list', what: 'authorization.k8s.io|v1|subjectaccessreviews' },
      'list authorization.k8s.io/subjectaccessreviews ns= name=',
      notAllowed,
    ],
    [
      'a review by a name',
      { verb: 'get', what: 'authorization.k8s.io|v1|subjectaccessreviews', name: 'r' },
      'get authorization.k8s.io/subjectaccessreviews ns= name=r',
      noSuch,
    ],
  ])('%s', (_title, request, asked, outcome) => {
    expect(ask(request)).toEqual({ asked, outcome });
  });

  test('by nothing that was not asked: an absent version is not found', () => {
    expect(ask({ verb: 'list', what: '||pods', namespace: 'a' }).outcome).toBe(noSuch);
  });
});

test.each([
  ['metadata.name=a', 'a'],
  ['metadata.name==a', 'a'],
  ['spec.nodeName=n,metadata.name=a', 'a'],
  ['metadata.name!=a', ''],
  ['metadata.name=a/b', ''],
  ['metadata.name=', ''],
  ['metadata.name', ''],
  ['metadata.name=a\\,b', 'a,b'],
  ['xmetadata.name=a', ''],
])('the selector %s leaves the name %j', (selector, name) => {
  expect(selectedName(selector)).toBe(name);
});
