/** Objects that every cluster has from the first start on. */
import type { KubeObject } from '../../../api/object.js';
import { localPath } from '../../../api/facts/local-path.js';

type Loose = Omit<KubeObject, 'metadata'> & {
  metadata: KubeObject['metadata'];
  [field: string]: unknown;
};

function namespace(name: string): Loose {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name } };
}

function priorityClass(name: string, value: number, description: string): Loose {
  const apiVersion = 'scheduling.k8s.io/v1';
  return { apiVersion, kind: 'PriorityClass', metadata: { name }, value, description };
}

/** The namespaces that every cluster has. */
export const systemNamespaces: readonly Loose[] = [
  namespace('default'),
  namespace('kube-system'),
  namespace('kube-public'),
  namespace('kube-node-lease'),
];

/** The two priority classes of the system, for pods that a cluster or a node cannot do without. */
export const systemPriorityClasses: readonly Loose[] = [
  priorityClass(
    'system-node-critical',
    2_000_001_000,
    'Used for system critical pods that must not be moved from their current node.',
  ),
  priorityClass(
    'system-cluster-critical',
    2_000_000_000,
    'Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.',
  ),
];

/**
 * Classes that a new cluster starts with, each the default of its kind. They are its owner's afterwards: one that was
 * deleted does not come back.
 */
export const firstClasses: readonly Loose[] = [
  {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: {
      name: 'local-path',
      annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' },
    },
    provisioner: localPath,
    reclaimPolicy: 'Delete',
    volumeBindingMode: 'WaitForFirstConsumer',
  },
  {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'IngressClass',
    metadata: {
      name: 'trireme',
      annotations: { 'ingressclass.kubernetes.io/is-default-class': 'true' },
    },
    spec: { controller: 'trireme.dev/ingress' },
  },
];
