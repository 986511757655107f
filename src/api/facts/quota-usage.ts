/**
 * The usage that one object makes of a quota, by the names that `spec.hard` may list (kubernetes
 * pkg/quota/v1/evaluator/core).
 */
import type { KubeObject } from '../object.js';
import { qualifiedName } from '../object.js';
import type { Quantity } from '../quantity.js';
import { parseQuantity, quantityOf } from '../quantity.js';
import type { PersistentVolumeClaim, Pod, Service } from '../types/core.js';
import type { Amounts } from './amounts.js';
import { podAmounts } from './amounts.js';

/** Core resources that are counted under their bare names besides `count/<resource>`. */
const bareNames = new Set([
  'configmaps',
  'persistentvolumeclaims',
  'replicationcontrollers',
  'resourcequotas',
  'secrets',
  'services',
]);
/** Written under their own names as well as with `requests.`. */
const plainRequests = new Set(['cpu', 'memory', 'ephemeral-storage']);

/** Names a resource without its version. */
export interface CountedResource {
  readonly group: string;
  readonly plural: string;
}

/** The beginning of names that limit how many objects there are of any resource. */
export const countPrefix = 'count/';

/** The name under which a quota limits how many objects of a resource there are. */
export function countName({ group, plural }: CountedResource): string {
  return `${countPrefix}${qualifiedName(group, plural)}`;
}

/** Whether an update of this may change what it uses, or to which quotas that belongs. */
export function usageMayChange(kind: CountedResource, subresource: string): boolean {
  if (kind.group !== '') return false;
  if (kind.plural === 'pods') return subresource === '' || subresource === 'resize';
  const changes = kind.plural === 'services' || kind.plural === 'persistentvolumeclaims';
  return changes && subresource === '';
}

/** Returns the present usage of the object. */
export function usageOf(kind: CountedResource, object: KubeObject): Amounts {
  const one = quantityOf(1);
  const used = new Map<string, Quantity>([[countName(kind), one]]);
  if (kind.group !== '') return used;
  if (bareNames.has(kind.plural)) used.set(kind.plural, one);
  switch (kind.plural) {
    case 'pods':
      addPod(used, object as Pod);
      break;
    case 'services':
      addService(used, object as Service);
      break;
    case 'persistentvolumeclaims':
      addClaim(used, object as PersistentVolumeClaim);
      break;
    default:
  }
  return used;
}

function addPod(used: Map<string, Quantity>, pod: Pod): void {
  const { phase } = pod.status ?? {};
  if (phase === 'Succeeded' || phase === 'Failed') return;
  used.set('pods', quantityOf(1));
  for (const [name, amount] of podAmounts(pod.spec, 'requests')) {
    used.set(`requests.${name}`, amount);
    if (plainRequests.has(name) || name.startsWith('hugepages-')) used.set(name, amount);
  }
  for (const [name, amount] of podAmounts(pod.spec, 'limits')) {
    if (plainRequests.has(name)) used.set(`limits.${name}`, amount);
  }
}

function addService(used: Map<string, Quantity>, { spec }: Service): void {
  const ports = spec.ports ?? [];
  if (spec.type === 'NodePort') used.set('services.nodeports', quantityOf(ports.length));
  if (spec.type !== 'LoadBalancer') return;
  used.set('services.loadbalancers', quantityOf(1));
  const counted =
    spec.allocateLoadBalancerNodePorts === false
      ? ports.filter(({ nodePort }) => (nodePort ?? 0) !== 0)
      : ports;
  used.set('services.nodeports', quantityOf(counted.length));
}

function addClaim(used: Map<string, Quantity>, { metadata, spec }: PersistentVolumeClaim): void {
  const beta = metadata.annotations?.['volume.beta.kubernetes.io/storage-class'];
  const storageClass = beta ?? spec.storageClassName ?? '';
  const storage = parseQuantity(spec.resources?.requests?.['storage'] ?? '');
  if (storage !== undefined) used.set('requests.storage', storage);
  if (storageClass === '') return;
  const prefix = `${storageClass}.storageclass.storage.k8s.io/`;
  used.set(`${prefix}persistentvolumeclaims`, quantityOf(1));
  if (storage !== undefined) used.set(`${prefix}requests.storage`, storage);
}

/** Names that every container must state when a quota limits them. */
const stated = new Set([
  'cpu',
  'memory',
  'requests.cpu',
  'requests.memory',
  'limits.cpu',
  'limits.memory',
]);

/** Names the requests and limits that a quota needs and a pod leaves open; `''` for none. */
export function missingInPod(pod: Pod, hard: Iterable<string>): string {
  const wanted = [...hard].filter((name) => stated.has(name)).sort();
  const containers = [...(pod.spec.containers ?? []), ...(pod.spec.initContainers ?? [])];
  const parts = wanted.flatMap((name) => {
    const [part, resource] = name.startsWith('limits.')
      ? (['limits', name.slice('limits.'.length)] as const)
      : (['requests', name.replace(/^requests\./, '')] as const);
    const open = containers.filter((item) => item.resources?.[part]?.[resource] === undefined);
    if (open.length === 0) return [];
    const names = [...new Set(open.map((container) => container.name))].sort();
    return [`${name} for: ${names.join(',')}`];
  });
  return parts.length === 0 ? '' : `must specify ${parts.join('; ')}`;
}
