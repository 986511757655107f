/** The resources that `src/why` asks for, and where they are served. */
import type { Want } from '../../why/view.js';
import type { Resource } from './resources.js';
import { pathOf, workloads } from './resources.js';

function core(plural: string, kind: string, namespaced = true): Resource {
  return { group: '', version: 'v1', plural, kind, namespaced };
}

function other(group: string, plural: string, kind: string, namespaced = true): Resource {
  return { group, version: 'v1', plural, kind, namespaced };
}

const known: readonly Resource[] = [
  ...workloads,
  core('pods', 'Pod'),
  core('nodes', 'Node', false),
  core('namespaces', 'Namespace', false),
  core('events', 'Event'),
  core('services', 'Service'),
  core('secrets', 'Secret'),
  core('configmaps', 'ConfigMap'),
  core('serviceaccounts', 'ServiceAccount'),
  core('limitranges', 'LimitRange'),
  core('replicationcontrollers', 'ReplicationController'),
  core('persistentvolumes', 'PersistentVolume', false),
  core('persistentvolumeclaims', 'PersistentVolumeClaim'),
  other('storage.k8s.io', 'storageclasses', 'StorageClass', false),
  other('discovery.k8s.io', 'endpointslices', 'EndpointSlice'),
  other('networking.k8s.io', 'ingresses', 'Ingress'),
  other('networking.k8s.io', 'ingressclasses', 'IngressClass', false),
  other('policy', 'poddisruptionbudgets', 'PodDisruptionBudget'),
  ...['Validating', 'Mutating'].map((what) =>
    other(
      'admissionregistration.k8s.io',
      `${what.toLowerCase()}webhookconfigurations`,
      `${what}WebhookConfiguration`,
      false,
    ),
  ),
];

const byPlural = new Map(known.map((resource) => [resource.plural, resource]));

/** The resource of a want. @throws Error for one that `src/why` does not ask for, which a test rules out */
export function wantedResource({ type }: Pick<Want, 'type'>): Resource {
  const resource = byPlural.get(type);
  if (resource === undefined) throw new Error(`no place is known for ${type}`);
  return resource;
}

/** The path of a list, or of one object. */
export function wantedPath(want: Want): string {
  const { namespace = '', name = '' } = want;
  return pathOf(wantedResource(want), { namespace, name });
}
