/** Controller "endpointslice": the EndpointSlices of each Service with a selector. */
import type { ControllerContext } from '../runtime/context.js';
import type { Reconciler } from '../runtime/controller.js';
import { createReconciler, ignoreNotFound, splitNamespaced } from '../runtime/controller.js';
import type { Node, Service } from '../runtime/core-types.js';
import { Expectations } from '../runtime/expectations.js';
import { jsonEqual } from '../runtime/hash.js';
import { controllerReference } from '../runtime/ownership.js';
import { resources } from '../runtime/resources.js';
import type { EndpointSlice } from './plan.js';
import {
  managedBy,
  managedByLabel,
  planSliceGroups,
  planSlices,
  serviceNameLabel,
  sliceLabels,
} from './plan.js';
import { watchServices } from './service-pods.js';

const serviceIndex = 'service';

export function createEndpointSliceController(context: ControllerContext): Reconciler {
  const { client } = context;
  const expectations = new Expectations(context.clock);
  const nodes = context.informers.informer<Node>(resources.nodes);
  const informer = context.informers.informer<EndpointSlice>(resources.endpointSlices);
  informer.addIndex(serviceIndex, (slice) => [serviceOf(slice)]);
  const reconciler = createReconciler(context, { name: 'endpointslice', reconcile });
  const { services, podsOf } = watchServices(context, (key) => reconciler.enqueue(key));
  informer.onChange(({ type, object }) => {
    if (!isOurs(object)) return;
    if (type === 'add') expectations.created(serviceOf(object));
    reconciler.enqueue(serviceOf(object));
  });

  async function reconcile(key: string): Promise<void> {
    const service = services.get(splitNamespaced(key));
    const present = informer.byIndex(serviceIndex, key).filter(isOurs);
    if (service === undefined) {
      expectations.forget(key);
      for (const slice of present) await remove(slice);
      return;
    }
    if (Object.keys(service.spec.selector ?? {}).length === 0) return;
    if (service.spec.type === 'ExternalName' || service.metadata.deletionTimestamp !== undefined) {
      return;
    }
    if (!expectations.satisfied(key)) return;
    const groups = planSliceGroups(service, podsOf(service), (name) => nodes.get({ name }));
    const labels = sliceLabels(service, managedBy);
    const changes = planSlices(groups, present);
    const updates = new Map(changes.update.map((slice) => [slice.metadata.name, slice]));
    for (const slice of present) {
      if (changes.delete.includes(slice) || jsonEqual(slice.metadata.labels, labels)) continue;
      updates.set(slice.metadata.name, updates.get(slice.metadata.name) ?? slice);
    }
    expectations.expect(key, changes.create.length);
    for (const slice of changes.create) await create(key, service, slice, labels);
    for (const slice of updates.values()) {
      await client.update(resources.endpointSlices, {
        ...slice,
        metadata: { ...slice.metadata, labels },
      });
    }
    for (const slice of changes.delete) await remove(slice);
  }

  async function create(
    key: string,
    service: Service,
    slice: Omit<EndpointSlice, 'metadata'>,
    labels: Record<string, string>,
  ): Promise<void> {
    const { namespace = '', name } = service.metadata;
    const owner = { apiVersion: 'v1', kind: 'Service', metadata: service.metadata };
    try {
      await client.create<EndpointSlice>(resources.endpointSlices, {
        apiVersion: 'discovery.k8s.io/v1',
        kind: 'EndpointSlice',
        metadata: {
          name: '',
          generateName: `${name}-`,
          namespace,
          labels,
          ownerReferences: [controllerReference(owner)],
        },
        ...slice,
      });
    } catch (error) {
      expectations.created(key);
      throw error;
    }
  }

  async function remove(slice: EndpointSlice): Promise<void> {
    await client.delete(resources.endpointSlices, slice.metadata).catch(ignoreNotFound);
  }
  return reconciler;
}

function isOurs(slice: EndpointSlice): boolean {
  return slice.metadata.labels?.[managedByLabel] === managedBy;
}

function serviceOf(slice: EndpointSlice): string {
  return `${slice.metadata.namespace ?? ''}/${slice.metadata.labels?.[serviceNameLabel] ?? ''}`;
}
