/** Controller "endpoint": an Endpoints object for each Service with a selector. */
import type { Endpoints } from '../../../api/types/core.js';
import type { ControllerContext } from '../context.js';
import type { Reconciler } from '../../../client/controller/reconciler.js';
import {
  createReconciler,
  ignoreNotFound,
  keyOf,
  splitNamespaced,
} from '../../../client/controller/reconciler.js';
import { jsonEqual } from '../../../api/facts/hash.js';
import { resources } from '../../../client/resources.js';
import { endpointsLabels, planSubsets } from './plan.js';
import { watchServices } from './service-pods.js';

export function createEndpointsController(context: ControllerContext): Reconciler {
  const { client } = context;
  const informer = context.informers.informer<Endpoints>(resources.endpoints);
  const reconciler = createReconciler(context, { name: 'endpoint', reconcile });
  const { services, podsOf } = watchServices(context, (key) => reconciler.enqueue(key));
  /** Services that went while we looked: their Endpoints go too, whoever wrote them. */
  const gone = new Set<string>();
  services.onChange(({ type, object }) => {
    if (type === 'delete') gone.add(keyOf(object));
    else gone.delete(keyOf(object));
  });
  informer.onChange(({ type, object }) => {
    if (type === 'delete' || type === 'add') {
      reconciler.enqueue(`${object.metadata.namespace ?? ''}/${object.metadata.name}`);
    }
  });

  async function reconcile(key: string): Promise<void> {
    const at = splitNamespaced(key);
    const service = services.get(at);
    const present = informer.get(at);
    if (service === undefined) {
      // Those made by hand, or used as a lock, are nobody's service and stay.
      const managed = present?.metadata.labels?.['endpoints.kubernetes.io/managed-by'];
      if (present !== undefined && (managed !== undefined || gone.has(key))) {
        await client.delete(resources.endpoints, at).catch(ignoreNotFound);
      }
      gone.delete(key);
      return;
    }
    if (Object.keys(service.spec.selector ?? {}).length === 0) return;
    if (service.spec.type === 'ExternalName') return;
    const subsets = planSubsets(service, podsOf(service));
    const labels = endpointsLabels(service);
    if (present === undefined) {
      await client.create<Endpoints>(resources.endpoints, {
        apiVersion: 'v1',
        kind: 'Endpoints',
        metadata: { ...at, labels },
        ...(subsets.length === 0 ? {} : { subsets }),
      });
      return;
    }
    const same =
      jsonEqual(present.subsets ?? [], subsets) && jsonEqual(present.metadata.labels, labels);
    if (same) return;
    await client.update<Endpoints>(resources.endpoints, {
      ...present,
      metadata: { ...present.metadata, labels },
      subsets,
    });
  }
  return reconciler;
}
