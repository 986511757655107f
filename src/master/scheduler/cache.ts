/**
 * The cluster as the scheduler knows it: nodes with their pods, plus pods that are assumed placed while their binding
 * is under way. Changed incrementally by events; a cycle reads it in place, since nothing else runs meanwhile.
 */
import type { Informer } from '../../client/types.js';
import type {
  Namespace,
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
} from '../../api/types/core.js';
import type { StorageClass } from '../../api/types/policy.js';
import type { Labels } from '../../api/facts/selectors.js';
import { classOfVolume } from '../../api/facts/volume-match.js';
import { NodeInfo } from './node-info.js';
import type { PodInfo } from './pod-info.js';
import type { ClusterView } from './plugins/types.js';

/** The informers that the cache reads namespaces, claims, volumes and storage classes from. */
export interface CacheSources {
  readonly namespaces: Pick<Informer<Namespace>, 'get'>;
  readonly claims: Pick<Informer<PersistentVolumeClaim>, 'get'>;
  readonly volumes: Pick<Informer<PersistentVolume>, 'get' | 'list'>;
  readonly storageClasses: Pick<Informer<StorageClass>, 'get'>;
}

/** The scheduler's view of nodes and their pods, assumed ones included (kube-scheduler backend/cache). */
export class SchedulerCache implements ClusterView {
  readonly #sources: CacheSources;
  readonly #nodes = new Map<string, NodeInfo>();
  #list: NodeInfo[] | undefined;
  #generation = 0;
  /** Pods by key with the node that they are on, assumed ones included. */
  readonly #placed = new Map<string, { readonly info: PodInfo; readonly node: string }>();
  /** Invariant: a subset of the keys of `#placed`. */
  readonly #assumed = new Set<string>();
  /** Nodes per image name. */
  readonly #imageCounts = new Map<string, number>();
  /** Volumes promised to pods that are being bound. */
  readonly #promisedVolumes = new Set<string>();

  constructor(sources: CacheSources) {
    this.#sources = sources;
  }

  /** The number of nodes, of pods with a node, and of those whose binding is not known to have happened. */
  get counts(): { readonly nodes: number; readonly pods: number; readonly assumed: number } {
    return { nodes: this.#nodes.size, pods: this.#placed.size, assumed: this.#assumed.size };
  }

  get nodes(): readonly NodeInfo[] {
    this.#list ??= [...this.#nodes.values()].filter((node) => node.node.metadata.name !== '');
    return this.#list;
  }

  node(name: string): NodeInfo | undefined {
    return this.#nodes.get(name);
  }

  setNode(node: Node): void {
    const generation = ++this.#generation;
    const known = this.#nodes.get(node.metadata.name);
    if (known !== undefined) {
      this.#countImages(known, -1);
      known.setNode(node, generation);
      this.#countImages(known, 1);
      return;
    }
    const made = new NodeInfo(node, generation);
    for (const { info, node: at } of this.#placed.values()) {
      if (at === made.name) made.addPod(info, generation);
    }
    this.#nodes.set(made.name, made);
    this.#countImages(made, 1);
    this.#list = undefined;
  }

  removeNode(name: string): void {
    const gone = this.#nodes.get(name);
    if (gone === undefined) return;
    this.#countImages(gone, -1);
    this.#nodes.delete(name);
    this.#list = undefined;
  }

  isAssumed(key: string): boolean {
    return this.#assumed.has(key);
  }

  isPlaced(key: string): boolean {
    return this.#placed.has(key);
  }

  /** Counts the pod on the node until it is confirmed by its event, or {@link remove}d. */
  assume(info: PodInfo, node: string): void {
    this.#put(info, node);
    this.#assumed.add(info.key);
  }

  /** The API shows the pod on the node. */
  confirm(info: PodInfo, node: string): void {
    this.#assumed.delete(info.key);
    this.#put(info, node);
  }

  remove(key: string): void {
    const placed = this.#placed.get(key);
    if (placed === undefined) return;
    this.#placed.delete(key);
    this.#assumed.delete(key);
    this.#nodes.get(placed.node)?.removePod(key, ++this.#generation);
  }

  promiseVolume(name: string, promised: boolean): void {
    if (promised) this.#promisedVolumes.add(name);
    else this.#promisedVolumes.delete(name);
  }

  namespaceLabels = (name: string): Labels | undefined =>
    this.#sources.namespaces.get({ name })?.metadata.labels;

  claim(namespace: string, name: string): PersistentVolumeClaim | undefined {
    return this.#sources.claims.get({ namespace, name });
  }

  volume(name: string): PersistentVolume | undefined {
    return this.#sources.volumes.get({ name });
  }

  storageClass(name: string): StorageClass | undefined {
    return this.#sources.storageClasses.get({ name });
  }

  freeVolumes(storageClass: string): PersistentVolume[] {
    return this.#sources.volumes
      .list()
      .filter(
        (volume) =>
          classOfVolume(volume) === storageClass &&
          !this.#promisedVolumes.has(volume.metadata.name),
      );
  }

  nodesWithImage(name: string): number {
    return this.#imageCounts.get(name) ?? 0;
  }

  /** This view with one node replaced, to try things on. */
  withNode(replacement: NodeInfo): ClusterView {
    const nodes = this.nodes.map((node) => (node.name === replacement.name ? replacement : node));
    return {
      nodes,
      namespaceLabels: this.namespaceLabels,
      claim: (namespace, name) => this.claim(namespace, name),
      volume: (name) => this.volume(name),
      freeVolumes: (storageClass) => this.freeVolumes(storageClass),
      storageClass: (name) => this.storageClass(name),
      nodesWithImage: (name) => this.nodesWithImage(name),
    };
  }

  #countImages(node: NodeInfo, sign: 1 | -1): void {
    for (const name of node.images.keys()) {
      const count = (this.#imageCounts.get(name) ?? 0) + sign;
      if (count === 0) this.#imageCounts.delete(name);
      else this.#imageCounts.set(name, count);
    }
  }

  #put(info: PodInfo, node: string): void {
    const before = this.#placed.get(info.key);
    const generation = ++this.#generation;
    if (before !== undefined && before.node !== node) {
      this.#nodes.get(before.node)?.removePod(info.key, generation);
    }
    this.#placed.set(info.key, { info, node });
    this.#nodes.get(node)?.addPod(info, generation);
  }
}
