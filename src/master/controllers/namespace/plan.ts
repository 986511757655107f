/** The conditions of a namespace that is being emptied. Pure. @see kubernetes pkg/controller/namespace/deletion */
import type { KubeObject } from '../../../api/object.js';
import type { Condition, Namespace } from '../../../api/types/core.js';
import { withCondition } from '../../../api/facts/conditions.js';
import type { CatalogEntry } from '../../../client/controller/catalog.js';
import { errorMessage } from '../../../lib/errors.js';

/** The objects that remain in a namespace after everything was deleted. */
export class Remaining {
  readonly #counts = new Map<string, number>();
  readonly #finalizers = new Map<string, number>();
  readonly errors: unknown[] = [];
  readonly #undiscovered: ReadonlyMap<string, string>;

  /** @param undiscovered why the kinds of a group and version are not known, by its name */
  constructor(undiscovered: ReadonlyMap<string, string> = new Map()) {
    this.#undiscovered = undiscovered;
  }

  /** Notes what is left of one resource. */
  add(
    { group, resource }: Pick<CatalogEntry, 'group' | 'resource'>,
    left: readonly KubeObject[],
  ): void {
    if (left.length === 0) return;
    this.#counts.set(`${resource}.${group}`, left.length);
    for (const finalizer of left.flatMap(({ metadata }) => metadata.finalizers ?? [])) {
      this.#finalizers.set(finalizer, (this.#finalizers.get(finalizer) ?? 0) + 1);
    }
  }

  get isEmpty(): boolean {
    return !this.hasContent && this.#undiscovered.size === 0;
  }

  /** True when objects are left, or may be. */
  get hasContent(): boolean {
    return this.#counts.size > 0 || this.errors.length > 0;
  }

  /** client-go's `ErrGroupDiscoveryFailed` with the deleter's words; '' when every group is known. */
  get discovery(): string {
    const { size } = this.#undiscovered;
    if (size === 0) return '';
    const groups = [...this.#undiscovered].map(([name, why]) => `${name}: ${why}`).sort();
    const list = `unable to retrieve the complete list of server APIs: ${groups.join(', ')}`;
    return `Discovery failed for some groups, ${size} failing: ${list}`;
  }

  /** `pods. has 2 resource instances, …`; '' when nothing is left. */
  get content(): string {
    return listed(this.#counts, 'has');
  }

  /** `example.com/keep in 1 resource instances, …` */
  get finalizers(): string {
    return listed(this.#finalizers, 'in');
  }
}

function listed(counts: ReadonlyMap<string, number>, verb: string): string {
  return [...counts]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([id, count]) => `${id} ${verb} ${count} resource instances`)
    .join(', ');
}

/**
 * The order in which a namespace is emptied: pods first, and everything else once they are gone, so that no pod
 * outlives the NetworkPolicy that shields it. @see KEP-5080
 */
export function deletionOrder<Entry extends Pick<CatalogEntry, 'group' | 'resource'>>(
  entries: readonly Entry[],
): readonly (readonly Entry[])[] {
  const isPods = ({ group, resource }: Entry): boolean => group === '' && resource === 'pods';
  return [entries.filter(isPods), entries.filter((entry) => !isPods(entry))];
}

/** The longest message that a `metav1.Condition` takes. Other servers have their errors told in one, however long. */
const maxMessageLength = 32_768;

/** The five conditions of a namespace that is being deleted, in kube-controller-manager's words. */
export function deletionConditions(
  namespace: Namespace,
  remaining: Remaining,
  now: string,
): Condition[] {
  const { discovery, errors, content, finalizers } = remaining;
  const good = (type: string, reason: string, message: string) => ({
    type,
    status: 'False',
    reason,
    message,
  });
  const bad = (type: string, reason: string, message: string) => ({
    type,
    status: 'True',
    reason,
    message: message.slice(0, maxMessageLength),
  });
  const all: Condition[] = [
    discovery === ''
      ? good(
          'NamespaceDeletionDiscoveryFailure',
          'ResourcesDiscovered',
          'All resources successfully discovered',
        )
      : bad('NamespaceDeletionDiscoveryFailure', 'DiscoveryFailed', discovery),
    good(
      'NamespaceDeletionGroupVersionParsingFailure',
      'ParsedGroupVersions',
      'All legacy kube types successfully parsed',
    ),
    errors.length === 0
      ? good(
          'NamespaceDeletionContentFailure',
          'ContentDeleted',
          'All content successfully deleted, may be waiting on finalization',
        )
      : bad(
          'NamespaceDeletionContentFailure',
          'ContentDeletionFailed',
          `Failed to delete all resource types, ${errors.length} remaining: ` +
            errors.map(errorMessage).sort().join(', '),
        ),
    content === ''
      ? good('NamespaceContentRemaining', 'ContentRemoved', 'All content successfully removed')
      : bad(
          'NamespaceContentRemaining',
          'SomeResourcesRemain',
          `Some resources are remaining: ${content}`,
        ),
    finalizers === ''
      ? good(
          'NamespaceFinalizersRemaining',
          'ContentHasNoFinalizers',
          'All content-preserving finalizers finished',
        )
      : bad(
          'NamespaceFinalizersRemaining',
          'SomeFinalizersRemain',
          `Some content in the namespace has finalizers remaining: ${finalizers}`,
        ),
  ];
  return all.reduce<Condition[]>(
    (conditions, condition) => withCondition(conditions, condition, now),
    namespace.status?.conditions ?? [],
  );
}
