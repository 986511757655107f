/**
 * Controller "ipallocator-repair-controller": each service with an address has its IPAddress, and none is left that has
 * no service. The API server writes both in one transaction; what is repaired is what clients have changed since, and
 * what versions without IPAddresses have left. Caches may show one without the other, so that the API is asked before
 * anything is written.
 */
import { keyOf, splitKey } from '../../../api/facts/keys.js';
import { addressFor, parentService } from '../../../api/facts/service-addresses.js';
import type { Service } from '../../../api/types/core.js';
import type { IPAddress, ServiceCIDR } from '../../../api/types/networking.js';
import type { Controller, Reconciler } from '../../../client/controller/reconciler.js';
import {
  createReconciler,
  ignoreAlreadyExists,
  ignoreNotFound,
  watchSelf,
} from '../../../client/controller/reconciler.js';
import type { EventRecorder } from '../../../client/events/recorder.js';
import { resources } from '../../../client/resources.js';
import type { Informer, ObjectKey } from '../../../client/types.js';
import { isApiError } from '../../../client/types.js';
import type { ReconcileResult } from '../../../lib/work-queue.js';
import type { ControllerContext } from '../context.js';
import type { ServiceStep } from './plan.js';
import { addressOf, planAddress, planService } from './plan.js';

const name = 'ipallocator-repair-controller';

/** Its two queues: of services, and of addresses. */
export function createAddressRepair(context: ControllerContext): Controller[] {
  const repair = new AddressRepair(context);
  return [repair.ofServices, repair.ofAddresses];
}

/** A place to read services and addresses from. */
interface Reader {
  address(name: string): Promise<IPAddress | undefined>;
  service(key: ObjectKey): Promise<Service | undefined>;
}

class AddressRepair {
  readonly #context: ControllerContext;
  readonly #recorder: EventRecorder;
  readonly #services: Informer<Service>;
  readonly #addresses: Informer<IPAddress>;
  readonly #cidrs: Informer<ServiceCIDR>;
  readonly #cache: Reader;
  readonly #api: Reader;
  readonly ofServices: Reconciler;
  readonly ofAddresses: Reconciler;

  constructor(context: ControllerContext) {
    this.#context = context;
    this.#recorder = context.recorder(name);
    this.ofServices = createReconciler(context, {
      name,
      reconcile: (key) => this.#repairService(key),
    });
    this.ofAddresses = createReconciler(context, {
      name: `${name}-addresses`,
      reconcile: (address) => this.#repairAddress(address),
    });
    this.#cidrs = context.informers.informer<ServiceCIDR>(resources.serviceCidrs);
    const { client } = context;
    this.#api = {
      address: (of) => orMissing(client.get<IPAddress>(resources.ipAddresses, { name: of })),
      service: (key) => orMissing(client.get<Service>(resources.services, key)),
    };
    this.#cache = {
      address: (of) => Promise.resolve(this.#addresses.get({ name: of })),
      service: (key) => Promise.resolve(this.#services.get(key)),
    };
    this.#services = watchSelf<Service>(context, resources.services, (key) =>
      this.ofServices.enqueue(key),
    );
    this.#services.onChange((change) => {
      const old = change.type === 'update' ? change.old : change.object;
      const address = addressOf(old);
      if (change.type !== 'add' && address !== undefined) this.ofAddresses.enqueue(address);
    });
    this.#addresses = watchSelf<IPAddress>(context, resources.ipAddresses, (address) =>
      this.ofAddresses.enqueue(address),
    );
    this.#cidrs.onChange(({ type }) => {
      if (type !== 'add') return;
      for (const service of this.#services.list()) this.ofServices.enqueue(keyOf(service));
    });
    this.#addresses.onChange(({ object }) => {
      const key = parentService(object);
      if (key !== undefined) this.ofServices.enqueue(keyOf({ metadata: key }));
    });
  }

  async #repairService(key: string): Promise<void> {
    const cached = this.#services.get(splitKey(key));
    const address = cached === undefined ? undefined : addressOf(cached);
    if (cached === undefined || address === undefined) return;
    const known = await this.#cache.address(address);
    const step = await this.#step(cached, { address, present: known }, this.#cache);
    if (step.type === 'none' && step.warning === undefined) return;
    const service = await this.#api.service(splitKey(key));
    if (service === undefined || addressOf(service) !== address) return;
    const present = await this.#api.address(address);
    const { type, warning } = await this.#step(service, { address, present }, this.#api);
    if (warning !== undefined) {
      const subject = { kind: 'Service', metadata: service.metadata };
      this.#recorder.warning(subject, warning.reason, warning.message);
    }
    if (type === 'none') return;
    if (type === 'recreate' && present !== undefined) await this.#delete(present);
    await this.#context.client
      .create<IPAddress>(resources.ipAddresses, addressFor(address, service))
      .catch(ignoreAlreadyExists);
  }

  async #step(
    service: Service,
    { address, present }: { readonly address: string; readonly present: IPAddress | undefined },
    reader: Reader,
  ): Promise<ServiceStep> {
    const key = present === undefined ? undefined : parentService(present);
    const parent = key === undefined ? undefined : await reader.service(key);
    return planService(service, address, { present, parent, cidrs: this.#cidrs.list() });
  }

  async #repairAddress(of: string): Promise<ReconcileResult | void> {
    const cached = this.#addresses.get({ name: of });
    if (cached === undefined || this.#next(cached, this.#parent(cached)).type === 'none') {
      return undefined;
    }
    const address = await this.#api.address(of);
    if (address === undefined) return undefined;
    const key = parentService(address);
    const parent = key === undefined ? undefined : await this.#api.service(key);
    const step = this.#next(address, parent);
    if (step.type === 'wait') return { requeueAfterMs: step.ms };
    if (step.type === 'none') return undefined;
    const { metadata } = address;
    const subject = { apiVersion: 'networking.k8s.io/v1', kind: 'IPAddress', metadata };
    this.#recorder.warning(subject, step.warning.reason, step.warning.message);
    await this.#delete(address);
    return undefined;
  }

  /** Deletes an address as it was read: it may have become another service's since. */
  async #delete({ metadata }: IPAddress): Promise<void> {
    const { uid = '', resourceVersion = '' } = metadata;
    await this.#context.client
      .delete(resources.ipAddresses, metadata, { preconditions: { uid, resourceVersion } })
      .catch(ignoreNotFound);
  }

  #next(address: IPAddress, parent: Service | undefined): ReturnType<typeof planAddress> {
    return planAddress(address, parent, this.#context.clock.nowMs());
  }

  #parent(address: IPAddress): Service | undefined {
    const key = parentService(address);
    return key === undefined ? undefined : this.#services.get(key);
  }
}

/** Undefined for what is not there. */
async function orMissing<T>(read: Promise<T>): Promise<T | undefined> {
  try {
    return await read;
  } catch (error) {
    if (isApiError(error, 'NotFound')) return undefined;
    throw error;
  }
}
