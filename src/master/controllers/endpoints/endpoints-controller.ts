/** Controller "endpoint": an Endpoints object for each Service with a selector. */
import { keyOf, splitKey } from '../../../api/facts/keys.js';
import { jsonEqual } from '../../../api/equal.js';
import type { Endpoints, Service } from '../../../api/types/core.js';
import type { Reconciler } from '../../../client/controller/reconciler.js';
import { createReconciler, ignoreNotFound } from '../../../client/controller/reconciler.js';
import { resources } from '../../../client/resources.js';
import type { Informer } from '../../../client/types.js';
import type { ControllerContext } from '../context.js';
import { overCapacityAnnotation, truncated } from './capacity.js';
import { endpointsLabels, hasEndpoints, isManagedEndpoints, planSubsets } from './plan.js';
import type { ServicePods } from './service-pods.js';
import { watchServices } from './service-pods.js';

/** Controller "endpoint". */
export function createEndpointsController(context: ControllerContext): Reconciler {
  return new EndpointsController(context).reconciler;
}

class EndpointsController {
  readonly #context: ControllerContext;
  readonly #endpoints: Informer<Endpoints>;
  readonly #services: ServicePods;
  /** Services that went while we looked: their Endpoints go too, whoever wrote them. */
  readonly #gone = new Set<string>();
  readonly reconciler: Reconciler;

  constructor(context: ControllerContext) {
    this.#context = context;
    this.reconciler = createReconciler(context, {
      name: 'endpoint',
      reconcile: (key) => this.#reconcile(key),
    });
    this.#endpoints = context.informers.informer<Endpoints>(resources.endpoints);
    this.#services = watchServices(context, (key) => this.reconciler.enqueue(key));
    this.#services.services.onChange(({ type, object }) => {
      if (type === 'delete') this.#gone.add(keyOf(object));
      else this.#gone.delete(keyOf(object));
    });
    this.#endpoints.onChange(({ type, object }) => {
      if (type === 'delete' || type === 'add') this.reconciler.enqueue(keyOf(object));
    });
  }

  async #reconcile(key: string): Promise<void> {
    const at = splitKey(key);
    const service = this.#services.services.get(at);
    const present = this.#endpoints.get(at);
    if (service !== undefined) {
      if (hasEndpoints(service)) await this.#write(service, present);
      return;
    }
    // Endpoints made by hand, or used as a lock, belong to no Service and stay.
    if (present !== undefined && (isManagedEndpoints(present) || this.#gone.has(key))) {
      await this.#context.client.delete(resources.endpoints, at).catch(ignoreNotFound);
    }
    this.#gone.delete(key);
  }

  async #write(service: Service, present: Endpoints | undefined): Promise<void> {
    const { client } = this.#context;
    const { namespace = '', name } = service.metadata;
    const all = planSubsets(service, this.#services.podsOf(service));
    const cut = truncated(all);
    const subsets = cut ?? all;
    const labels = endpointsLabels(service);
    const { [overCapacityAnnotation]: _, ...known } = present?.metadata.annotations ?? {};
    const annotations =
      cut === undefined ? known : { ...known, [overCapacityAnnotation]: 'truncated' };
    if (present === undefined) {
      await client.create<Endpoints>(resources.endpoints, {
        apiVersion: 'v1',
        kind: 'Endpoints',
        metadata: { namespace, name, labels, annotations },
        ...(subsets.length === 0 ? {} : { subsets }),
      });
      return;
    }
    const same =
      jsonEqual(present.subsets ?? [], subsets) &&
      jsonEqual(present.metadata.labels, labels) &&
      jsonEqual(present.metadata.annotations ?? {}, annotations);
    if (same) return;
    await client.update<Endpoints>(resources.endpoints, {
      ...present,
      metadata: { ...present.metadata, labels, annotations },
      subsets,
    });
  }
}
