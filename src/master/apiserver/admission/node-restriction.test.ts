import { beforeEach, describe, expect, test } from '@jest/globals';
import { createSigningRequest } from '../../../lib/pki/certificates.js';
import type { UserInfo } from '../registry/types.js';
import type { Asked, Draft } from '../testkit/api-bench.js';
import { ApiBench, refusal, somebody } from '../testkit/api-bench.js';
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

describe('a Node', () => {
  const node = (name: string, metadata: object = {}, spec: object = {}) => ({
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, ...metadata },
    spec,
  });
  const labels = (...keys: string[]): object => ({
    labels: Object.fromEntries(keys.map((key) => [key, 'x'])),
  });
  const taints = [{ key: 'k', effect: 'NoSchedule' }];
  const others = 'node "n1" is not allowed to modify node "n2"';

  test.each<[string, object, string | undefined]>([
    ['of its own', node('n1', {}, { taints }), undefined],
    ['of another', node('n2'), others],
    [
      'with labels that say what it is',
      node(
        'n1',
        labels(
          'own',
          'example.com/a',
          'kubernetes.io/hostname',
          'topology.kubernetes.io/zone',
          'failure-domain.beta.kubernetes.io/region',
          'node.kubernetes.io/b',
          'x.kubelet.kubernetes.io/c',
        ),
      ),
      undefined,
    ],
    [
      'with labels that are given to it',
      node(
        'n1',
        labels(
          'node-role.kubernetes.io/master',
          'x.node-restriction.kubernetes.io/a',
          'kubernetes.io/other',
          'failure-domain.kubernetes.io/zone',
          'x.k8s.io/b',
        ),
      ),
      'node "n1" is not allowed to set the following labels: failure-domain.kubernetes.io/zone, ' +
        'kubernetes.io/other, node-role.kubernetes.io/master, x.k8s.io/b, ' +
        'x.node-restriction.kubernetes.io/a',
    ],
    ['with a name like a domain', node('n1', labels('notkubernetes.io/a')), undefined],
    [
      'with a range of its choice',
      node('n1', {}, { podCIDR: '10.0.0.0/24' }),
      'node "n1" is not allowed to choose its podCIDRs',
    ],
    [
      'with ranges of its choice',
      node('n1', {}, { podCIDRs: ['10.0.0.0/24'] }),
      'node "n1" is not allowed to choose its podCIDRs',
    ],
  ])('is made: %s', async (_, draft, text) => {
    const { name } = (draft as Draft).metadata;
    const wanted = text === undefined ? undefined : `403 nodes "${name}" is forbidden: ${text}`;
    expect(await asNode(draft)).toBe(wanted);
  });

  const ranged = node('n1', {}, { podCIDR: 'a', podCIDRs: ['a'], taints });
  test.each<[string, object, object, string | undefined]>([
    ['nothing', ranged, ranged, undefined],
    ['a label of its own', node('n1', labels('own')), node('n1'), undefined],
    [
      'a label that steers pods',
      node('n1', { labels: { 'node-role.kubernetes.io/a': 'y' } }),
      node('n1', labels('node-role.kubernetes.io/a')),
      'is not allowed to modify labels: node-role.kubernetes.io/a',
    ],
    [
      'a label taken away',
      node('n1'),
      node('n1', labels('x.node-restriction.kubernetes.io/a')),
      'is not allowed to modify labels: x.node-restriction.kubernetes.io/a',
    ],
    [
      'its taints',
      node('n1'),
      node('n1', {}, { taints }),
      'node "n1" is not allowed to modify taints',
    ],
    [
      'its owners',
      node('n1', { ownerReferences: [{ kind: 'ConfigMap', name: 'c' }] }),
      node('n1'),
      'node "n1" is not allowed to modify ownerReferences',
    ],
    ['its range', node('n1'), ranged, 'node "n1" is not allowed to modify taints'],
    [
      'its range alone',
      node('n1', {}, { podCIDR: 'b', podCIDRs: ['a'], taints }),
      ranged,
      'node "n1" is not allowed to choose its podCIDRs',
    ],
  ])('is changed: %s', async (_, next, old, text) => {
    const wanted = text === undefined ? undefined : `403 nodes "n1" is forbidden: ${text}`;
    expect(await asNode(next, { old })).toBe(wanted);
    expect(await asNode(next, { old, subresource: 'status' })).toBe(wanted);
  });

  test('is deleted: its own, and no other', async () => {
    expect(await asNode(node('n1'), { operation: 'DELETE', old: node('n1') })).toBeUndefined();
    expect(await asNode(node('n2'), { operation: 'DELETE', old: node('n2') })).toBe(
      `403 nodes "n2" is forbidden: ${others}`,
    );
  });
});

describe('objects beside', () => {
  const lease = (namespace: string, name: string) => ({
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name, namespace },
  });
  test.each([
    ['kube-node-lease', 'n1', undefined],
    [
      'kube-node-lease',
      'n2',
      'can only access node lease with the same name as the requesting node',
    ],
    ['kube-system', 'n1', 'can only access leases in the "kube-node-lease" system namespace'],
  ])('a Lease %s/%s', async (namespace, name, text) => {
    const head = `403 leases.coordination.k8s.io "${name}" is forbidden: `;
    const wanted = text === undefined ? undefined : head + text;
    expect(await asNode(lease(namespace, name))).toBe(wanted);
    const draft = lease(namespace, name);
    expect(await asNode(draft, { operation: 'DELETE', old: draft })).toBe(wanted);
  });

  const claim = (status: object, spec: object = {}) => ({
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: 'c', namespace: 'ns', resourceVersion: '1' },
    spec,
    status: { phase: 'Bound', ...status },
  });
  test.each<[string, object, Asked, string | undefined]>([
    [
      'its size',
      claim({ capacity: { storage: '2Gi' }, conditions: [], allocatedResources: { storage: '1' } }),
      { subresource: 'status' },
      undefined,
    ],
    [
      'its phase',
      claim({ phase: 'Lost' }),
      { subresource: 'status' },
      'node "n1" is not allowed to update fields other than status.quantity and status.conditions',
    ],
    [
      'its volume',
      claim({}, { volumeName: 'v' }),
      { subresource: 'status' },
      'node "n1" is not allowed to update fields other than status.quantity and status.conditions',
    ],
    ['itself', claim({}), {}, 'may only update PVC status'],
  ])('a claim: %s', async (_, draft, asked, text) => {
    const wanted =
      text === undefined ? undefined : `403 persistentvolumeclaims "c" is forbidden: ${text}`;
    expect(await asNode(draft, { old: claim({}), ...asked })).toBe(wanted);
  });

  const directory = (metadata: object, node = 'n1', spec: object = {}) => ({
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: {
      name: 'v',
      annotations: { 'trireme.dev/local-path': '/d' },
      deletionTimestamp: '2026-01-01T00:00:00Z',
      ...metadata,
    },
    spec: {
      nodeAffinity: {
        required: {
          nodeSelectorTerms: [
            { matchFields: [{ key: 'metadata.name', operator: 'In', values: [node] }] },
          ],
        },
      },
      ...spec,
    },
  });
  const finalizers = { finalizers: ['trireme.dev/local-path'] };
  const kept = { ...finalizers, deletionTimestamp: undefined };
  test.each<[string, object, object, boolean]>([
    ['its finalizer, at its end', directory({}), directory(finalizers), true],
    ['its finalizer, before', directory({ deletionTimestamp: undefined }), directory(kept), false],
    ['on another node', directory({}, 'n2'), directory(finalizers, 'n2'), false],
    ['its path', directory({}, 'n1', { local: { path: '/etc' } }), directory(finalizers), false],
    [
      'that is no directory of ours',
      directory({ annotations: {} }),
      directory({ ...finalizers, annotations: {} }),
      false,
    ],
  ])('a volume: %s', async (_, next, old, passes) => {
    const text =
      '403 persistentvolumes "v" is forbidden: ' +
      'node "n1" may only remove the finalizers of deleted volumes on its own disk';
    expect(await asNode(next, { old })).toBe(passes ? undefined : text);
  });

  test('an Ingress: its status, without what says how it is served', async () => {
    const ingress = (metadata: object = {}) => ({
      apiVersion: 'networking.k8s.io/v1',
      kind: 'Ingress',
      metadata: { name: 'i', namespace: 'ns', ...metadata },
    });
    const change = (metadata: object): Promise<string | undefined> =>
      asNode(ingress(metadata), { old: ingress(), subresource: 'status' });
    const head = '403 ingresses.networking.k8s.io "i" is forbidden: node "n1" cannot update';
    expect(await change({})).toBeUndefined();
    expect(await change({ labels: { a: 'b' } })).toBe(`${head} labels through ingress status`);
    expect(await change({ annotations: { a: 'b' } })).toBe(
      `${head} annotations through ingress status`,
    );
  });

  test('a request for a certificate: of its own name', async () => {
    const signing = async (commonName: string, signerName: string): Promise<object> => {
      const { request } = await createSigningRequest({ commonName, usages: [] });
      return csr(Buffer.from(request).toString('base64'), signerName);
    };
    const csr = (request: string, signerName: string): object => ({
      apiVersion: 'certificates.k8s.io/v1',
      kind: 'CertificateSigningRequest',
      metadata: { name: 'r' },
      spec: { request, signerName },
    });
    const serving = 'kubernetes.io/kubelet-serving';
    const head = '403 certificatesigningrequests.certificates.k8s.io "r" is forbidden: ';
    const other = `${head}can only create a node CSR with CN=system:node:n1`;
    expect(await asNode(await signing('system:node:n1', serving))).toBeUndefined();
    expect(await asNode(await signing('system:node:n2', serving))).toBe(other);
    const client = 'kubernetes.io/kube-apiserver-client-kubelet';
    expect(await asNode(await signing('system:node:n2', client))).toBe(other);
    expect(await asNode(await signing('anything', 'example.com/own'))).toBeUndefined();
    const text = 'unable to parse csr: the certificate request cannot be read';
    expect(await asNode(csr('bm8=', serving))).toBe(head + text);
  });
});

test('whoever is no node is not its concern; a node without a name may nothing', async () => {
  const lease = {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name: 'x', namespace: 'y' },
  };
  expect(await asNode(lease, { user: somebody })).toBeUndefined();
  expect(await asNode(lease, { user: { ...user, groups: [] } })).toBeUndefined();
  expect(await asNode(lease, { user: { ...user, name: 'system:node:' } })).toBe(
    '403 leases.coordination.k8s.io "x" is forbidden: ' +
      'could not determine node from user "system:node:"',
  );
});
