/** The words that scenarios are written in: what is done to a cluster, as data. */

/** An object as JSON. */
export interface Json {
  readonly [field: string]: unknown;
}

/**
 * One step of a scenario. Objects without a namespace get the scenario's own, whose name stands for `$ns`;
 * `$uid(KIND/NAME)` stands for the uid of an object that is there, of another namespace with `@NAMESPACE` behind it.
 */
export type Step =
  | { readonly create: readonly Json[] }
  /** A merge patch, of `status` or another subresource where one is named. */
  | { readonly patch: string; readonly body: Json; readonly subresource?: string }
  /** The same for all objects of a kind, or for the first `count` of them. */
  | { readonly patchAll: string; readonly body: Json; readonly count?: number }
  | { readonly remove: string; readonly options?: Json }
  /** Removes all objects of a kind, or those whose names begin with `about`. */
  | { readonly removeAll: string; readonly options?: Json; readonly about?: string }
  /** POST to a subresource, or another method where one is named; the answer is recorded. */
  | {
      readonly post: string;
      readonly body: Json;
      readonly subresource: string;
      readonly method?: string;
    }
  /** The status of all pods whose names begin with `pods`, or of the first `count` of them that have no end yet. */
  | { readonly pods: string; readonly status: Json; readonly count?: number }
  /** What the scripted kubelet does with bound pods from now on. */
  | { readonly kubelet: 'ready' | 'running' | 'idle' }
  /** The scripted kubelet of these nodes reports nothing any more. */
  | { readonly silence: readonly string[] }
  | { readonly settle: number }
  /**
   * Records the objects of these kinds, once nothing changes any more; of another namespace than the scenario's own
   * where one is named, and then only what is about one object.
   */
  | { readonly look: readonly string[]; readonly namespace?: string; readonly about?: string };

/** A scenario: nodes of its own, if it is about nodes, and steps. */
export interface Scenario {
  readonly name: string;
  /** Nodes that are there and no others; the three common ones unless given. */
  readonly nodes?: readonly Json[];
  readonly steps: readonly Step[];
}

const named: Readonly<Record<string, string>> = {
  Deployment: 'apis/apps/v1',
  ReplicaSet: 'apis/apps/v1',
  StatefulSet: 'apis/apps/v1',
  DaemonSet: 'apis/apps/v1',
  ControllerRevision: 'apis/apps/v1',
  Job: 'apis/batch/v1',
  CronJob: 'apis/batch/v1',
  HorizontalPodAutoscaler: 'apis/autoscaling/v2',
  PodDisruptionBudget: 'apis/policy/v1',
  EndpointSlice: 'apis/discovery.k8s.io/v1',
  StorageClass: 'apis/storage.k8s.io/v1',
  PriorityClass: 'apis/scheduling.k8s.io/v1',
  ClusterRole: 'apis/rbac.authorization.k8s.io/v1',
  CertificateSigningRequest: 'apis/certificates.k8s.io/v1',
  ValidatingAdmissionPolicy: 'apis/admissionregistration.k8s.io/v1',
  ServiceCIDR: 'apis/networking.k8s.io/v1',
  IPAddress: 'apis/networking.k8s.io/v1',
  CSINode: 'apis/storage.k8s.io/v1',
  CSIDriver: 'apis/storage.k8s.io/v1',
  VolumeAttachment: 'apis/storage.k8s.io/v1',
};

const clusterWide = new Set([
  'Node',
  'Namespace',
  'PersistentVolume',
  'StorageClass',
  'PriorityClass',
  'ClusterRole',
  'CertificateSigningRequest',
  'ValidatingAdmissionPolicy',
  'ServiceCIDR',
  'IPAddress',
  'CSINode',
  'CSIDriver',
  'VolumeAttachment',
]);

const plurals: Readonly<Record<string, string>> = {
  Endpoints: 'endpoints',
  StorageClass: 'storageclasses',
  PriorityClass: 'priorityclasses',
  ValidatingAdmissionPolicy: 'validatingadmissionpolicies',
  IPAddress: 'ipaddresses',
};

/** The path of a kind's objects; @param namespace where they are, if they are in one */
export function pathOf(kind: string, namespace: string): string {
  const root = named[kind] ?? 'api/v1';
  const plural = plurals[kind] ?? `${kind.toLowerCase()}s`;
  return clusterWide.has(kind)
    ? `/${root}/${plural}`
    : `/${root}/namespaces/${namespace}/${plural}`;
}

/** @param reference `Kind/name` */
export function pathOfObject(reference: string, namespace: string): string {
  const [kind = '', name = ''] = reference.split('/');
  return `${pathOf(kind, namespace)}/${name}`;
}

/** The `apiVersion` of a kind. */
export function versionOf(kind: string): string {
  return (named[kind] ?? 'api/v1').replace(/^apis?\//, '');
}

/** True of a kind whose objects are in no namespace. */
export function isClusterWide(kind: string): boolean {
  return clusterWide.has(kind);
}
