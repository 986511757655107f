/**
 * Controller "garbagecollector": deletes what has lost all its owners, and carries foreground and orphan deletion out.
 * @see kubernetes pkg/controller/garbagecollector/garbagecollector.go
 */
import type { KubeObject, OwnerReference } from '../../../api/object.js';
import { formatGroupVersion } from '../../../api/object.js';
import { forEachBounded, throwGathered } from '../../../client/controller/bounded.js';
import type { CatalogEntry } from '../../../client/controller/catalog.js';
import { Catalog } from '../../../client/controller/catalog.js';
import type { Reconciler } from '../../../client/controller/reconciler.js';
import { createReconciler, ignoreNotFound } from '../../../client/controller/reconciler.js';
import type { EventRecorder } from '../../../client/events/recorder.js';
import { isApiError } from '../../../client/types.js';
import type { ReconcileResult } from '../../../lib/work-queue.js';
import type { ControllerContext } from '../context.js';
import { AbsentOwners } from './absent.js';
import type { GraphNode } from './graph.js';
import { foregroundFinalizer, Graph, orphanFinalizer } from './graph.js';
import type { FoundOwner, OwnerFinding, Propagation } from './plan.js';
import { findOwner, judge, planStep, stateOfAnswer, strayReferences } from './plan.js';

/** Until an object with an owner of an unknown kind is looked at again (garbageCollectorSyncPeriod). */
const unknownKindRetryMs = 30_000;

/** Creates the controller that deletes objects whose owners are gone (kubernetes pkg/controller/garbagecollector). */
export function createGarbageCollector(context: ControllerContext): Reconciler {
  return new GarbageCollector(context).reconciler;
}

class GarbageCollector {
  readonly #context: ControllerContext;
  readonly #recorder: EventRecorder;
  readonly #catalog: Catalog;
  readonly #graph = new Graph();
  readonly #absent = new AbsentOwners();
  readonly reconciler: Reconciler;

  constructor(context: ControllerContext) {
    this.#context = context;
    this.#recorder = context.recorder('garbage-collector-controller');
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
        const { uid = '', name, namespace } = object.metadata;
        const looks = type === 'delete' ? this.#graph.remove(uid) : this.#graph.put(entry, object);
        if (type === 'delete') {
          const apiVersion = formatGroupVersion(entry.group, entry.version);
          const reference = { apiVersion, kind: entry.kind, name, uid };
          this.#absent.add({ reference, namespace });
        }
        for (const look of looks) this.reconciler.enqueue(look);
      });
  }

  async #reconcile(uid: string): Promise<ReconcileResult | void> {
    const node = this.#graph.get(uid);
    if (node === undefined) return undefined;
    const step = planStep(this.#graph, node);
    switch (step.type) {
      case 'orphan':
        return this.#orphan(node, step.dependents);
      case 'finishForeground':
        return this.#removeFinalizer(node, foregroundFinalizer);
      case 'awaitDependents':
        for (const dependent of step.uids) this.reconciler.enqueue(dependent);
        return undefined;
      case 'judge':
        return this.#judge(node);
      case 'leave':
        return undefined;
    }
  }

  async #orphan(node: GraphNode, dependents: readonly GraphNode[]): Promise<void> {
    const errors = await forEachBounded(dependents, 16, (dependent) =>
      this.#dropOwners(dependent, new Set([node.uid])),
    );
    throwGathered(errors);
    await this.#removeFinalizer(node, orphanFinalizer);
  }

  async #judge(node: GraphNode): Promise<ReconcileResult | void> {
    for (const message of strayReferences(node, this.#graph)) {
      this.#recorder.warning(subjectOf(node), 'OwnerRefInvalidNamespace', message);
    }
    const owners: FoundOwner[] = [];
    for (const reference of node.owners) owners.push(await this.#find(node, reference));
    const judgement = judge(node, owners, this.#graph.dependents(node));
    switch (judgement.type) {
      case 'leave':
        return judgement.retry ? { requeueAfterMs: unknownKindRetryMs } : undefined;
      case 'dropOwners':
        await this.#dropOwners(node, judgement.uids);
        return undefined;
      case 'delete':
        if (judgement.unblock) await this.#unblock(node);
        return this.#delete(node, judgement.policy);
    }
  }

  async #find(node: GraphNode, reference: OwnerReference): Promise<FoundOwner> {
    const finding = findOwner(node, reference, {
      graph: this.#graph,
      absent: this.#absent,
      byKind: (apiVersion, kind) => this.#catalog.byKind(apiVersion, kind),
    });
    if ('state' in finding) return { reference, ...finding };
    const state = stateOfAnswer(reference, await this.#ask(finding));
    if (state === 'dangling') this.#absent.add(finding.place);
    return { reference, state };
  }

  async #ask({
    ask,
    place,
  }: Extract<OwnerFinding, { ask: CatalogEntry }>): Promise<KubeObject | undefined> {
    const { name } = place.reference;
    const key = place.namespace === undefined ? { name } : { namespace: place.namespace, name };
    try {
      return await this.#context.client.get(ask, key);
    } catch (error) {
      ignoreNotFound(error);
      return undefined;
    }
  }

  async #delete(node: GraphNode, propagationPolicy: Propagation): Promise<ReconcileResult | void> {
    const { entry, key, uid, resourceVersion } = node;
    if (entry === undefined) return undefined;
    const version = resourceVersion === undefined ? {} : { resourceVersion };
    try {
      await this.#context.client.delete(entry, key, {
        propagationPolicy,
        preconditions: { uid, ...version },
      });
    } catch (error) {
      // A newer version, whose event is on its way.
      if (isApiError(error, 'Conflict')) return { requeueAfterMs: 50 };
      ignoreNotFound(error);
    }
    return undefined;
  }

  /** Two that wait for each other would wait for ever. */
  async #unblock(node: GraphNode): Promise<void> {
    const ownerReferences = node.owners.map((owner) => ({ ...owner, blockOwnerDeletion: false }));
    await this.#patch(node, { ownerReferences });
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

function subjectOf({ entry, key, uid }: GraphNode) {
  return {
    apiVersion: formatGroupVersion(entry?.group ?? '', entry?.version ?? ''),
    kind: entry?.kind ?? '',
    metadata: { ...key, uid },
  };
}
