/** The resources that the dashboard names: where they are served, and how their pages call them. */

/** One resource of the API. */
export interface Resource {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
}

function resource(group: string, plural: string, kind: string, namespaced = true): Resource {
  return { group, version: group === 'autoscaling' ? 'v2' : 'v1', plural, kind, namespaced };
}

/** Pods, which have pages of their own. */
export const pods = resource('', 'pods', 'Pod');
/** The machines that pods run on. */
export const nodes = resource('', 'nodes', 'Node', false);
/** What components tell about objects. */
export const events = resource('', 'events', 'Event');
/** The names under which pods are reached. */
export const services = resource('', 'services', 'Service');
/** The addresses behind services. */
export const endpointSlices = resource('discovery.k8s.io', 'endpointslices', 'EndpointSlice');
/** The ways of HTTP into services. */
export const ingresses = resource('networking.k8s.io', 'ingresses', 'Ingress');
/** What pods are kept apart by. */
export const namespaces = resource('', 'namespaces', 'Namespace', false);

/** The kinds of workloads, in the order of their tabs. */
export const workloads: readonly Resource[] = [
  resource('apps', 'deployments', 'Deployment'),
  resource('apps', 'statefulsets', 'StatefulSet'),
  resource('apps', 'daemonsets', 'DaemonSet'),
  resource('batch', 'jobs', 'Job'),
  resource('batch', 'cronjobs', 'CronJob'),
  resource('apps', 'replicasets', 'ReplicaSet'),
  resource('autoscaling', 'horizontalpodautoscalers', 'HorizontalPodAutoscaler'),
];

/** The path of a resource, or of an object of it. @param where without a namespace: all of them */
export function pathOf(
  { group, version, plural, namespaced }: Resource,
  where: {
    readonly namespace?: string;
    readonly name?: string;
    readonly subresource?: string;
  } = {},
): string {
  const { namespace = '', name = '', subresource = '' } = where;
  const root = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
  const scope =
    namespaced && namespace !== '' ? `/namespaces/${encodeURIComponent(namespace)}` : '';
  const rest = [plural, name, subresource].filter((part) => part !== '').map(encodeURIComponent);
  return `${root}${scope}/${rest.join('/')}`;
}
