/**
 * Known mistakes, put back from outside: around a component's client, an API server's store, or in a class that many
 * share.
 */
import { setMaxListeners } from 'node:events';
import type { GrpcApiClient, Leadership } from '../../../src/client/index.js';
import { Graph } from '../../../src/master/controllers/garbage/graph.js';
import { Expectations } from '../../../src/client/controller/expectations.js';
import { CacheCheck } from '../../../src/master/apiserver/cache/cache-check.js';
import type { Store, StoreOp } from '../../../src/master/apiserver/storage/store.js';
import { resources } from '../../../src/client/resources.js';
import type { ObjectKey } from '../../../src/client/types.js';
import { SchedulerCache } from '../../../src/master/scheduler/cache.js';
import { NodeInfo } from '../../../src/master/scheduler/node-info.js';
import type { FilterPlugin } from '../../../src/master/scheduler/plugins/types.js';
import { volumeBinding } from '../../../src/master/scheduler/plugins/volume-binding.js';
import type { Item } from './model.js';

/** All mistakes. */
export const controlPlaneCanaries = [
  'withoutExpectations',
  'podsNotAssumed',
  'ownersByName',
  'foregroundHasty',
  'orphansForgotten',
  'identityReused',
  'deletedBeforeStopped',
  'finalizersIgnored',
  'namespaceNotEmptied',
  'lockOff',
  'cacheEventLost',
  'deletionsMissed',
  'leadsWithoutLease',
  'evictionsForgotten',
  'budgetNotDrawn',
  'volumesOutOfReach',
  'claimsGoWithPods',
  'claimsUnprotected',
  'preemptsEquals',
] as const;
/** A mistake put back in. */
export type Canary = (typeof controlPlaneCanaries)[number];

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** The changes of shared classes that are taken back at the end of a run. */
type Undo = () => void;

/** Makes the parts as they should be, or with the mistake. */
export class Canaries {
  readonly #canary: Canary | undefined;
  readonly #undo: Undo[] = [];

  constructor(canary: Canary | undefined) {
    this.#canary = canary;
    switch (canary) {
      case 'withoutExpectations':
        this.#replace(Expectations.prototype, 'satisfied', () => true);
        return;
      case 'podsNotAssumed':
        this.#replace(SchedulerCache.prototype, 'assume', () => undefined);
        return;
      case 'foregroundHasty':
        this.#replace(Graph.prototype, 'blocking', () => []);
        return;
      case 'ownersByName':
        this.#knowOwnersByName();
        return;
      case 'volumesOutOfReach':
        this.#replace<Mutable<FilterPlugin>, 'prepare'>(volumeBinding, 'prepare', () => undefined);
        return;
      case 'preemptsEquals':
        this.#wrap(NodeInfo.prototype, 'addPod', (addPod) => (info, generation) => {
          addPod({ ...info, priority: info.priority - 1 }, generation);
        });
        return;
      case 'cacheEventLost':
        // The cache's own check (VERIFY=1) would end the process before the checker sees anything.
        this.#replace(CacheCheck.prototype, 'reached', () => undefined);
        return;
      default:
    }
  }

  #replace<T extends object, K extends keyof T>(shared: T, name: K, mistaken: T[K]): void {
    const right = shared[name];
    shared[name] = mistaken;
    this.#undo.push(() => {
      shared[name] = right;
    });
  }

  /** Replaces a method by what `mistaken` makes of the right one. */
  #wrap<T extends object, K extends keyof T>(
    shared: T,
    name: K,
    mistaken: (right: T[K]) => T[K],
  ): void {
    const right = shared[name] as (...parameters: unknown[]) => unknown;
    const wrapped = function wrapped(this: T, ...parameters: unknown[]): unknown {
      const made = mistaken(right.bind(this) as T[K]) as (...given: unknown[]) => unknown;
      return made.apply(this, parameters);
    };
    this.#replace(shared, name, wrapped as T[K]);
  }

  /** An owner of the same name is taken for the one that is gone. */
  #knowOwnersByName(): void {
    const names = new Map<string, string>();
    this.#wrap(Graph.prototype, 'put', (put) => (entry, object) => {
      const { namespace = '', name, uid = '' } = object.metadata;
      names.set(`${entry.kind}/${namespace}/${name}`, uid);
      return put(entry, object);
    });
    this.#wrap(Graph.prototype, 'get', (get) => (uid) => {
      const node = get(uid);
      if (node?.virtual !== true || node.reference === undefined) return node;
      const { kind, name } = node.reference;
      const other = names.get(`${kind}/${node.key.namespace ?? ''}/${name}`);
      return (other === undefined ? undefined : get(other)) ?? node;
    });
  }

  store(store: Store): Store {
    switch (this.#canary) {
      case 'finalizersIgnored':
        return withOps(store, ({ metadata }) => (metadata.finalizers ?? []).length > 0);
      case 'namespaceNotEmptied':
        return withOps(store, ({ kind }) => kind === 'Namespace');
      case 'budgetNotDrawn':
        return withBudgetsAsBefore(store);
      case 'lockOff':
        return withoutLock(store);
      case 'cacheEventLost':
        return withLostEvent(store);
      default:
        return store;
    }
  }

  /** The client of the controllers or of a scheduler. */
  componentClient(client: GrpcApiClient): GrpcApiClient {
    switch (this.#canary) {
      case 'identityReused':
        return changed(client, {
          delete: (resource, key, options) =>
            client.delete(resource, key, {
              ...options,
              ...(key.name.startsWith('statefulsets-') ? { gracePeriodSeconds: 0 } : {}),
            }),
        });
      case 'orphansForgotten':
        return changed(client, {
          patch: (resource, key, type, patch, options) => {
            const { metadata } = patch as { metadata?: { ownerReferences?: unknown } };
            if (metadata?.ownerReferences !== undefined) return client.get(resource, key);
            return client.patch(resource, key, type, patch, options);
          },
        });
      case 'evictionsForgotten':
        return changed(client, {
          updateStatus: (resource, object, options) => {
            if (resource.resource === 'poddisruptionbudgets') forgetEvictions(object);
            return client.updateStatus(resource, object, options);
          },
        });
      case 'claimsGoWithPods':
        return changed(client, {
          delete: async (resource, key, options) => {
            await client.delete(resource, key, options);
            if (resource.resource !== 'pods' || !key.name.startsWith('statefulsets-')) return;
            const claim = { ...key, name: `data-${key.name}` };
            await client.delete(resources.claims, claim).catch(() => undefined);
          },
        });
      case 'claimsUnprotected':
        return changed(client, {
          watch: async function* unprotecting(resource, options) {
            for await (const batch of client.watch(resource, options)) {
              for (const event of resource.resource === resources.claims.resource ? batch : []) {
                if (event.type !== 'MODIFIED') continue;
                const { metadata } = event.object;
                if (metadata.deletionTimestamp !== undefined) await unprotect(client, metadata);
              }
              yield batch as never;
            }
          },
        });
      case 'deletionsMissed':
        return changed(client, {
          watch: async function* missing(resource, options) {
            for await (const batch of client.watch(resource, options)) {
              if (resource.resource !== 'pods') yield batch as never;
              else yield batch.filter(({ type }) => type !== 'DELETED') as never;
            }
          },
        });
      default:
        return client;
    }
  }

  /** The client of a node's agent. */
  agentClient(client: GrpcApiClient): GrpcApiClient {
    if (this.#canary !== 'deletedBeforeStopped') return client;
    return changed(client, {
      watch: async function* hasty(resource, options) {
        for await (const batch of client.watch(resource, options)) {
          for (const event of batch) {
            if (event.type !== 'MODIFIED' || resource.resource !== 'pods') continue;
            const { metadata } = event.object;
            if (metadata.deletionTimestamp === undefined) continue;
            await client
              .delete(resource, metadata, { gracePeriodSeconds: 0 })
              .catch(() => undefined);
          }
          yield batch as never;
        }
      },
    });
  }

  /** Returns a leadership that, with the mistake, never tells a component that it leads no longer. */
  leading(leadership: Leadership): Leadership {
    if (this.#canary !== 'leadsWithoutLease') return leadership;
    return { signal: deaf(), holds: () => true };
  }

  restore(): void {
    for (const undo of this.#undo.splice(0)) undo();
  }
}

/** A signal that nobody ever gives. */
function deaf(): AbortSignal {
  const { signal } = new AbortController();
  setMaxListeners(0, signal);
  return signal;
}

/** The client with some calls replaced. */
function changed(client: GrpcApiClient, calls: Partial<GrpcApiClient>): GrpcApiClient {
  return new Proxy(client, {
    get(target, property) {
      const own: unknown = Reflect.get(calls, property);
      if (own !== undefined) return own;
      const value: unknown = Reflect.get(target, property, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

/** Takes the finalizers of a claim off, whoever uses it. */
async function unprotect(client: GrpcApiClient, key: ObjectKey): Promise<void> {
  const patch = { metadata: { finalizers: null } };
  const type = 'application/merge-patch+json';
  await client.patch(resources.claims, key, type, patch).catch(() => undefined);
}

/** Removes objects as soon as they are marked for deletion, whatever their finalizers. */
function withOps(store: Store, goes: (item: Item) => boolean): Store {
  return changedStore(store, {
    txn: (guards, ops) =>
      store.txn(
        guards,
        ops.map((op): StoreOp => {
          if (op.type !== 'put') return op;
          const item = JSON.parse(op.value.toString('utf8')) as Item;
          if (item.metadata?.deletionTimestamp === undefined || !goes(item)) return op;
          return { type: 'delete', key: op.key };
        }),
      ),
  });
}

/** An eviction takes nothing from its budget. */
function withBudgetsAsBefore(store: Store): Store {
  return changedStore(store, {
    txn: (guards, ops) =>
      store.txn(
        guards,
        ops.map((op): StoreOp => {
          if (op.type !== 'put' || !op.key.includes('/poddisruptionbudgets/')) return op;
          const budget = JSON.parse(op.value.toString('utf8')) as Item;
          forgetEvictions(budget);
          return { ...op, value: Buffer.from(JSON.stringify(budget)) };
        }),
      ),
  });
}

/** Pods whose eviction was granted, and that are there still, count as if nothing had been granted. */
function forgetEvictions(budget: object): void {
  const { status } = budget as {
    status?: { disruptionsAllowed?: number; disruptedPods?: Readonly<Record<string, string>> };
  };
  if (status?.disruptedPods === undefined) return;
  const granted = Object.keys(status.disruptedPods).length;
  status.disruptionsAllowed = (status.disruptionsAllowed ?? 0) + granted;
  delete status.disruptedPods;
}

/** Drops the guards of writes: the last write wins. */
function withoutLock(store: Store): Store {
  return changedStore(store, {
    txn: async (guards, ops) => {
      const loose = await Promise.all(
        guards.map(async (guard) => {
          if (guard.modRevision === 0) return guard;
          const { kv } = await store.get(guard.key);
          return { key: guard.key, modRevision: kv?.modRevision ?? 0 };
        }),
      );
      return store.txn(loose, ops);
    },
  });
}

/** Loses one event in fifty. */
function withLostEvent(store: Store): Store {
  let count = 0;
  return changedStore(store, {
    watch: (prefix, fromRevision, handlers) =>
      store.watch(prefix, fromRevision, {
        ...handlers,
        onEvents: (events, revision) =>
          handlers.onEvents(
            events.filter(() => ++count % 50 !== 0),
            revision,
          ),
      }),
  });
}

function changedStore(store: Store, calls: Partial<Store>): Store {
  return {
    get: (key) => store.get(key),
    range: (options) => store.range(options),
    txn: (guards, ops) => store.txn(guards, ops),
    watch: (prefix, fromRevision, handlers) => store.watch(prefix, fromRevision, handlers),
    revision: () => store.revision(),
    close: () => store.close(),
    ...calls,
  };
}
