import { findCondition } from '../../../api/facts/conditions.js';
import { cloneJson } from '../../../api/clone.js';
import { jsonEqual } from '../../../api/equal.js';
import type { KubeObject } from '../../../api/object.js';
import type { ServiceCIDR } from '../../../api/types/networking.js';
import type { BootstrapDeps } from '../bootstrap/bootstrap.js';
import { ensure, systemContext } from '../bootstrap/bootstrap.js';
import { defaultCidrName } from './address-pool.js';
import type { AddressRange } from './address-range.js';

/**
 * Keeps the ServiceCIDR `kubernetes`, made of the server's own range: it is made when it is not there, and told to be
 * ready when nobody has said anything about that. One with another range stays as it is.
 * @see kubernetes pkg/controlplane/controller/defaultservicecidr
 */
export class DefaultServiceCidr {
  readonly #deps: BootstrapDeps;
  readonly #wanted: ServiceCIDR;
  #hasWarned = false;

  constructor(deps: BootstrapDeps, range: AddressRange) {
    this.#deps = deps;
    this.#wanted = {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'ServiceCIDR',
      metadata: { name: defaultCidrName },
      spec: { cidrs: [range.cidr] },
      status: {},
    };
  }

  /** Makes it, or gives it its condition. The cache shows it when this resolves. */
  async sync(): Promise<void> {
    const { objects } = this.#deps;
    const place = systemContext(this.#deps, this.#wanted).target;
    if (objects.cached(place) === undefined) {
      await ensure(this.#deps, this.#wanted);
      await objects.watchCache.fresh();
    }
    const present = objects.cached(place)?.object<ServiceCIDR>();
    if (present === undefined || present.metadata.deletionTimestamp !== undefined) return;
    if (!jsonEqual(present.spec.cidrs, this.#wanted.spec.cidrs)) {
      this.#warn(present);
      return;
    }
    const said = findCondition(present.status?.conditions, 'Ready')?.status ?? 'Unknown';
    if (said !== 'Unknown') return;
    await this.#setReady();
    await objects.watchCache.fresh();
  }

  #warn({ spec }: ServiceCIDR): void {
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    const { log } = this.#deps.objects;
    const own = this.#wanted.spec.cidrs;
    log.warn({ present: spec.cidrs, own }, 'the default ServiceCIDR is not the range of the flag');
  }

  async #setReady(): Promise<void> {
    const { target, ...context } = systemContext(this.#deps, this.#wanted);
    const ready = {
      type: 'Ready',
      status: 'True',
      reason: '',
      message: 'Kubernetes default Service CIDR is ready',
      lastTransitionTime: this.#deps.objects.now(),
    };
    await this.#deps.writer.update(
      {
        ...context,
        target: { ...target, subresource: 'status' },
        options: { ...context.options, fieldManager: 'kubernetes-service-cidr-controller' },
      },
      {
        createsMissing: false,
        tracksFields: false,
        next: (old) =>
          cloneJson({ ...old, status: { conditions: [ready] } }) as unknown as KubeObject,
      },
    );
  }
}
