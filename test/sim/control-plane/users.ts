/**
 * The users of the control plane: make, change and delete objects as the seed says, and tidy up when all is healed.
 */
import type { KubeObject } from '../../../src/api/object.js';
import type { ApiClient, ResourceId } from '../../../src/client/index.js';
import { isApiError } from '../../../src/client/index.js';
import { resources as kinds } from '../../../src/client/resources.js';
import { delay } from '../../../src/lib/clock.js';
import type { Prng } from '../../../src/lib/prng.js';
import { clientOf } from './component-process.js';
import * as manifests from './manifests.js';
import type { Act } from './operators.js';
import { Operators } from './operators.js';
import type { Life } from './process.js';
import { SimProcess } from './process.js';
import { holdFinalizer } from './removal-rules.js';
import type { ControlPlaneWorld } from './world.js';

type Workload = KubeObject & { spec: Record<string, unknown> };
type Controlled =
  'deployments' | 'replicaSets' | 'statefulSets' | 'daemonSets' | 'jobs' | 'cronJobs';

const namespaces = ['default', 'team'] as const;
const taintKey = 'sim.trireme.io/out';
/** Objects of one kind in a namespace. */
const perKind = 2;

/** See above. */
export class Users extends SimProcess {
  /** Objects whose finalizer was taken off. */
  readonly released = new Set<string>();
  /** Nothing is left to tidy up. */
  done = false;
  readonly #draw: Prng;
  readonly #operators: Operators;
  #client: ApiClient | undefined;
  #finishing = false;

  constructor(world: ControlPlaneWorld) {
    super(world, 'users');
    this.#draw = world.fork();
    this.#operators = new Operators(world, this.#draw, () => this.#api);
  }

  /** Claims that somebody deleted, by uid. */
  get droppedClaims(): ReadonlySet<string> {
    return this.#operators.droppedClaims;
  }

  protected begin(life: Life): void {
    this.#client = clientOf(this, { commonName: 'admin', organizations: ['system:masters'] });
    this.world.own(this, life, () => this.#live());
  }

  protected ended(): void {}

  /** Ends what would go on for ever, and lets go of what is held. */
  finish(): void {
    this.#finishing = true;
  }

  get #api(): ApiClient {
    if (this.#client === undefined) throw new Error('the users have no client');
    return this.#client;
  }

  async #live(): Promise<void> {
    const { clock, world } = this;
    while (!this.#finishing) {
      await delay(clock, this.#draw.between(50, world.options.userUsMax / 1000));
      if (this.#finishing) break;
      await this.#try(this.#next());
    }
    while (!(await this.#try(() => this.#tidy()))) await delay(clock, 500);
    this.done = true;
  }

  /** @returns true when it worked */
  async #try(act: Act): Promise<boolean> {
    this.world.count('user acts');
    try {
      await act();
      return true;
    } catch (error) {
      if (!isApiError(error)) throw error;
      this.world.log(() => `users: ${error.reason} ${error.message}`);
      return false;
    }
  }

  #next(): Act {
    const prng = this.#draw;
    const space = prng.pick(namespaces);
    const number = prng.below(perKind);
    const controlled = prng.pick<Controlled>([
      'deployments',
      'deployments',
      'replicaSets',
      'statefulSets',
      'statefulSets',
      'daemonSets',
      'jobs',
      'cronJobs',
    ]);
    return prng.pick<Act>([
      () => this.#make(controlled, space, number),
      () => this.#make(controlled, space, number),
      () => this.#make(controlled, space, number),
      () => this.#scale(controlled, space, number),
      () => this.#scale(controlled, space, number),
      () => this.#rollOut(controlled, space, number),
      () => this.#remove(controlled, space, number),
      () => this.#makeOwned(space, number),
      () => this.#makeOwned(space, number),
      () => this.#makeHeld(space, number),
      () => this.#releaseHeld(space, number),
      () => this.#cordon(),
      () => this.#taint(),
      () => this.#disturbPod(space),
      () => this.#makeService(space, number),
      () => this.#turnNamespace(),
      ...this.#operators.acts(space, this.#nameOf(controlled, number)),
    ]);
  }

  #nameOf(kind: Controlled, number: number): string {
    return `${kind.toLowerCase()}-${number}`;
  }

  async #make(kind: Controlled, space: string, number: number): Promise<void> {
    const makers = {
      deployments: manifests.deployment,
      replicaSets: manifests.replicaSet,
      statefulSets: manifests.statefulSet,
      daemonSets: manifests.daemonSet,
      jobs: manifests.job,
      cronJobs: manifests.cronJob,
    };
    const object = makers[kind]({
      prng: this.#draw,
      features: this.world.options,
      namespace: space,
      name: this.#nameOf(kind, number),
    });
    await this.#api.create(kinds[kind], object);
  }

  async #change(
    kind: ResourceId,
    key: { namespace?: string; name: string },
    change: (object: Workload) => void,
  ): Promise<void> {
    const object = await this.#api.get<Workload>(kind, key);
    change(object);
    await this.#api.update(kind, object);
  }

  async #scale(kind: Controlled, namespace: string, number: number): Promise<void> {
    const replicas = this.#draw.between(0, 4);
    await this.#change(kinds[kind], { namespace, name: this.#nameOf(kind, number) }, ({ spec }) => {
      if (kind === 'cronJobs') spec['suspend'] = replicas === 0;
      else if (kind === 'jobs') spec['parallelism'] = replicas;
      else if (kind !== 'daemonSets') spec['replicas'] = replicas;
    });
  }

  async #rollOut(kind: Controlled, namespace: string, number: number): Promise<void> {
    if (kind === 'jobs' || kind === 'cronJobs') return;
    const version = `web:${this.#draw.between(1, 4)}`;
    await this.#change(kinds[kind], { namespace, name: this.#nameOf(kind, number) }, ({ spec }) => {
      const { containers } = (spec['template'] as { spec: { containers: { image: string }[] } })
        .spec;
      for (const container of containers) container.image = version;
    });
  }

  async #remove(kind: Controlled, namespace: string, number: number): Promise<void> {
    const policy = this.#draw.pick(['Background', 'Background', 'Foreground', 'Orphan'] as const);
    await this.#deleteOnce(kinds[kind], { namespace, name: this.#nameOf(kind, number) }, policy);
  }

  /** A second deletion could take the first one's policy back: it is not asked for. */
  async #deleteOnce(
    kind: ResourceId,
    key: { readonly namespace: string; readonly name: string },
    propagationPolicy: 'Background' | 'Foreground' | 'Orphan',
  ): Promise<void> {
    const { metadata } = await this.#api.get(kind, key);
    if (metadata.deletionTimestamp !== undefined) return;
    const { resourceVersion = '' } = metadata;
    const preconditions = { resourceVersion };
    await this.#api.delete(kind, key, { propagationPolicy, preconditions });
  }

  /** An owner with a dependent; where the owner is there already it goes, and the next one has its name. */
  async #makeOwned(namespace: string, number: number): Promise<void> {
    const name = `owner-${number}`;
    const key = { namespace, name };
    const made = await this.#api
      .create(kinds.configMaps, manifests.configMap(namespace, name))
      .catch(() => undefined);
    if (made === undefined) {
      const policy = this.#draw.pick(['Background', 'Foreground', 'Orphan'] as const);
      await this.#deleteOnce(kinds.configMaps, key, policy);
      // The next one of that name is often there before anybody has heard that the first has gone.
      if (policy === 'Background') {
        await this.#api.create(kinds.configMaps, manifests.configMap(namespace, name));
      }
      return;
    }
    const { uid = '' } = made.metadata;
    const reference = { apiVersion: 'v1', kind: 'ConfigMap', name, uid, blockOwnerDeletion: true };
    const dependent = `dependent-${this.#draw.below(1_000_000)}`;
    await this.#api.create(
      kinds.configMaps,
      manifests.configMap(namespace, dependent, { ownerReferences: [reference] }),
    );
  }

  async #makeHeld(namespace: string, number: number): Promise<void> {
    const name = `held-${number}`;
    await this.#api.create(
      kinds.configMaps,
      manifests.configMap(namespace, name, { finalizers: [holdFinalizer] }),
    );
    await this.#api.delete(kinds.configMaps, { namespace, name });
  }

  async #releaseHeld(namespace: string, number: number): Promise<void> {
    await this.#release(
      await this.#api.get(kinds.configMaps, { namespace, name: `held-${number}` }),
    );
  }

  async #release(object: KubeObject): Promise<void> {
    const { uid = '', finalizers = [] } = object.metadata;
    if (!finalizers.includes(holdFinalizer)) return;
    this.released.add(uid);
    const rest = finalizers.filter((finalizer) => finalizer !== holdFinalizer);
    await this.#api.update(kinds.configMaps, {
      ...object,
      metadata: { ...object.metadata, finalizers: rest },
    });
    await this.#api.delete(kinds.configMaps, object.metadata);
  }

  async #cordon(): Promise<void> {
    const { nodeName: name } = this.#draw.pick(this.world.machines);
    const unschedulable = this.#draw.chance({ numerator: 1, denominator: 2 });
    const patch = { spec: { unschedulable } };
    await this.#api.patch(kinds.nodes, { name }, 'application/merge-patch+json', patch);
  }

  /** A node is to be without pods for a while, or no longer. */
  async #taint(): Promise<void> {
    const { nodeName: name } = this.#draw.pick(this.world.machines);
    await this.#change(kinds.nodes, { name }, ({ spec }) => {
      const taints = (spec['taints'] ?? []) as { key: string }[];
      const rest = taints.filter(({ key }) => key !== taintKey);
      const taint = { key: taintKey, effect: this.#draw.pick(['NoExecute', 'NoSchedule']) };
      spec['taints'] = rest.length < taints.length ? rest : [...rest, taint];
    });
  }

  async #disturbPod(namespace: string): Promise<void> {
    const { items } = await this.#api.list(kinds.pods, { namespace });
    if (items.length === 0) return;
    const { metadata } = this.#draw.pick(items);
    const { name } = metadata;
    if (this.#draw.chance({ numerator: 1, denominator: 2 })) {
      await this.#api.delete(kinds.pods, { namespace, name });
      return;
    }
    const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { namespace, name } };
    await this.#api.create(kinds.pods, eviction, { subresource: 'eviction', name });
  }

  async #makeService(namespace: string, number: number): Promise<void> {
    const app = this.#nameOf('deployments', number);
    await this.#api.create(kinds.services, manifests.service(namespace, `service-${number}`, app));
  }

  async #turnNamespace(): Promise<void> {
    try {
      await this.#api.create(kinds.namespaces, manifests.namespace('team'));
    } catch (error) {
      if (!isApiError(error, 'AlreadyExists')) throw error;
      await this.#api.delete(kinds.namespaces, { name: 'team' });
    }
  }

  async #tidy(): Promise<void> {
    for (const namespace of namespaces) {
      const crons = await this.#api.list<Workload>(kinds.cronJobs, { namespace });
      for (const cron of crons.items) {
        if (cron.spec['suspend'] === true) continue;
        const spec = { suspend: true };
        await this.#api.patch(kinds.cronJobs, cron.metadata, 'application/merge-patch+json', {
          spec,
        });
      }
      const maps = await this.#api.list(kinds.configMaps, { namespace });
      for (const map of maps.items) await this.#release(map);
    }
    for (const { nodeName: name } of this.world.machines) {
      await this.#change(kinds.nodes, { name }, ({ spec }) => {
        const taints = (spec['taints'] ?? []) as { key: string }[];
        spec['taints'] = taints.filter(({ key }) => key !== taintKey);
        delete spec['unschedulable'];
      });
    }
  }
}
