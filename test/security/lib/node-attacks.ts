/** Requests that a node's certificate must not allow, and the words of their refusal. */
export const v1 = '/api/v1';
export const inA = `${v1}/namespaces/a`;
export const ingresses = '/apis/networking.k8s.io/v1/namespaces/a/ingresses';
export const merge = 'application/merge-patch+json';

/** An object of the core API. */
export const object = (kind: string, name: string, more: object = {}): object => ({
  apiVersion: 'v1',
  kind,
  metadata: { name },
  ...more,
});
/** A pod of one container that names a Secret. */
export const pod = (name: string, node: string, account: string, secret: string): object =>
  object('Pod', name, {
    spec: {
      nodeName: node,
      serviceAccountName: account,
      containers: [
        {
          name: 'c',
          image: 'none',
          env: [{ name: 'E', valueFrom: { secretKeyRef: { name: secret, key: 'k' } } }],
        },
      ],
    },
  });

const owner = (more: object = {}): object[] => [
  { apiVersion: 'v1', kind: 'Node', name: 'n1', uid: 'UID', controller: true, ...more },
];
const mirror = (spec: object, metadata: object = {}): object => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name: 'mirror',
    annotations: { 'kubernetes.io/config.mirror': 'x' },
    ownerReferences: owner(),
    ...metadata,
  },
  spec: { nodeName: 'n1', containers: [{ name: 'c', image: 'none' }], ...spec },
});
/** A TokenRequest. */
export const token = (spec: object): object => ({
  apiVersion: 'authentication.k8s.io/v1',
  kind: 'TokenRequest',
  spec: { audiences: [], ...spec },
});
/** Bound to a pod; `UID` stands for its own. */
export const bound = (name: string, uid = 'UID'): object => ({
  boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name, uid },
});
const patch = (body: object): object => ({ type: merge, body });
export const nothingThere = "no relationship found between node 'n1' and this object";

/** The attacks: name, request, and text of the refusal. `UID` stands for that of the object named beside it. */
export const nodeAttacks: readonly (readonly [
  what: string,
  method: string,
  path: string,
  options: object,
  refusal: string,
])[] = [
  ['a Secret of another node', 'GET', `${inA}/secrets/other`, {}, nothingThere],
  ['a Secret of that name elsewhere', 'GET', `${v1}/namespaces/b/secrets/own`, {}, nothingThere],
  [
    'that name in all namespaces',
    'GET',
    `${v1}/secrets?fieldSelector=metadata.name%3Down`,
    {},
    'can only read namespaced object of this type',
  ],
  ['all Secrets', 'GET', `${inA}/secrets`, {}, 'No Object name found'],
  [
    'a Secret by an invented subresource',
    'GET',
    `${inA}/secrets/own/scale`,
    {},
    'cannot read subresource',
  ],
  [
    'exec by GET',
    'GET',
    `${inA}/pods/other/exec?command=id`,
    {},
    'cannot get resource "pods/exec"',
  ],
  ['attach', 'POST', `${inA}/pods/own/attach`, {}, 'cannot create resource "pods/attach"'],
  [
    'port-forward',
    'GET',
    `${inA}/pods/own/portforward`,
    {},
    'cannot get resource "pods/portforward"',
  ],
  ['the proxy to a pod', 'GET', `${inA}/pods/own/proxy/`, {}, 'cannot get resource "pods/proxy"'],
  ['logs', 'GET', `${inA}/pods/other/log`, {}, 'cannot get resource "pods/log"'],
  ['the proxy to a node', 'GET', `${v1}/nodes/n2/proxy/`, {}, 'cannot get resource "nodes/proxy"'],
  [
    'labels of its pods',
    'PATCH',
    `${inA}/pods/own/status`,
    patch({ metadata: { labels: { app: 'x' } } }),
    'node "n1" cannot update labels through pod status',
  ],
  [
    "another node's pod",
    'PATCH',
    `${inA}/pods/other/status`,
    patch({ status: {} }),
    'node "n1" can only update pod status for pods with spec.nodeName set to itself',
  ],
  [
    "deleting another node's pod",
    'DELETE',
    `${inA}/pods/other`,
    {},
    'node "n1" can only delete pods with spec.nodeName set to itself',
  ],
  [
    "evicting another node's pod",
    'POST',
    `${inA}/pods/other/eviction`,
    { body: { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: 'other' } } },
    'node n1 can only evict pods with spec.nodeName set to itself',
  ],
  [
    'a pod of its own',
    'POST',
    `${inA}/pods`,
    { body: pod('new', 'n1', '', 'own') },
    'node "n1" can only create mirror pods',
  ],
  [
    'a mirror pod without owner',
    'POST',
    `${inA}/pods`,
    { body: mirror({}, { ownerReferences: [] }) },
    'with an owner reference set to itself',
  ],
  [
    'a mirror pod that is no controller',
    'POST',
    `${inA}/pods`,
    { body: mirror({}, { ownerReferences: owner({ controller: false }) }) },
    'a controller owner reference set to itself',
  ],
  [
    'a mirror pod of another uid',
    'POST',
    `${inA}/pods`,
    { body: mirror({}, { ownerReferences: owner({ uid: 'x' }) }) },
    'UID mismatch',
  ],
  [
    'a mirror pod elsewhere',
    'POST',
    `${inA}/pods`,
    { body: mirror({ nodeName: 'n2' }) },
    'node "n1" can only create pods with spec.nodeName set to itself',
  ],
  [
    'a mirror pod with an account',
    'POST',
    `${inA}/pods`,
    { body: mirror({ serviceAccountName: 'other' }) },
    'mirror pod may not reference service accounts',
  ],
  [
    'a mirror pod with a Secret',
    'POST',
    `${inA}/pods`,
    { body: mirror({ volumes: [{ name: 'v', secret: { secretName: 'other' } }] }) },
    'mirror pod may not reference secrets',
  ],
  [
    'a mirror pod with a token',
    'POST',
    `${inA}/pods`,
    {
      body: mirror({
        volumes: [{ name: 'v', projected: { sources: [{ serviceAccountToken: { path: 't' } }] } }],
      }),
    },
    'ServiceAccountToken volume projections',
  ],
  [
    'a mirror pod with a ConfigMap',
    'POST',
    `${inA}/pods`,
    { body: mirror({ volumes: [{ name: 'v', configMap: { name: 'x' } }] }) },
    'can not create pods that reference configmaps',
  ],
  [
    'a mirror pod with a claim',
    'POST',
    `${inA}/pods`,
    { body: mirror({ volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'x' } }] }) },
    'can not create pods that reference persistentvolumeclaims',
  ],
  [
    'another Node',
    'PATCH',
    `${v1}/nodes/n2`,
    patch({ metadata: { labels: { x: 'y' } } }),
    'node "n1" is not allowed to modify node "n2"',
  ],
  [
    'its labels',
    'PATCH',
    `${v1}/nodes/n1`,
    patch({ metadata: { labels: { 'node-restriction.kubernetes.io/x': 'y' } } }),
    'is not allowed to modify labels: node-restriction.kubernetes.io/x',
  ],
  [
    'its role',
    'PATCH',
    `${v1}/nodes/n1/status`,
    patch({ metadata: { labels: { 'node-role.kubernetes.io/control-plane': '' } } }),
    'is not allowed to modify labels',
  ],
  [
    'its taints',
    'PATCH',
    `${v1}/nodes/n1`,
    patch({ spec: { taints: [{ key: 'x', effect: 'NoSchedule' }] } }),
    'node "n1" is not allowed to modify taints',
  ],
  [
    'its podCIDR',
    'PATCH',
    `${v1}/nodes/n1`,
    patch({ spec: { podCIDR: '10.88.1.11/32', podCIDRs: ['10.88.1.11/32'] } }),
    'node "n1" is not allowed to choose its podCIDRs',
  ],
  [
    'its owners',
    'PATCH',
    `${v1}/nodes/n1`,
    patch({
      metadata: { ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: 'n2', uid: 'x' }] },
    }),
    'node "n1" is not allowed to modify ownerReferences',
  ],
  [
    'labels of an Ingress',
    'PATCH',
    `${ingresses}/web/status`,
    patch({ metadata: { labels: { app: 'x' } } }),
    'node "n1" cannot update labels through ingress status',
  ],
  [
    'annotations of an Ingress',
    'PATCH',
    `${ingresses}/web/status`,
    patch({ metadata: { annotations: { 'kubernetes.io/ingress.class': 'other' } } }),
    'node "n1" cannot update annotations through ingress status',
  ],
  ['its Node', 'DELETE', `${v1}/nodes/n1`, {}, 'cannot delete resource "nodes"'],
  [
    "a volume's claim",
    'PATCH',
    `${v1}/persistentvolumes/pv`,
    patch({ spec: { claimRef: { namespace: 'a', name: 'x' } } }),
    'cannot patch resource "persistentvolumes"',
  ],
  [
    'a token of another account',
    'POST',
    `${inA}/serviceaccounts/other/token`,
    { body: token(bound('own')) },
    nothingThere,
  ],
  [
    'a token without a pod',
    'POST',
    `${inA}/serviceaccounts/own/token`,
    { body: token({}) },
    'node requested token not bound to a pod',
  ],
  [
    'a token without a uid',
    'POST',
    `${inA}/serviceaccounts/own/token`,
    { body: token(bound('own', '')) },
    'node requested token with a pod binding without a uid',
  ],
  [
    'a token of another uid',
    'POST',
    `${inA}/serviceaccounts/own/token`,
    { body: token(bound('own', 'x')) },
    'the UID in the bound object reference (x) does not match',
  ],
  [
    'a token for another node',
    'POST',
    `${inA}/serviceaccounts/own/token`,
    { body: token(bound('other')) },
    'node requested token bound to a pod scheduled on a different node',
  ],
  [
    'a token for an audience',
    'POST',
    `${inA}/serviceaccounts/own/token`,
    { body: token({ audiences: ['vault'], ...bound('own') }) },
    'audience "vault" not found in pod spec volume, system:node:n1 is not authorized to request tokens for this audience',
  ],
  [
    'a Lease of another node',
    'POST',
    '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases',
    { body: { ...object('Lease', 'n2'), apiVersion: 'coordination.k8s.io/v1' } },
    'can only access node lease with the same name as the requesting node',
  ],
  [
    "the scheduler's Lease",
    'PATCH',
    '/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/kube-scheduler',
    patch({ spec: {} }),
    'can only access leases in the "kube-node-lease" system namespace',
  ],
  [
    'a CSINode of another',
    'POST',
    '/apis/storage.k8s.io/v1/csinodes',
    {
      body: {
        apiVersion: 'storage.k8s.io/v1',
        kind: 'CSINode',
        metadata: { name: 'n2' },
        spec: { drivers: [] },
      },
    },
    'can only access CSINode with the same name as the requesting node',
  ],
  [
    'to be somebody else',
    'GET',
    `${inA}/secrets`,
    { headers: { 'impersonate-user': 'admin' } },
    'cannot impersonate resource "users"',
  ],
];
