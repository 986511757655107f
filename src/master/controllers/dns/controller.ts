/** Controller "cluster-dns": the Service `kube-dns` and its endpoints. */
import { keyOf } from '../../../api/facts/keys.js';
import { jsonEqual } from '../../../api/equal.js';
import type { KubeObject } from '../../../api/object.js';
import type { Service } from '../../../api/types/core.js';
import type { EndpointSlice } from '../../../api/types/networking.js';
import type { Reconciler } from '../../../client/controller/reconciler.js';
import {
  createReconciler,
  ignoreAlreadyExists,
  ignoreNotFound,
} from '../../../client/controller/reconciler.js';
import { resources } from '../../../client/resources.js';
import type { Informer } from '../../../client/types.js';
import type { ControllerContext } from '../context.js';
import { dnsKey, dnsService, dnsSlice, isDnsSlice } from './plan.js';

/** Controller "cluster-dns"; none where the address of cluster DNS is not known. */
export function createClusterDnsController(context: ControllerContext): Reconciler[] {
  const { clusterDns } = context.flags;
  return clusterDns === undefined ? [] : [new ClusterDns(context, clusterDns).reconciler];
}

const ownKey = keyOf({ metadata: dnsKey });

class ClusterDns {
  readonly #context: ControllerContext;
  readonly #address: string;
  readonly #services: Informer<Service>;
  readonly #slices: Informer<EndpointSlice>;
  readonly reconciler: Reconciler;

  constructor(context: ControllerContext, address: string) {
    this.#context = context;
    this.#address = address;
    this.reconciler = createReconciler(context, {
      name: 'cluster-dns',
      reconcile: () => this.#reconcile(),
    });
    this.#services = context.informers.informer<Service>(resources.services);
    this.#slices = context.informers.informer<EndpointSlice>(resources.endpointSlices);
    const look = ({ object }: { readonly object: KubeObject }): void => {
      if (keyOf(object) === ownKey) this.reconciler.enqueue(ownKey);
    };
    this.#services.onChange(look);
    this.#slices.onChange(look);
    this.reconciler.enqueue(ownKey);
  }

  /** A Service that is there stays as it is: another name server may have been put behind it. */
  async #reconcile(): Promise<void> {
    const { client } = this.#context;
    const service = this.#services.get(dnsKey);
    if (service === undefined) {
      const made = dnsService(this.#address);
      await client.create(resources.services, made).catch(ignoreAlreadyExists);
      return;
    }
    const wanted = dnsSlice(service, this.#address);
    const present = this.#slices.get(dnsKey);
    if (present !== undefined && !isDnsSlice(present)) return;
    if (wanted === undefined) {
      if (present === undefined) return;
      await client.delete(resources.endpointSlices, dnsKey).catch(ignoreNotFound);
    } else if (present === undefined) {
      await client.create(resources.endpointSlices, wanted).catch(ignoreAlreadyExists);
    } else if (!isSame(present, wanted)) {
      await client.update(resources.endpointSlices, {
        ...wanted,
        metadata: { ...present.metadata, ...wanted.metadata },
      });
    }
  }
}

function isSame(present: EndpointSlice, wanted: EndpointSlice): boolean {
  const parts = ({ metadata, endpoints, ports }: EndpointSlice): unknown => [
    metadata.labels,
    metadata.ownerReferences,
    endpoints,
    ports,
  ];
  return jsonEqual(parts(present), parts(wanted));
}
