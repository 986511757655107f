/** Checks the invariants after every event: as the store commits, as answers arrive, and as containers start. */
import type { ObjectResponse, WatchBatch } from '../../../src/gen/apiserver.js';
import { WatchEventType } from '../../../src/gen/apiserver.js';
import type { ContainerConfig } from '../../../src/runtime/types.js';
import type { StoreEvent } from '../../../src/master/apiserver/storage/store.js';
import { splitKey } from '../../../src/master/apiserver/cache/watch-cache.js';
import { BudgetRules } from './budget-rules.js';
import { ComponentProcess } from './component-process.js';
import { ControllerRules } from './controller-rules.js';
import type { Item } from './model.js';
import { Model, nameOf } from './model.js';
import type { AnsweredCall, NetworkObserver } from './network.js';
import type { SimMachine } from './node-process.js';
import { NodeRules } from './node-rules.js';
import { PreemptionRules } from './preemption-rules.js';
import { checkRemoval, Orphans } from './removal-rules.js';
import type { Life, SimProcess } from './process.js';
import { VolumeRules } from './volume-rules.js';
import type { ControlPlaneWorld } from './world.js';

/** Events between two comparisons of all watch caches with the store. */
const compareEvery = 256;

const writing = new Set(['create', 'update', 'patch', 'delete', 'deleteCollection']);

/** The progress of a stream. */
interface Progress {
  readonly resource: string;
  initial: boolean;
  revision: number;
  /** Revisions that had been delivered, with their times, the oldest first. */
  readonly past: { readonly atUs: number; readonly revision: number }[];
}

/** See above. */
export class Checker implements NetworkObserver {
  readonly world: ControlPlaneWorld;
  readonly model = new Model();
  readonly nodes: NodeRules;
  readonly controllers: ControllerRules;
  readonly orphans = new Orphans(this.model);
  readonly volumes: VolumeRules;
  readonly budgets: BudgetRules;
  readonly preemption: PreemptionRules;
  readonly #progress = new Map<object, Progress>();
  readonly #byLife = new Map<Life, Map<string, Progress>>();
  #events = 0;

  constructor(world: ControlPlaneWorld) {
    this.world = world;
    this.nodes = new NodeRules(world, this.model);
    this.controllers = new ControllerRules(world, this);
    this.volumes = new VolumeRules(world, this.model);
    this.budgets = new BudgetRules(world, this);
    this.preemption = new PreemptionRules(world, this.model);
    world.network.observer = this;
    world.store.watch('/registry/', 1, {
      onEvents: (events) => {
        for (const event of events) this.#committed(event);
      },
      onLost: (error) => world.broken(`the checker lost its watch: ${error.message}`),
    });
  }

  #committed(event: StoreEvent): void {
    const { world, model } = this;
    world.trace.number(4, event.modRevision);
    world.trace.text(event.key);
    world.trace.bytes(event.value);
    if (event.modRevision < model.revision) world.broken('the revision of the store has fallen');
    const { old, item } = model.apply(event, world.queue.now);
    if (item !== undefined) {
      world.count('writes');
      if (old !== undefined) this.#checkUpdate(old, item);
      this.orphans.onWrite(old, item);
      this.nodes.onWrite(old, item);
      this.controllers.onWrite(old, item);
      this.volumes.onWrite(old, item);
      this.budgets.onWrite(old, item);
      this.preemption.onWrite(item);
    } else if (old !== undefined) {
      checkRemoval(world, this, old);
      this.volumes.onRemoval(old);
      this.budgets.onRemoval(old);
      this.preemption.onRemoval(old);
    }
  }

  #checkUpdate(old: Item, item: Item): void {
    const { world } = this;
    if (old.metadata.uid !== item.metadata.uid) world.broken(`${nameOf(item)} changed its uid`);
    if (
      old.metadata.deletionTimestamp !== undefined &&
      item.metadata.deletionTimestamp === undefined
    ) {
      world.broken(`${nameOf(item)} was to be deleted, and no longer is`);
    }
    const { generation = 0 } = item.metadata;
    const observed = item.status?.['observedGeneration'];
    if (typeof observed === 'number' && observed > generation) {
      world.broken(`${nameOf(item)} has observed generation ${observed} of ${generation}`);
    }
    if (generation < (old.metadata.generation ?? 0)) {
      world.broken(`${nameOf(item)} has fallen back to generation ${generation}`);
    }
  }

  /** Only who holds the lease writes; what it sends about leases and events concerns nobody else. */
  sent(client: SimProcess, life: Life, method: string, request: unknown): void {
    this.budgets.sent(method, request);
    this.preemption.sent(client, method, request);
    if (!(client instanceof ComponentProcess) || !writing.has(method)) return;
    const { ref } = request as { ref?: { readonly resource: string } };
    if (ref === undefined || ref.resource === 'leases' || ref.resource === 'events') return;
    const holder = this.model.holders.get(client.component);
    if (holder === client.identityOf(life)) return;
    this.world.broken(
      `${client.identityOf(life)} writes ${ref.resource} while ${holder ?? 'nobody'} leads`,
    );
  }

  arrived(call: object, method: string, request: unknown): void {
    this.budgets.arrived(call, method, request);
  }

  answered(call: AnsweredCall, answer: unknown): () => void {
    const { life, method } = call;
    if (method !== 'create') return () => undefined;
    this.budgets.evicted(call.call, call.request);
    const { object } = answer as ObjectResponse;
    const item = JSON.parse(Buffer.from(object).toString('utf8')) as Item;
    this.controllers.created(life, item);
    return () => this.controllers.acknowledged(life, item);
  }

  delivered(life: Life, stream: object, request: unknown, message: unknown): void {
    if (!('events' in (message as object))) return;
    const { events } = message as WatchBatch;
    const progress = this.#progressOf(life, stream, request);
    for (const event of events) {
      const revision = Number(event.resourceVersion);
      if (event.type === WatchEventType.BOOKMARK) {
        progress.initial = false;
        progress.revision = Math.max(progress.revision, revision);
      } else if (event.type !== WatchEventType.ERROR && !progress.initial) {
        if (revision <= progress.revision) {
          const { resource } = progress;
          this.world.broken(`a watch of ${resource} told ${revision} after ${progress.revision}`);
        }
        progress.revision = revision;
      }
    }
    progress.past.push({ atUs: this.world.queue.now, revision: progress.revision });
    if (progress.past.length > 64) progress.past.shift();
  }

  #progressOf(life: Life, stream: object, request: unknown): Progress {
    let progress = this.#progress.get(stream);
    if (progress !== undefined) return progress;
    const { ref, resourceVersion } = request as {
      ref?: { group: string; resource: string };
      resourceVersion: string;
    };
    const resource = `${ref?.group ?? ''}/${ref?.resource ?? ''}`;
    const from = Number(resourceVersion === '' ? 0 : resourceVersion);
    const former = this.#byLife.get(life)?.get(resource);
    progress = { resource, initial: from === 0, revision: from, past: [...(former?.past ?? [])] };
    this.#progress.set(stream, progress);
    let ofLife = this.#byLife.get(life);
    if (ofLife === undefined) {
      ofLife = new Map();
      this.#byLife.set(life, ofLife);
    }
    ofLife.set(resource, progress);
    return progress;
  }

  /** Up to which revision a process had surely been told of a resource at that time; 0: of nothing. */
  knownAt(life: Life, resource: string, atUs: number): number {
    const past = this.#byLife.get(life)?.get(resource)?.past ?? [];
    return past.findLast((one) => one.atUs <= atUs)?.revision ?? 0;
  }

  containerStarted(machine: SimMachine, config: ContainerConfig): void {
    this.volumes.containerStarted(machine, config);
    this.nodes.containerStarted(machine, config);
  }

  afterEvent(): void {
    this.#events += 1;
    if (this.#events % compareEvery === 0) this.compareCaches();
  }

  /** Every watch cache that has come as far as the store holds the same. */
  compareCaches(): void {
    const { world, model } = this;
    for (const { name, core } of world.apiServers) {
      if (core === undefined || core.watchCache.revision !== model.revision) continue;
      world.count('caches compared');
      let held = 0;
      for (const cache of core.watchCache.caches()) held += cache.size;
      if (held !== model.revisions.size) {
        world.broken(
          `the cache of ${name} holds ${held} objects, the store ${model.revisions.size}`,
        );
      }
      for (const [key, revision] of model.revisions) {
        const place = splitKey(key);
        if (place === undefined) continue;
        const entry = core.watchCache.cache(place.id).get(place.rest);
        if (entry?.revision !== revision) {
          world.broken(
            `the cache of ${name} has ${key} at ${entry?.revision}, the store ${revision}`,
          );
        }
      }
    }
  }
}
