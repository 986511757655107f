import { beforeEach, describe, expect, test } from '@jest/globals';
import type { UserInfo } from '../registry/types.js';
import type { Asked, Draft } from '../testkit/api-bench.js';
import { ApiBench, refusal } from '../testkit/api-bench.js';
import type { AdmissionPlugin } from './chain.js';
import { nodeRestriction } from './node-restriction.js';

const user: UserInfo = { name: 'system:node:n1', groups: ['system:nodes'] };

let bench: ApiBench;
let plugin: AdmissionPlugin;
beforeEach(async () => {
  bench = await ApiBench.create();
  plugin = nodeRestriction(bench.objects);
  await bench.add({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1', uid: 'u1' } } as Draft);
});

const asNode = (draft: object, asked: Asked = {}): Promise<string | undefined> =>
  refusal(plugin, bench.request(draft as Draft, { user, ...asked }));

describe('a pod of a node', () => {
  const owner = { apiVersion: 'v1', kind: 'Node', name: 'n1', uid: 'u1', controller: true };
  const mirror = { 'kubernetes.io/config.mirror': 'x' };
  const pod = (spec: object = {}, metadata: object = {}) => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: 'p',
      namespace: 'ns',
      annotations: mirror,
      ownerReferences: [owner],
      ...metadata,
    },
    spec: { nodeName: 'n1', containers: [], ...spec },
  });
  const owned = (more: object): object => ({ ownerReferences: [{ ...owner, ...more }] });
  const volume = (source: object): object => ({ volumes: [{ name: 'v', ...source }] });
  const byOwner = 'node "n1" can only create pods with an owner reference set to itself';
  const references = 'node "n1" can not create pods that reference';

  test.each<[string, object, string | undefined]>([
    ['a mirror of its own', pod(), undefined],
    [
      'no mirror',
      pod({}, { annotations: {} }),
      'pod does not have "kubernetes.io/config.mirror" annotation, ' +
        'node "n1" can only create mirror pods',
    ],
    [
      'on another node',
      pod({ nodeName: 'n2' }),
      'node "n1" can only create pods with spec.nodeName set to itself',
    ],
    [
      'on no node',
      pod({ nodeName: undefined }),
      'node "n1" can only create pods with spec.nodeName set to itself',
    ],
    ['without an owner', pod({}, { ownerReferences: [] }), byOwner],
    ['of another node', pod({}, owned({ name: 'n2' })), byOwner],
    ['of another kind', pod({}, owned({ kind: 'Pod' })), byOwner],
    ['of another version', pod({}, owned({ apiVersion: 'v2' })), byOwner],
    [
      'of two owners',
      pod({}, { ownerReferences: [owner, owner] }),
      'node "n1" can only create pods with a single owner reference set to itself',
    ],
    [
      'of an owner that does not control it',
      pod({}, owned({ controller: false })),
      'node "n1" can only create pods with a controller owner reference set to itself',
    ],
    [
      'of an owner that does not say so',
      pod({}, owned({ controller: undefined })),
      'node "n1" can only create pods with a controller owner reference set to itself',
    ],
    [
      'that holds up its owner',
      pod({}, owned({ blockOwnerDeletion: true })),
      'node "n1" must not set blockOwnerDeletion on an owner reference',
    ],
    ['of a former node', pod({}, owned({ uid: 'u0' })), 'node n1 UID mismatch: expected u0 got u1'],
    ['with an account', pod({ serviceAccountName: 'a' }), `${references} a service account`],
    ['with a Secret', pod(volume({ secret: { secretName: 's' } })), `${references} secrets`],
    [
      'with a Secret in an init container',
      pod({ initContainers: [{ name: 'i', envFrom: [{ secretRef: { name: 's' } }] }] }),
      `${references} secrets`,
    ],
    [
      'with a ConfigMap',
      pod({
        containers: [{ name: 'c', env: [{ valueFrom: { configMapKeyRef: { name: 'm' } } }] }],
      }),
      `${references} configmaps`,
    ],
    [
      'with a claim',
      pod(volume({ persistentVolumeClaim: { claimName: 'c' } })),
      `${references} persistentvolumeclaims`,
    ],
    [
      'with a trust bundle',
      pod(volume({ projected: { sources: [{ clusterTrustBundle: { path: 'p' } }] } })),
      `${references} clustertrustbundles`,
    ],
    [
      'with a resource claim',
      pod({ resourceClaims: [{ name: 'c', resourceClaimName: 'd' }] }),
      `${references} resourceclaims`,
    ],
  ])('is made: %s', async (_, draft, text) => {
    const wanted = text === undefined ? undefined : `403 pods "p" is forbidden: ${text}`;
    expect(await asNode(draft)).toBe(wanted);
  });

  test('is not made by a node that is not there', async () => {
    await bench.remove({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1' } });
    expect(await asNode(pod())).toBe('404 node "n1" not found');
  });

  const own = pod();
  const alien = pod({ nodeName: 'n2' });
  const labelled = pod({}, { labels: { a: 'b' } });
  test.each<[string, object, Asked, string | undefined]>([
    ['deleted', own, { operation: 'DELETE', old: own }, undefined],
    [
      'deleted on another node',
      alien,
      { operation: 'DELETE', old: alien },
      'node "n1" can only delete pods with spec.nodeName set to itself',
    ],
    [
      'changed',
      own,
      { old: own },
      'unexpected operation "UPDATE", node "n1" can only create and delete mirror pods',
    ],
    ['reported', own, { old: own, subresource: 'status' }, undefined],
    [
      'reported on another node',
      own,
      { old: alien, subresource: 'status' },
      'node "n1" can only update pod status for pods with spec.nodeName set to itself',
    ],
    [
      'labelled by the way',
      labelled,
      { old: own, subresource: 'status' },
      'node "n1" cannot update labels through pod status',
    ],
    [
      'given claims by the way',
      { ...own, status: { resourceClaimStatuses: [{ name: 'c' }] } },
      { old: own, subresource: 'status' },
      'node "n1" cannot update resource claim statues',
    ],
    [
      'created by its status',
      own,
      { operation: 'CREATE', subresource: 'status' },
      'unexpected operation "CREATE"',
    ],
    ['evicted', own, { operation: 'DELETE', old: own, subresource: 'eviction' }, undefined],
    [
      'evicted on another node',
      alien,
      { operation: 'DELETE', old: alien, subresource: 'eviction' },
      'node n1 can only evict pods with spec.nodeName set to itself',
    ],
    [
      'bound',
      own,
      { operation: 'CREATE', subresource: 'binding' },
      `unexpected pod subresource "binding", only 'status' and 'eviction' are allowed`,
    ],
    [
      'given ephemeral containers',
      own,
      { old: own, subresource: 'ephemeralcontainers' },
      `unexpected pod subresource "ephemeralcontainers", only 'status' and 'eviction' are allowed`,
    ],
  ])('is %s', async (_, draft, asked, text) => {
    const wanted = text === undefined ? undefined : `403 pods "p" is forbidden: ${text}`;
    expect(await asNode(draft, asked)).toBe(wanted);
  });
});
