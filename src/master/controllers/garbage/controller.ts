/**
 * Controller "garbagecollector": deletes what has lost all its owners, and carries foreground and orphan deletion out.
 * @see kubernetes pkg/controller/garbagecollector/garbagecollector.go attemptToDeleteItem
 */
import type { KubeObject, OwnerReference } from '../../../api/object.js';
import { isApiError } from '../../../client/types.js';
import { forEachBounded, throwGathered } from '../../../client/controller/bounded.js';
import type { CatalogEntry } from '../../../client/controller/catalog.js';
import { Catalog } from '../../../client/controller/catalog.js';
import type { ControllerContext } from '../context.js';
import type { Reconciler } from '../../../client/controller/reconciler.js';
import { createReconciler, ignoreNotFound } from '../../../client/controller/reconciler.js';
import type { GraphNode } from './graph.js';
import {
  awaitsDependents,
  awaitsOrphaning,
  foregroundFinalizer,
  Graph,
  orphanFinalizer,
} from './graph.js';

const absentLimit = 500;

/** Creates the controller that deletes objects whose owners are gone (kubernetes pkg/controller/garbagecollector). */
export function createGarbageCollector(context: ControllerContext): Reconciler {
  return new GarbageCollector(context).reconciler;
}

interface OwnerStates {
  readonly solid: OwnerReference[];
  readonly dangling: OwnerReference[];
  readonly waiting: OwnerReference[];
}

class GarbageCollector {
  readonly #context: ControllerContext;
  readonly #catalog: Catalog;
  readonly #graph = new Graph();
  /** Uids that are surely gone, so that a thousand orphans ask once. */
  readonly #absent = new Set<string>();
  readonly reconciler: Reconciler;

  constructor(context: ControllerContext) {
    this.#context = context;
    this.reconciler = createReconciler(context, {
      name: 'garbagecollector',
      workers: 32,
      reconcile: (uid) => this.#reconcile(uid),
    });
    this.#catalog = new Catalog(context);
    for (const entry of this.#catalog.all()) this.#watch(entry);
    this.#catalog.onAdd((entry) => this.#watch(entry));
  }

  #watch(entry: CatalogEntry): void {
    this.#context.informers
      .informer<KubeObject>({ group: entry.group, resource: entry.resource })
      .onChange(({ type, object }) => {
        const uid = object.metadata.uid ?? '';
        const looks = type === 'delete' ? this.#graph.remove(uid) : this.#graph.put(entry, object);
        if (type === 'delete') this.#remember(uid);
        for (const look of looks) this.reconciler.enqueue(look);
      });
  }

  #remember(uid: string): void {
    this.#absent.add(uid);
    if (this.#absent.size <= absentLimit) return;
    for (const oldest of this.#absent) {
      this.#absent.delete(oldest);
      return;
    }
  }

  async #reconcile(uid: string): Promise<void> {
    const node = this.#graph.get(uid);
    if (node === undefined) return;
    if (node.virtual) return this.#verify(node);
    if (awaitsOrphaning(node)) return this.#orphan(node);
    if (node.deleting && !awaitsDependents(node)) return;
    if (awaitsDependents(node)) return this.#finishForeground(node);
    if (node.owners.length > 0) await this.#judge(node);
  }

  /** An owner that is only heard of: if it is not there, its dependents have lost it. */
  async #verify(node: GraphNode): Promise<void> {
    const { reference } = node;
    if (reference === undefined) return;
    if (await this.#exists(reference, node.key.namespace)) return;
    this.#remember(node.uid);
    for (const look of this.#graph.remove(node.uid)) this.reconciler.enqueue(look);
  }

  async #finishForeground(node: GraphNode): Promise<void> {
    const blocking = this.#graph.blocking(node);
    if (blocking.length === 0) {
      await this.#removeFinalizer(node, foregroundFinalizer);
      return;
    }
    for (const dependent of blocking) {
      if (!dependent.deleting) this.reconciler.enqueue(dependent.uid);
    }
  }

  async #orphan(node: GraphNode): Promise<void> {
    const errors = await forEachBounded(this.#graph.dependents(node), 16, (dependent) =>
      this.#dropOwners(dependent, new Set([node.uid])),
    );
    throwGathered(errors);
    await this.#removeFinalizer(node, orphanFinalizer);
  }

  async #judge(node: GraphNode): Promise<void> {
    const { solid, dangling, waiting } = await this.#classify(node);
    if (solid.length > 0) {
      const drop = [...dangling, ...waiting].map(({ uid }) => uid);
      if (drop.length > 0) await this.#dropOwners(node, new Set(drop));
      return;
    }
    if (waiting.length > 0 && node.dependents.size > 0) {
      await this.#unblockCircle(node);
      await this.#delete(node, 'Foreground');
      return;
    }
    const policy = node.finalizers.includes(orphanFinalizer)
      ? 'Orphan'
      : node.finalizers.includes(foregroundFinalizer)
        ? 'Foreground'
        : 'Background';
    await this.#delete(node, policy);
  }

  /** Two that wait for each other would wait for ever: their references no longer block. */
  async #unblockCircle(node: GraphNode): Promise<void> {
    if (!this.#graph.dependents(node).some(awaitsDependents)) return;
    const ownerReferences = node.owners.map((owner) => ({ ...owner, blockOwnerDeletion: false }));
    await this.#patch(node, { ownerReferences });
  }

  async #classify(node: GraphNode): Promise<OwnerStates> {
    const states: OwnerStates = { solid: [], dangling: [], waiting: [] };
    for (const reference of node.owners) {
      const owner = this.#graph.get(reference.uid);
      if (owner !== undefined && !owner.virtual) {
        const waits = awaitsDependents(owner) && reference.blockOwnerDeletion === true;
        (waits || awaitsDependents(owner) ? states.waiting : states.solid).push(reference);
      } else if (await this.#exists(reference, node.key.namespace)) states.solid.push(reference);
      else states.dangling.push(reference);
    }
    return states;
  }

  async #exists(reference: OwnerReference, namespace: string | undefined): Promise<boolean> {
    if (this.#absent.has(reference.uid)) return false;
    const entry = this.#catalog.byKind(reference.apiVersion, reference.kind);
    // A kind that is not known may yet come: deleting now could lose data.
    if (entry === undefined) return true;
    const { name } = reference;
    const key = entry.namespaced && namespace !== undefined ? { namespace, name } : { name };
    // A cluster-scoped object cannot have a namespaced owner.
    if (entry.namespaced && namespace === undefined) return true;
    try {
      const owner = await this.#context.client.get(entry, key);
      if (owner.metadata.uid === reference.uid) return true;
    } catch (error) {
      if (!isApiError(error, 'NotFound')) throw error;
    }
    this.#remember(reference.uid);
    return false;
  }

  async #delete(
    node: GraphNode,
    propagationPolicy: 'Orphan' | 'Foreground' | 'Background',
  ): Promise<void> {
    if (node.entry === undefined) return;
    const { resourceVersion } = node;
    try {
      await this.#context.client.delete(node.entry, node.key, {
        propagationPolicy,
        preconditions: {
          uid: node.uid,
          ...(resourceVersion === undefined ? {} : { resourceVersion }),
        },
      });
    } catch (error) {
      // A conflict means a newer version, whose event brings the node here again.
      if (!isApiError(error, 'NotFound') && !isApiError(error, 'Conflict')) throw error;
      if (isApiError(error, 'Conflict')) this.reconciler.enqueueAfter(node.uid, 50);
    }
  }

  async #dropOwners(node: GraphNode, uids: ReadonlySet<string>): Promise<void> {
    const rest = node.owners.filter(({ uid }) => !uids.has(uid));
    await this.#patch(node, { ownerReferences: rest.length === 0 ? null : rest });
  }

  async #removeFinalizer(node: GraphNode, name: string): Promise<void> {
    const rest = node.finalizers.filter((finalizer) => finalizer !== name);
    await this.#patch(node, { finalizers: rest.length === 0 ? null : rest });
  }

  async #patch(node: GraphNode, metadata: object): Promise<void> {
    if (node.entry === undefined) return;
    const { uid, resourceVersion } = node;
    await this.#context.client
      .patch(node.entry, node.key, 'application/merge-patch+json', {
        metadata: { uid, resourceVersion, ...metadata },
      })
      .catch(ignoreNotFound);
  }
}
