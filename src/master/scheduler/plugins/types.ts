import type { PersistentVolume, PersistentVolumeClaim } from '../../../api/types/core.js';
import type { StorageClass } from '../../../api/types/policy.js';
import type { Labels } from '../../../api/facts/selectors.js';
import type { NodeInfo } from '../node-info.js';
import type { PodInfo } from '../pod-info.js';

/** The cluster as a scheduling cycle sees it. */
export interface ClusterView {
  readonly nodes: readonly NodeInfo[];
  readonly namespaceLabels: (name: string) => Labels | undefined;
  claim(namespace: string, name: string): PersistentVolumeClaim | undefined;
  volume(name: string): PersistentVolume | undefined;
  /** Volumes that no claim has, of a storage class. */
  freeVolumes(storageClass: string): readonly PersistentVolume[];
  storageClass(name: string): StorageClass | undefined;
  /** Returns the number of nodes that have the image of that name. */
  nodesWithImage(name: string): number;
}

/** Why a node does not do. */
export interface Failure {
  readonly plugin: string;
  readonly reasons: readonly string[];
  /** True when evicting pods from the node would not help. */
  readonly unresolvable: boolean;
}

/** A pod that no node can take, whatever the nodes are. */
export interface Rejection {
  readonly plugin: string;
  readonly message: string;
}

/** A filter prepared for one pod: returns why a node cannot take it, undefined when it can. */
export type NodeFilter = (node: NodeInfo) => Failure | undefined;

/**
 * Says which nodes can take a pod. Pure. `prepare` does once what is the same for all nodes; it answers undefined when
 * the plugin has no say about this pod.
 */
export interface FilterPlugin {
  readonly name: string;
  /** Depends on nothing but the pod's class and the one node, so that its answers may be shared. */
  readonly local: boolean;
  /** The events that may make a pod schedulable that this plugin had turned down. */
  readonly wakeOn: readonly ClusterEvent[];
  prepare(pod: PodInfo, view: ClusterView): NodeFilter | { readonly reject: string } | undefined;
}

/** The kinds of change that may make a waiting pod schedulable. */
export type ClusterEvent =
  'node' | 'pod-deleted' | 'pod-placed' | 'pod-scaled-down' | 'volume' | 'namespace';

/** A score prepared for one pod: returns the raw points of a node, before `normalize`. */
export type NodeScore = (node: NodeInfo) => number;

/** Says which of the feasible nodes are better. Pure. Results end up in 0..100. */
export interface ScorePlugin {
  readonly name: string;
  readonly weight: number;
  readonly local: boolean;
  /**
   * The normalization of raw scores to 0..100. 'none': they are normal; 'max': the highest becomes 100; 'reverse': as
   * 'max', then 100 minus; 'fewest': the lowest becomes 100; 'span': lowest 0, highest 100.
   */
  readonly normalize: 'none' | 'max' | 'reverse' | 'fewest' | 'span';
  /** @param feasible the nodes that will be asked about; none where `local` */
  prepare(pod: PodInfo, view: ClusterView, feasible: readonly NodeInfo[]): NodeScore | undefined;
}
