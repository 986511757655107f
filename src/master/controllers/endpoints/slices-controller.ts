/** Controller "endpointslice": the EndpointSlices of each Service with a selector. */
import type { ControllerContext } from '../context.js';
import type { Reconciler } from '../../../client/controller/reconciler.js';
import { createReconciler, splitNamespaced } from '../../../client/controller/reconciler.js';
import type { Node } from '../../../api/types/core.js';
import { resources } from '../../../client/resources.js';
import { familiesOf, managedBy, planSliceGroups, sliceLabels } from './plan.js';
import { watchServices } from './service-pods.js';
import { SliceWriter } from './slice-writer.js';

export function createEndpointSliceController(context: ControllerContext): Reconciler {
  const nodes = context.informers.informer<Node>(resources.nodes);
  const reconciler = createReconciler(context, { name: 'endpointslice', reconcile });
  const writer = new SliceWriter(context, managedBy, (key) => reconciler.enqueue(key));
  const { services, podsOf } = watchServices(context, (key) => reconciler.enqueue(key));

  async function reconcile(key: string): Promise<void> {
    const service = services.get(splitNamespaced(key));
    if (service === undefined) return writer.removeAll(key);
    if (Object.keys(service.spec.selector ?? {}).length === 0) return undefined;
    if (service.spec.type === 'ExternalName' || service.metadata.deletionTimestamp !== undefined) {
      return undefined;
    }
    return writer.write({
      key,
      owner: { apiVersion: 'v1', kind: 'Service', metadata: service.metadata },
      groups: planSliceGroups(service, podsOf(service), (name) => nodes.get({ name })),
      families: familiesOf(service),
      labels: sliceLabels(service, managedBy),
    });
  }
  return reconciler;
}
