/** The groups and versions that clients find here: this server's own, and those of the servers behind it. */
import type { KindDeclaration } from '../../../api/kind.js';
import type { KindRegistry } from '../../../api/registry.js';
import { compareVersions } from '../../../api/registry.js';
import type { RemoteApi, RemoteApis } from '../aggregator/index.js';
import { localGroupPriority } from '../aggregator/index.js';

/** One version of a group, and who serves it. */
export interface ServedVersion {
  readonly version: string;
  /** Undefined: this server. */
  readonly remote: RemoteApi | undefined;
}

/** A group with its versions, the preferred one first. */
export interface ServedGroup {
  readonly group: string;
  readonly versions: readonly ServedVersion[];
}

/** Reads both whenever it is asked. */
export class ServedGroups {
  readonly #kinds: KindRegistry;
  readonly #remotes: Pick<RemoteApis, 'find' | 'list'>;

  constructor(kinds: KindRegistry, remotes: Pick<RemoteApis, 'find' | 'list'>) {
    this.#kinds = kinds;
    this.#remotes = remotes;
  }

  /** The kinds of a version that this server serves; none of one that another server does. */
  kinds(group: string, version: string): readonly KindDeclaration[] {
    if (this.#remotes.find(group, version) !== undefined) return [];
    return this.#kinds.inVersion(group, version);
  }

  /** In discovery's order: by the priority of the group; this server's own order among equals. */
  list(): readonly ServedGroup[] {
    const own = this.#kinds.groups().map(({ group, versions }): ServedGroup => ({
      group,
      versions: versions.map((version) => ({
        version,
        remote: this.#remotes.find(group, version),
      })),
    }));
    const remotes = this.#remotes.list();
    if (remotes.length === 0) return own;
    const groups = new Map(own.map((found) => [found.group, [...found.versions]]));
    for (const remote of remotes) {
      const versions = groups.get(remote.group) ?? [];
      if (!versions.some(({ version }) => version === remote.version)) {
        versions.push({ version: remote.version, remote });
      }
      groups.set(remote.group, versions);
    }
    return [...groups]
      .map(([group, versions]): ServedGroup => ({ group, versions: versions.sort(byPriority) }))
      .map((found, at) => ({ found, at, priority: this.#priority(found) }))
      .sort((a, b) => b.priority - a.priority || a.at - b.at)
      .map(({ found }) => found);
  }

  /** The core group is first, whatever others say. */
  #priority({ group, versions }: ServedGroup): number {
    if (group === '') return Number.POSITIVE_INFINITY;
    const remote = versions.map((found) => found.remote?.service.spec.groupPriorityMinimum ?? 0);
    return Math.max(localGroupPriority(this.#kinds, group), ...remote);
  }
}

function byPriority(a: ServedVersion, b: ServedVersion): number {
  const of = ({ remote }: ServedVersion): number => remote?.service.spec.versionPriority ?? 15;
  return of(b) - of(a) || compareVersions(a.version, b.version);
}
