/**
 * Controller "service-cidr-controller": a finalizer holds each ServiceCIDR, and goes when no address needs it any more.
 */
import { findCondition, withCondition } from '../../../api/facts/conditions.js';
import { isManaged, managedSelector } from '../../../api/facts/service-addresses.js';
import { now } from '../../../api/facts/time.js';
import type { IPAddress, ServiceCIDR } from '../../../api/types/networking.js';
import type { Reconciler } from '../../../client/controller/reconciler.js';
import {
  createReconciler,
  ignoreNotFound,
  watchSelf,
} from '../../../client/controller/reconciler.js';
import { resources } from '../../../client/resources.js';
import type { Informer } from '../../../client/types.js';
import type { ReconcileResult } from '../../../lib/work-queue.js';
import type { ControllerContext } from '../context.js';
import {
  cidrFinalizer,
  cidrsWith,
  deletionGraceMs,
  heldCondition,
  mayGo,
  overlapping,
  readyCondition,
} from './plan.js';

/** Controller "service-cidr-controller". */
export function createServiceCidrController(context: ControllerContext): Reconciler {
  return new ServiceCidrs(context).reconciler;
}

class ServiceCidrs {
  readonly #context: ControllerContext;
  readonly #cidrs: Informer<ServiceCIDR>;
  readonly #addresses: Informer<IPAddress>;
  readonly reconciler: Reconciler;

  constructor(context: ControllerContext) {
    this.#context = context;
    this.reconciler = createReconciler(context, {
      name: 'service-cidr-controller',
      reconcile: (name) => this.#reconcile(name),
    });
    this.#cidrs = watchSelf<ServiceCIDR>(context, resources.serviceCidrs, (name) =>
      this.reconciler.enqueue(name),
    );
    this.#cidrs.onChange(({ type, object }) => {
      if (type === 'update') return;
      this.#enqueueEnding(overlapping(object, this.#cidrs.list()));
    });
    this.#addresses = context.informers.informer<IPAddress>(resources.ipAddresses);
    this.#addresses.onChange(({ type, object }) => {
      if (type === 'update' || !isManaged(object)) return;
      this.#enqueueEnding(cidrsWith(object.metadata.name, this.#cidrs.list()));
    });
  }

  /** Only those that end care for what others have. */
  #enqueueEnding(cidrs: readonly ServiceCIDR[]): void {
    for (const cidr of cidrs) if (ends(cidr)) this.reconciler.enqueue(cidr.metadata.name);
  }

  async #reconcile(name: string): Promise<ReconcileResult | void> {
    const cidr = this.#cidrs.get({ name });
    if (cidr === undefined) return undefined;
    if (ends(cidr)) return this.#end(cidr);
    const { finalizers = [] } = cidr.metadata;
    if (!finalizers.includes(cidrFinalizer)) {
      await this.#setFinalizers(cidr, [...finalizers, cidrFinalizer]);
      return undefined;
    }
    await this.#tell(cidr, readyCondition);
    return undefined;
  }

  async #end(cidr: ServiceCIDR): Promise<ReconcileResult | void> {
    const { finalizers = [], deletionTimestamp = '' } = cidr.metadata;
    if (!finalizers.includes(cidrFinalizer)) return undefined;
    if (!mayGo(cidr, this.#cidrs.list(), this.#addresses.list())) {
      return this.#tell(cidr, heldCondition);
    }
    const ageMs = this.#context.clock.nowMs() - Date.parse(deletionTimestamp);
    if (ageMs < deletionGraceMs) return { requeueAfterMs: deletionGraceMs - ageMs };
    // The caches may be behind; what is taken from a range is never given back to it.
    const { client } = this.#context;
    const cidrs = await client.list<ServiceCIDR>(resources.serviceCidrs);
    const addresses = await client.list<IPAddress>(resources.ipAddresses, {
      labelSelector: managedSelector,
    });
    if (!mayGo(cidr, cidrs.items, addresses.items)) return this.#tell(cidr, heldCondition);
    await this.#setFinalizers(
      cidr,
      finalizers.filter((finalizer) => finalizer !== cidrFinalizer),
    );
    return undefined;
  }

  async #setFinalizers({ metadata }: ServiceCIDR, finalizers: readonly string[]): Promise<void> {
    const { resourceVersion } = metadata;
    await this.#context.client
      .patch(resources.serviceCidrs, metadata, 'application/merge-patch+json', {
        metadata: { resourceVersion, finalizers },
      })
      .catch(ignoreNotFound);
  }

  async #tell(
    cidr: ServiceCIDR,
    next: typeof readyCondition | typeof heldCondition,
  ): Promise<void> {
    const present = cidr.status?.conditions;
    const old = findCondition(present, next.type);
    const isSame =
      old?.status === next.status && old.reason === next.reason && old.message === next.message;
    if (isSame) return;
    const time = now(this.#context.clock);
    const conditions = withCondition(present, { ...next, lastTransitionTime: time }, time);
    await this.#context.client
      .updateStatus<ServiceCIDR>(resources.serviceCidrs, { ...cidr, status: { conditions } })
      .catch(ignoreNotFound);
  }
}

function ends({ metadata }: ServiceCIDR): boolean {
  return metadata.deletionTimestamp !== undefined;
}
