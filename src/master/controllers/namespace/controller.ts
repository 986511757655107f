/** Controller "namespace": empties a namespace that is being deleted, then takes its finalizer away. */
import type { KubeObject } from '../../../api/object.js';
import { isApiError } from '../../../client/types.js';
import type { ReconcileResult } from '../../../lib/work-queue.js';
import { errorMessage } from '../../../lib/errors.js';
import { forEachBounded } from '../../../client/controller/bounded.js';
import type { CatalogEntry } from '../../../client/controller/catalog.js';
import { Catalog } from '../../../client/controller/catalog.js';
import type { ControllerContext } from '../context.js';
import type { Reconciler } from '../../../client/controller/reconciler.js';
import {
  createReconciler,
  ignoreNotFound,
  watchSelf,
} from '../../../client/controller/reconciler.js';
import type { Condition, Namespace } from '../../../api/types/core.js';
import { jsonEqual } from '../../../api/facts/hash.js';
import { withCondition } from '../../../api/facts/pods.js';
import { resources } from '../../../client/resources.js';
import { now } from '../../../api/facts/time.js';

const finalizer = 'kubernetes';
const concurrency = 32;
/** Between looks while something is left: pods that end, objects with finalizers. */
const recheckMs = 500;

interface Remaining {
  readonly counts: Map<string, number>;
  readonly finalizers: Map<string, number>;
  readonly errors: unknown[];
}

export function createNamespaceController(context: ControllerContext): Reconciler {
  const { client } = context;
  const catalog = new Catalog(context);
  const reconciler = createReconciler(context, { name: 'namespace', workers: 10, reconcile });
  const namespaces = watchSelf<Namespace>(context, resources.namespaces, (key) =>
    reconciler.enqueue(key),
  );

  async function reconcile(name: string): Promise<ReconcileResult | void> {
    const namespace = namespaces.get({ name });
    if (namespace?.metadata.deletionTimestamp === undefined) return undefined;
    if (!(namespace.spec.finalizers ?? []).includes(finalizer)) return undefined;
    const remaining: Remaining = { counts: new Map(), finalizers: new Map(), errors: [] };
    const entries = catalog.all().filter((entry) => entry.namespaced);
    remaining.errors.push(
      ...(await forEachBounded(entries, 8, (entry) => empty(name, entry, remaining))),
    );
    const conditions = conditionsOf(namespace, remaining, now(context.clock));
    const status = { ...namespace.status, phase: 'Terminating', conditions };
    if (remaining.counts.size > 0 || remaining.errors.length > 0) {
      if (!jsonEqual(namespace.status, status)) {
        await client
          .updateStatus<Namespace>(resources.namespaces, { ...namespace, status })
          .catch(ignoreNotFound);
      }
      return { requeueAfterMs: recheckMs };
    }
    const spec = { finalizers: (namespace.spec.finalizers ?? []).filter((f) => f !== finalizer) };
    await client
      .update<Namespace>(resources.namespaces, { ...namespace, spec }, { subresource: 'finalize' })
      .catch(ignoreNotFound);
    return undefined;
  }

  /** Deletes all objects of one resource, and counts what stays for now. */
  async function empty(name: string, entry: CatalogEntry, remaining: Remaining): Promise<void> {
    const before = await list(name, entry);
    if (before.length === 0) return;
    const errors = await forEachBounded(before, concurrency, async (object) => {
      if (object.metadata.deletionTimestamp !== undefined) return;
      await client
        .delete(entry, object.metadata, { propagationPolicy: 'Background' })
        .catch(ignoreNotFound);
    });
    remaining.errors.push(...errors);
    const after = await list(name, entry);
    if (after.length === 0) return;
    const id = entry.group === '' ? entry.resource : `${entry.resource}.${entry.group}`;
    remaining.counts.set(id, after.length);
    for (const object of after) {
      for (const f of object.metadata.finalizers ?? []) {
        remaining.finalizers.set(f, (remaining.finalizers.get(f) ?? 0) + 1);
      }
    }
  }

  async function list(namespace: string, entry: CatalogEntry): Promise<KubeObject[]> {
    try {
      return (await client.list(entry, { namespace })).items;
    } catch (error) {
      // The resource's definition has just gone.
      if (isApiError(error, 'NotFound')) return [];
      throw error;
    }
  }
  return reconciler;
}

/** The five conditions of kubernetes' namespace deletion status_condition_utils.go. */
function conditionsOf(namespace: Namespace, remaining: Remaining, now: string): Condition[] {
  const failure = remaining.errors[0];
  const text = errorMessage(failure);
  const listed = (counts: ReadonlyMap<string, number>, form: (id: string, n: number) => string) =>
    [...counts]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([id, count]) => form(id, count))
      .join(', ');
  const content = listed(remaining.counts, (id, n) => `${id} has ${n} resource instances`);
  const finalizers = listed(remaining.finalizers, (id, n) => `${id} in ${n} resource instances`);
  const all: [string, boolean, string, string][] = [
    [
      'NamespaceDeletionDiscoveryFailure',
      false,
      'ResourcesDiscovered',
      'All resources successfully discovered',
    ],
    [
      'NamespaceDeletionGroupVersionParsingFailure',
      false,
      'ParsedGroupVersions',
      'All legacy kube types successfully parsed',
    ],
    failure === undefined
      ? [
          'NamespaceDeletionContentFailure',
          false,
          'ContentDeleted',
          'All content successfully deleted, may be waiting on finalization',
        ]
      : [
          'NamespaceDeletionContentFailure',
          true,
          'ContentDeletionFailed',
          `Failed to delete all resource types, ${remaining.errors.length} remaining: ${text}`,
        ],
    content === ''
      ? ['NamespaceContentRemaining', false, 'ContentRemoved', 'All content successfully removed']
      : [
          'NamespaceContentRemaining',
          true,
          'SomeResourcesRemain',
          `Some resources are remaining: ${content}`,
        ],
    finalizers === ''
      ? [
          'NamespaceFinalizersRemaining',
          false,
          'ContentHasNoFinalizers',
          'All content-preserving finalizers finished',
        ]
      : [
          'NamespaceFinalizersRemaining',
          true,
          'SomeFinalizersRemain',
          `Some content in the namespace has finalizers remaining: ${finalizers}`,
        ],
  ];
  let conditions = namespace.status?.conditions ?? [];
  for (const [type, bad, reason, message] of all) {
    const status = bad ? 'True' : 'False';
    conditions = withCondition(conditions, { type, status, reason, message }, now);
  }
  return conditions;
}
