/** The namespace controller: empties a namespace that is being deleted, then takes its finalizer away. */
import { jsonEqual } from '../../../api/equal.js';
import { now } from '../../../api/facts/time.js';
import type { KubeObject } from '../../../api/object.js';
import type { Namespace } from '../../../api/types/core.js';
import { forEachBounded } from '../../../client/controller/bounded.js';
import type { CatalogEntry } from '../../../client/controller/catalog.js';
import { Catalog } from '../../../client/controller/catalog.js';
import type { Reconciler } from '../../../client/controller/reconciler.js';
import {
  createReconciler,
  ignoreNotFound,
  watchSelf,
} from '../../../client/controller/reconciler.js';
import { resources } from '../../../client/resources.js';
import type { Informer } from '../../../client/types.js';
import { isApiError } from '../../../client/types.js';
import type { ReconcileResult } from '../../../lib/work-queue.js';
import type { ControllerContext } from '../context.js';
import { deletionConditions, deletionOrder, Remaining } from './plan.js';
import { RemoteKinds } from './remote-kinds.js';

const finalizer = 'kubernetes';
const concurrency = 32;
/** Between looks while something is left: pods that end, objects with finalizers. */
const recheckMs = 500;
/** The same while a server of other kinds is away. */
const remoteRecheckMs = 2_000;

/** Controller "namespace". */
export function createNamespaceController(context: ControllerContext): Reconciler {
  return new NamespaceController(context).reconciler;
}

class NamespaceController {
  readonly #context: ControllerContext;
  readonly #catalog: Catalog;
  readonly #remoteKinds: RemoteKinds;
  readonly #namespaces: Informer<Namespace>;
  readonly reconciler: Reconciler;

  constructor(context: ControllerContext) {
    this.#context = context;
    this.#catalog = new Catalog(context);
    this.#remoteKinds = new RemoteKinds(context);
    this.reconciler = createReconciler(context, {
      name: 'namespace',
      workers: 10,
      reconcile: (name) => this.#reconcile(name),
    });
    this.#namespaces = watchSelf<Namespace>(context, resources.namespaces, (key) =>
      this.reconciler.enqueue(key),
    );
  }

  async #reconcile(name: string): Promise<ReconcileResult | void> {
    const namespace = this.#namespaces.get({ name });
    if (namespace?.metadata.deletionTimestamp === undefined) return undefined;
    if (!(namespace.spec.finalizers ?? []).includes(finalizer)) return undefined;
    const own = this.#catalog.all().filter((entry) => entry.namespaced);
    const remote = await this.#remoteKinds.discover();
    const remaining = new Remaining(remote.failures);
    for (const entries of deletionOrder([...own, ...remote.entries])) {
      const empty = (entry: CatalogEntry): Promise<void> => this.#empty(name, entry, remaining);
      remaining.errors.push(...(await forEachBounded(entries, 8, empty)));
      if (remaining.hasContent) break;
    }
    if (remaining.isEmpty) {
      await this.#finalize(namespace);
      return undefined;
    }
    await this.#writeStatus(namespace, remaining);
    // Another server comes back when it does.
    return { requeueAfterMs: remote.failures.size === 0 ? recheckMs : remoteRecheckMs };
  }

  /** Deletes all objects of one resource, and notes what stays for now. */
  async #empty(namespace: string, entry: CatalogEntry, remaining: Remaining): Promise<void> {
    const before = await this.#list(namespace, entry);
    if (before.length === 0) return;
    const errors = await forEachBounded(before, concurrency, async ({ metadata }) => {
      if (metadata.deletionTimestamp !== undefined) return;
      await this.#context.client
        .delete(entry, metadata, { propagationPolicy: 'Background' })
        .catch(ignoreNotFound);
    });
    // One for the resource, as of kube-controller-manager's one deletion of all: thousands would be the same.
    remaining.errors.push(...errors.slice(0, 1));
    remaining.add(entry, await this.#list(namespace, entry));
  }

  async #list(namespace: string, entry: CatalogEntry): Promise<KubeObject[]> {
    try {
      return (await this.#context.client.list(entry, { namespace })).items;
    } catch (error) {
      // The resource's definition has just gone.
      if (isApiError(error, 'NotFound')) return [];
      throw error;
    }
  }

  async #writeStatus(namespace: Namespace, remaining: Remaining): Promise<void> {
    const { client, clock } = this.#context;
    const conditions = deletionConditions(namespace, remaining, now(clock));
    const status = { ...namespace.status, phase: 'Terminating', conditions };
    if (jsonEqual(namespace.status, status)) return;
    await client
      .updateStatus<Namespace>(resources.namespaces, { ...namespace, status })
      .catch(ignoreNotFound);
  }

  async #finalize(namespace: Namespace): Promise<void> {
    const finalizers = (namespace.spec.finalizers ?? []).filter((name) => name !== finalizer);
    await this.#context.client
      .update<Namespace>(
        resources.namespaces,
        { ...namespace, spec: { finalizers } },
        { subresource: 'finalize' },
      )
      .catch(ignoreNotFound);
  }
}
