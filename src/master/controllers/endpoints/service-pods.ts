import { keyOf } from '../../../api/facts/keys.js';
import type { Informer } from '../../../client/types.js';
import type { ControllerContext } from '../context.js';
import type { Pod, Service } from '../../../api/types/core.js';
import { jsonEqual } from '../../../api/equal.js';
import { isPodReady, isPodTerminal } from '../../../api/facts/pods.js';
import { resources } from '../../../client/resources.js';
import { matchesPairs } from '../../../api/facts/selectors.js';

/** Services, and the pods that each selects. */
export interface ServicePods {
  readonly services: Informer<Service>;
  podsOf(service: Service): Pod[];
}

/** Services with their pods, for the two endpoint controllers: enqueues a service whenever it or its pods change. */
export function watchServices(
  context: ControllerContext,
  enqueue: (key: string) => void,
): ServicePods {
  const services = context.informers.informer<Service>(resources.services);
  const pods = context.informers.informer<Pod>(resources.pods);
  services.onChange((change) => enqueue(keyOf(change.object)));
  const enqueueFor = (pod: Pod): void => {
    for (const service of services.list(pod.metadata.namespace)) {
      if (matchesPairs(service.spec.selector, pod.metadata.labels)) enqueue(keyOf(service));
    }
  };
  pods.onChange((change) => {
    if (change.type === 'update') {
      if (!matters(change.old, change.object)) return;
      if (!jsonEqual(change.old.metadata.labels, change.object.metadata.labels)) {
        enqueueFor(change.old);
      }
    }
    enqueueFor(change.object);
  });
  return {
    services,
    podsOf: (service) =>
      pods
        .list(service.metadata.namespace)
        .filter((pod) => matchesPairs(service.spec.selector, pod.metadata.labels)),
  };
}

function matters(old: Pod, next: Pod): boolean {
  return (
    // Another pod may have taken the name while the watch was broken.
    old.metadata.uid !== next.metadata.uid ||
    isPodReady(old) !== isPodReady(next) ||
    isPodTerminal(old) !== isPodTerminal(next) ||
    old.spec.nodeName !== next.spec.nodeName ||
    old.metadata.deletionTimestamp !== next.metadata.deletionTimestamp ||
    !jsonEqual(old.metadata.labels, next.metadata.labels) ||
    !jsonEqual(old.status?.podIPs, next.status?.podIPs) ||
    old.status?.podIP !== next.status?.podIP
  );
}
