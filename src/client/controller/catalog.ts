import { builtInKinds } from '../../api/kinds.js';
import { parseGroupVersion } from '../../api/object.js';
import type { CustomResourceDefinition } from '../../api/types/policy.js';
import { isConditionTrue } from '../../api/facts/conditions.js';
import type { ResourceId } from '../types.js';
import type { ReconcileContext } from './context.js';
import { resources } from '../resources.js';

/** A resource whose objects are stored: it can be listed, watched and deleted. */
export interface CatalogEntry extends ResourceId {
  readonly version: string;
  readonly kind: string;
  readonly namespaced: boolean;
}

/** Events are many and short-lived; nothing owns them and they own nothing. */
const left = new Set(['events', 'componentstatuses', 'bindings']);

/** Every stored resource: the built-in ones, and those of CustomResourceDefinitions as they come and go. */
export class Catalog {
  readonly #entries = new Map<string, CatalogEntry>();
  readonly #listeners = new Set<(entry: CatalogEntry) => void>();

  constructor(context: Pick<ReconcileContext, 'informers'>) {
    for (const kind of builtInKinds) {
      const { group, version, plural, namespaced } = kind;
      if (kind.virtual || !kind.verbs.includes('watch') || !kind.verbs.includes('delete')) continue;
      if (left.has(plural)) continue;
      const stored = `${kind.storage.group}/${kind.storage.plural}`;
      if (this.#entries.has(stored)) continue;
      this.#entries.set(stored, { group, version, resource: plural, kind: kind.kind, namespaced });
    }
    const informer = context.informers.informer<CustomResourceDefinition>(
      resources.customResourceDefinitions,
    );
    informer.onChange((change) => {
      const { spec, status } = change.object;
      const id = `${spec.group}/${spec.names.plural}`;
      const version = spec.versions.find(({ storage }) => storage)?.name;
      const established = isConditionTrue(status?.conditions, 'Established');
      if (change.type === 'delete') this.#entries.delete(id);
      else if (established && version !== undefined && !this.#entries.has(id)) {
        const entry: CatalogEntry = {
          group: spec.group,
          version,
          resource: spec.names.plural,
          kind: spec.names.kind,
          namespaced: spec.scope === 'Namespaced',
        };
        this.#entries.set(id, entry);
        for (const listener of this.#listeners) listener(entry);
      }
    });
  }

  all(): CatalogEntry[] {
    return [...this.#entries.values()];
  }

  /** By group and kind; the version does not matter, since all versions share their objects. */
  byKind(apiVersion: string, kind: string): CatalogEntry | undefined {
    const { group } = parseGroupVersion(apiVersion);
    return this.all().find((entry) => entry.group === group && entry.kind === kind);
  }

  /** Called for each resource that appears later. */
  onAdd(listener: (entry: CatalogEntry) => void): void {
    this.#listeners.add(listener);
  }
}
