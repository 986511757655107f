/** Controller "endpointslice": the EndpointSlices of each Service with a selector. */
import { keyOf, splitKey } from '../../../api/facts/keys.js';
import type { Node, Service } from '../../../api/types/core.js';
import type { Reconciler } from '../../../client/controller/reconciler.js';
import { createReconciler } from '../../../client/controller/reconciler.js';
import type { EventRecorder } from '../../../client/events/recorder.js';
import { resources } from '../../../client/resources.js';
import type { Informer } from '../../../client/types.js';
import type { ControllerContext } from '../context.js';
import type { SliceGroup } from './plan.js';
import { familiesOf, hasEndpoints, managedBy, planSliceGroups, sliceLabels } from './plan.js';
import type { ServicePods } from './service-pods.js';
import { watchServices } from './service-pods.js';
import { SliceWriter } from './slice-writer.js';
import { movesShares, wantsZoneHints, withZoneHints, zoneShares } from './zone-hints.js';

/** Controller "endpointslice". */
export function createEndpointSliceController(context: ControllerContext): Reconciler {
  return new EndpointSliceController(context).reconciler;
}

class EndpointSliceController {
  readonly #nodes: Informer<Node>;
  readonly #writer: SliceWriter;
  readonly #services: ServicePods;
  readonly #recorder: EventRecorder;
  /** Keys of the services whose slices have hints by annotation. */
  readonly #hints = new Set<string>();
  #shares = '';
  readonly reconciler: Reconciler;

  constructor(context: ControllerContext) {
    this.reconciler = createReconciler(context, {
      name: 'endpointslice',
      reconcile: (key) => this.#reconcile(key),
    });
    const enqueue = (key: string): void => this.reconciler.enqueue(key);
    this.#nodes = context.informers.informer<Node>(resources.nodes);
    this.#writer = new SliceWriter(context, managedBy, enqueue);
    this.#recorder = context.recorder('endpoint-slice-controller');
    this.#services = watchServices(context, enqueue);
    this.#nodes.onChange((change) => {
      if (movesShares(change)) this.#onShares();
    });
  }

  /** The shares of the zones decide about hints. */
  #onShares(): void {
    const asking = this.#services.services.list().filter(wantsZoneHints);
    if (asking.length === 0) return;
    const shares = JSON.stringify([...(zoneShares(this.#nodes.list()) ?? [])]);
    if (shares === this.#shares) return;
    this.#shares = shares;
    for (const service of asking) this.reconciler.enqueue(keyOf(service));
  }

  async #reconcile(key: string): Promise<void> {
    const service = this.#services.services.get(splitKey(key));
    if (service === undefined) {
      this.#hints.delete(key);
      return this.#writer.removeAll(key);
    }
    if (!hasEndpoints(service) || service.metadata.deletionTimestamp !== undefined) {
      return undefined;
    }
    return this.#write(key, service);
  }

  #write(key: string, service: Service): Promise<void> {
    const pods = this.#services.podsOf(service);
    const groups = planSliceGroups(service, pods, (name) => this.#nodes.get({ name }));
    return this.#writer.write({
      key,
      owner: { apiVersion: 'v1', kind: 'Service', metadata: service.metadata },
      groups: this.#hinted(key, service, groups),
      families: familiesOf(service),
      labels: sliceLabels(service, managedBy),
    });
  }

  /** Adds the hints that the service asks for by its annotation, and tells when they begin and end. */
  #hinted(key: string, service: Service, groups: readonly SliceGroup[]): readonly SliceGroup[] {
    const tell = (type: 'Normal' | 'Warning', addressType: string, message: string): void => {
      const subject = { apiVersion: 'v1', kind: 'Service', metadata: service.metadata };
      const reason = `TopologyAwareHints${type === 'Normal' ? 'Enabled' : 'Disabled'}`;
      this.#recorder.event(subject, type, reason, `${message}, addressType: ${addressType}`);
    };
    if (!wantsZoneHints(service)) {
      const [addressType = ''] = familiesOf(service);
      if (this.#hints.delete(key)) {
        tell('Warning', addressType, 'Topology Aware Hints has been disabled');
      }
      return groups;
    }
    const shares = zoneShares(this.#nodes.list());
    const { groups: hinted, problems } = withZoneHints(groups, shares);
    for (const { addressType, problem } of problems) tell('Warning', addressType, problem);
    if (problems.length > 0) this.#hints.delete(key);
    else if (!this.#hints.has(key)) {
      this.#hints.add(key);
      const [addressType = ''] = familiesOf(service);
      tell('Normal', addressType, 'Topology Aware Hints has been enabled');
    }
    return hinted;
  }
}
