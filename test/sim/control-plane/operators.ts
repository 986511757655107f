/** Those who run the cluster: they make disks, guard workloads with budgets, drain nodes, and drop claims. */
import type { KubeObject } from '../../../src/api/object.js';
import { controllerOf } from '../../../src/api/object.js';
import type { ApiClient } from '../../../src/client/index.js';
import { isApiError } from '../../../src/client/index.js';
import { resources as kinds } from '../../../src/client/resources.js';
import type { Prng } from '../../../src/lib/prng.js';
import * as manifests from './manifests.js';
import type { ControlPlaneWorld } from './world.js';

/** Something that somebody does. */
export type Act = () => Promise<void>;

/** Disks that there may be. */
const disksMax = 5;

/** See above. */
export class Operators {
  readonly #world: ControlPlaneWorld;
  readonly #draw: Prng;
  readonly #api: () => ApiClient;
  /** Claims that somebody deleted, by uid. */
  readonly droppedClaims = new Set<string>();

  constructor(world: ControlPlaneWorld, draw: Prng, api: () => ApiClient) {
    this.#world = world;
    this.#draw = draw;
    this.#api = api;
  }

  /** What they may do next, about a namespace and a workload. */
  acts(namespace: string, app: string): readonly Act[] {
    const { hasBudgets, hasVolumes } = this.#world.options;
    return [
      ...(hasBudgets
        ? [
            () => this.#guard(namespace, app),
            () => this.#guard(namespace, app),
            () => this.#drain(),
          ]
        : []),
      ...(hasVolumes
        ? [() => this.#turnDisk(), () => this.#turnDisk(), () => this.#dropClaim(namespace)]
        : []),
    ];
  }

  /** A budget for the workload; where it has one already, that goes. */
  async #guard(namespace: string, app: string): Promise<void> {
    const api = this.#api();
    try {
      await api.create(kinds.disruptionBudgets, manifests.budget(this.#draw, namespace, app));
    } catch (error) {
      if (!isApiError(error, 'AlreadyExists')) throw error;
      await api.delete(kinds.disruptionBudgets, { namespace, name: app });
    }
  }

  /** As `kubectl drain`, once: what a budget protects stays. */
  async #drain(): Promise<void> {
    const api = this.#api();
    const { nodeName: name } = this.#draw.pick(this.#world.machines);
    const patch = { spec: { unschedulable: true } };
    await api.patch(kinds.nodes, { name }, 'application/merge-patch+json', patch);
    const { items } = await api.list(kinds.pods, { fieldSelector: `spec.nodeName=${name}` });
    for (const pod of items) {
      if (controllerOf(pod)?.kind !== 'DaemonSet') await this.#evict(pod);
    }
  }

  async #evict({ metadata }: KubeObject): Promise<void> {
    const { namespace = '', name } = metadata;
    const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { namespace, name } };
    try {
      await this.#api().create(kinds.pods, eviction, { subresource: 'eviction', name });
      this.#world.count('evictions');
    } catch (error) {
      if (!isApiError(error)) throw error;
      if (error.reason === 'TooManyRequests') this.#world.count('evictions refused');
    }
  }

  /** A new disk; where it is there already and nobody has it any more, it goes. */
  async #turnDisk(): Promise<void> {
    const api = this.#api();
    const name = `disk-${this.#draw.below(disksMax)}`;
    const { nodeName } = this.#draw.pick(this.#world.machines);
    try {
      await api.create(kinds.volumes, manifests.disk(this.#draw, name, nodeName));
    } catch (error) {
      if (!isApiError(error, 'AlreadyExists')) throw error;
      const found = await api.get<KubeObject & { status?: { phase?: string } }>(kinds.volumes, {
        name,
      });
      if (found.status?.phase !== 'Released') return;
      const { uid = '' } = found.metadata;
      await api.delete(kinds.volumes, { name }, { preconditions: { uid } });
    }
  }

  async #dropClaim(namespace: string): Promise<void> {
    const api = this.#api();
    const { items } = await api.list(kinds.claims, { namespace });
    if (items.length === 0) return;
    const { metadata } = this.#draw.pick(items);
    const { uid = '' } = metadata;
    this.droppedClaims.add(uid);
    await api.delete(kinds.claims, metadata, { preconditions: { uid } });
  }
}
