/** All kinds that the server knows: found by resource, by kind, by short name; custom ones come and go. */
import type { KindDeclaration } from './kind.js';
import { formatGroupVersion } from './object.js';

/** A group and its versions, the preferred one first. */
export interface GroupVersions {
  readonly group: string;
  readonly versions: readonly string[];
}

/** Kubernetes' order of groups in discovery; other groups follow by name. */
const groupOrder = [
  '',
  'apiregistration.k8s.io',
  'apps',
  'events.k8s.io',
  'authentication.k8s.io',
  'authorization.k8s.io',
  'autoscaling',
  'batch',
  'certificates.k8s.io',
  'networking.k8s.io',
  'policy',
  'rbac.authorization.k8s.io',
  'storage.k8s.io',
  'admissionregistration.k8s.io',
  'apiextensions.k8s.io',
  'scheduling.k8s.io',
  'coordination.k8s.io',
  'node.k8s.io',
  'discovery.k8s.io',
  'flowcontrol.apiserver.k8s.io',
];

function groupRank(group: string): number {
  const rank = groupOrder.indexOf(group);
  return rank < 0 ? groupOrder.length : rank;
}

interface VersionParts {
  readonly stage: number;
  readonly major: number;
  readonly minor: number;
}

function versionParts(version: string): VersionParts | undefined {
  const match = /^v(\d+)(?:(alpha|beta)(\d+))?$/.exec(version);
  if (match === null) return undefined;
  const stage = match[2] === undefined ? 2 : match[2] === 'beta' ? 1 : 0;
  return { stage, major: Number(match[1]), minor: Number(match[3] ?? 0) };
}

/** Kubernetes' priority of versions: v2, v1, v1beta2, v1alpha1, then others by name. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [versionParts(a), versionParts(b)];
  if (left === undefined || right === undefined) {
    if (left === right) return a < b ? -1 : a > b ? 1 : 0;
    return left === undefined ? 1 : -1;
  }
  return right.stage - left.stage || right.major - left.major || right.minor - left.minor;
}

function resourceKey(group: string, version: string, plural: string): string {
  return `${formatGroupVersion(group, version)}/${plural}`;
}

/** A set of kinds. Lookups are by maps; `list` is in discovery's order. */
export class KindRegistry {
  readonly #byResource = new Map<string, KindDeclaration>();
  readonly #byKind = new Map<string, KindDeclaration>();
  #sorted: readonly KindDeclaration[] | undefined;

  constructor(kinds: readonly KindDeclaration[] = []) {
    for (const kind of kinds) this.add(kind);
  }

  /** Adds a kind, or replaces the one with the same resource. */
  add(kind: KindDeclaration): void {
    this.#byResource.set(resourceKey(kind.group, kind.version, kind.plural), kind);
    this.#byKind.set(resourceKey(kind.group, kind.version, kind.kind), kind);
    this.#sorted = undefined;
  }

  /** Removes a kind; nothing happens when it is not there. */
  remove(kind: KindDeclaration): void {
    const key = resourceKey(kind.group, kind.version, kind.plural);
    const present = this.#byResource.get(key);
    if (present === undefined) return;
    this.#byResource.delete(key);
    this.#byKind.delete(resourceKey(present.group, present.version, present.kind));
    this.#sorted = undefined;
  }

  /** By group, version and plural; an empty version means the preferred one. */
  byResource(group: string, version: string, plural: string): KindDeclaration | undefined {
    if (version !== '') return this.#byResource.get(resourceKey(group, version, plural));
    return this.list().find((kind) => kind.group === group && kind.plural === plural);
  }

  /** By group, version and kind; an empty version means the preferred one. */
  byKind(group: string, version: string, name: string): KindDeclaration | undefined {
    if (version !== '') return this.#byKind.get(resourceKey(group, version, name));
    return this.list().find((kind) => kind.group === group && kind.kind === name);
  }

  /**
   * By what a user types: plural, singular, short name or kind, with an optional group after a dot
   * (`deployments.apps`, `deploy`, `Pod`).
   */
  byName(text: string): KindDeclaration | undefined {
    const dot = text.indexOf('.');
    const name = (dot < 0 ? text : text.slice(0, dot)).toLowerCase();
    const suffix = dot < 0 ? undefined : text.slice(dot + 1);
    const groupMatches = (kind: KindDeclaration): boolean =>
      suffix === undefined || suffix === kind.group || suffix === `${kind.version}.${kind.group}`;
    const candidates = this.list().filter(groupMatches);
    return (
      candidates.find((kind) => kind.plural === name || kind.singular === name) ??
      candidates.find((kind) => kind.shortNames.includes(name)) ??
      candidates.find((kind) => kind.kind.toLowerCase() === name)
    );
  }

  /** All kinds: groups and versions in discovery's order, kinds by plural. */
  list(): readonly KindDeclaration[] {
    this.#sorted ??= [...this.#byResource.values()].sort(
      (a, b) =>
        groupRank(a.group) - groupRank(b.group) ||
        (a.group < b.group ? -1 : a.group > b.group ? 1 : 0) ||
        compareVersions(a.version, b.version) ||
        (a.plural < b.plural ? -1 : 1),
    );
    return this.#sorted;
  }

  /** The groups, each with its versions, in discovery's order; the core group first. */
  groups(): readonly GroupVersions[] {
    const groups = new Map<string, string[]>();
    for (const kind of this.list()) {
      const versions = groups.get(kind.group) ?? [];
      if (!versions.includes(kind.version)) versions.push(kind.version);
      groups.set(kind.group, versions);
    }
    return [...groups].map(([group, versions]) => ({ group, versions }));
  }

  /** The kinds of one group and version. */
  inVersion(group: string, version: string): readonly KindDeclaration[] {
    return this.list().filter((kind) => kind.group === group && kind.version === version);
  }
}
