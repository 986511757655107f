/**
 * Keeps the owners and dependents of all objects. Pure: fed by changes, it answers with the uids to look at.
 * @see kubernetes pkg/controller/garbagecollector/graph_builder.go
 */
import type { KubeObject, OwnerReference } from '../../../api/object.js';
import type { ObjectKey } from '../../../client/types.js';
import type { CatalogEntry } from '../../../client/controller/catalog.js';

/** The finalizer that keeps an owner until its blocking dependents are deleted. */
export const foregroundFinalizer = 'foregroundDeletion';

/** The finalizer that keeps an owner until its dependents no longer refer to it. */
export const orphanFinalizer = 'orphan';

/** One object of the graph, with its owners and the state of its deletion. */
export interface GraphNode {
  readonly uid: string;
  /** Unknown for an owner that was only heard of. */
  entry: CatalogEntry | undefined;
  key: ObjectKey;
  resourceVersion: string | undefined;
  owners: readonly OwnerReference[];
  finalizers: readonly string[];
  deleting: boolean;
  /** Only heard of from a dependent; whether it exists, each dependent asks where its reference leads. */
  virtual: boolean;
  /** The reference that named a virtual node. */
  reference: OwnerReference | undefined;
  readonly dependents: Set<string>;
}

/** Tells whether an object is being deleted, and waits until its dependents are gone. */
export function isForegroundDeleted({ metadata }: KubeObject): boolean {
  return (
    metadata.deletionTimestamp !== undefined &&
    metadata.finalizers?.includes(foregroundFinalizer) === true
  );
}

/** The owner waits until its dependents are gone. */
export function awaitsDependents(node: GraphNode): boolean {
  return node.deleting && node.finalizers.includes(foregroundFinalizer);
}

/** Tells whether an object is being deleted and its dependents are to be orphaned first. */
export function awaitsOrphaning(node: GraphNode): boolean {
  return node.deleting && node.finalizers.includes(orphanFinalizer);
}

/**
 * The graph of all objects and their owners, by uid (`GraphBuilder` of kubernetes pkg/controller/garbagecollector).
 */
export class Graph {
  readonly #nodes = new Map<string, GraphNode>();

  get(uid: string): GraphNode | undefined {
    return this.#nodes.get(uid);
  }

  /** @returns uids to look at */
  put(entry: CatalogEntry, object: KubeObject): string[] {
    const { uid = '', name, namespace, ownerReferences = [], finalizers = [] } = object.metadata;
    const looks: string[] = [];
    let node = this.#nodes.get(uid);
    const before = node?.owners ?? [];
    if (node === undefined) {
      node = emptyNode(uid);
      this.#nodes.set(uid, node);
    }
    node.entry = entry;
    node.key = namespace === undefined ? { name } : { namespace, name };
    node.virtual = false;
    node.resourceVersion = object.metadata.resourceVersion;
    node.owners = ownerReferences;
    node.finalizers = finalizers;
    node.deleting = object.metadata.deletionTimestamp !== undefined;
    looks.push(...this.#link(node, before));
    if (ownerReferences.length > 0 || node.deleting) looks.push(uid);
    if (awaitsDependents(node)) looks.push(...node.dependents);
    return looks;
  }

  /** @returns uids to look at */
  remove(uid: string): string[] {
    const node = this.#nodes.get(uid);
    if (node === undefined) return [];
    this.#nodes.delete(uid);
    const looks = [...node.dependents];
    for (const { uid: ownerUid } of node.owners) {
      const owner = this.#nodes.get(ownerUid);
      if (owner === undefined) continue;
      owner.dependents.delete(uid);
      if (owner.virtual && owner.dependents.size === 0) this.#nodes.delete(ownerUid);
      else if (awaitsDependents(owner)) looks.push(ownerUid);
    }
    return looks;
  }

  #link(node: GraphNode, before: readonly OwnerReference[]): string[] {
    const looks: string[] = [];
    const present = new Set(node.owners.map(({ uid }) => uid));
    for (const { uid } of before) {
      if (present.has(uid)) continue;
      const owner = this.#nodes.get(uid);
      if (owner === undefined) continue;
      owner.dependents.delete(node.uid);
      if (!owner.virtual) looks.push(uid);
      else if (owner.dependents.size === 0) this.#nodes.delete(uid);
    }
    for (const reference of node.owners) {
      let owner = this.#nodes.get(reference.uid);
      if (owner === undefined) {
        owner = emptyNode(reference.uid);
        owner.virtual = true;
        owner.reference = reference;
        const { namespace } = node.key;
        owner.key =
          namespace === undefined ? { name: reference.name } : { namespace, name: reference.name };
        this.#nodes.set(reference.uid, owner);
      }
      owner.dependents.add(node.uid);
      if (awaitsDependents(owner)) looks.push(reference.uid);
    }
    return looks;
  }

  /** Dependents that keep an owner from going. */
  blocking(node: GraphNode): GraphNode[] {
    return this.dependents(node).filter((dependent) =>
      dependent.owners.some((owner) => owner.uid === node.uid && owner.blockOwnerDeletion === true),
    );
  }

  dependents(node: GraphNode): GraphNode[] {
    return [...node.dependents].flatMap((uid) => this.#nodes.get(uid) ?? []);
  }
}

function emptyNode(uid: string): GraphNode {
  return {
    uid,
    entry: undefined,
    key: { name: '' },
    resourceVersion: undefined,
    owners: [],
    finalizers: [],
    deleting: false,
    virtual: false,
    reference: undefined,
    dependents: new Set(),
  };
}
