/** Controller "endpointslice": the EndpointSlices of each Service with a selector. */
import { splitKey } from '../../../api/facts/keys.js';
import type { Node, Service } from '../../../api/types/core.js';
import type { Reconciler } from '../../../client/controller/reconciler.js';
import { createReconciler } from '../../../client/controller/reconciler.js';
import { resources } from '../../../client/resources.js';
import type { Informer } from '../../../client/types.js';
import type { ControllerContext } from '../context.js';
import { familiesOf, hasEndpoints, managedBy, planSliceGroups, sliceLabels } from './plan.js';
import type { ServicePods } from './service-pods.js';
import { watchServices } from './service-pods.js';
import { SliceWriter } from './slice-writer.js';

/** Controller "endpointslice". */
export function createEndpointSliceController(context: ControllerContext): Reconciler {
  return new EndpointSliceController(context).reconciler;
}

class EndpointSliceController {
  readonly #nodes: Informer<Node>;
  readonly #writer: SliceWriter;
  readonly #services: ServicePods;
  readonly reconciler: Reconciler;

  constructor(context: ControllerContext) {
    this.reconciler = createReconciler(context, {
      name: 'endpointslice',
      reconcile: (key) => this.#reconcile(key),
    });
    const enqueue = (key: string): void => this.reconciler.enqueue(key);
    this.#nodes = context.informers.informer<Node>(resources.nodes);
    this.#writer = new SliceWriter(context, managedBy, enqueue);
    this.#services = watchServices(context, enqueue);
  }

  async #reconcile(key: string): Promise<void> {
    const service = this.#services.services.get(splitKey(key));
    if (service === undefined) return this.#writer.removeAll(key);
    if (!hasEndpoints(service) || service.metadata.deletionTimestamp !== undefined) {
      return undefined;
    }
    return this.#write(key, service);
  }

  #write(key: string, service: Service): Promise<void> {
    const pods = this.#services.podsOf(service);
    return this.#writer.write({
      key,
      owner: { apiVersion: 'v1', kind: 'Service', metadata: service.metadata },
      groups: planSliceGroups(service, pods, (name) => this.#nodes.get({ name })),
      families: familiesOf(service),
      labels: sliceLabels(service, managedBy),
    });
  }
}
