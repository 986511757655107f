import type { Node } from '../../api/types/core.js';
import type { PodInfo } from './pod-info.js';
import type { Amounts } from '../../api/facts/pod-requests.js';
import { addTo, amountsOf } from '../../api/facts/pod-requests.js';

/** A node with what is placed on it, kept up incrementally. */
export class NodeInfo {
  readonly name: string;
  #node: Node;
  #allocatable: Amounts;
  #generation: number;
  /** The sum of the pods' requests. */
  readonly requested: Amounts = {};
  /** As `requested`, with a little for pods that request nothing. */
  readonly scoring = { cpu: 0, memory: 0 };
  readonly pods = new Map<string, PodInfo>();
  /** Pods per controlling owner. */
  readonly ownerCounts = new Map<string, number>();
  readonly images = new Map<string, number>();
  /** Pods with any pod (anti-)affinity. */
  readonly withAffinity = new Map<string, PodInfo>();
  readonly withHostPorts = new Map<string, PodInfo>();

  constructor(node: Node, generation: number) {
    this.name = node.metadata.name;
    this.#node = node;
    this.#allocatable = amountsOf(node.status?.allocatable);
    this.#generation = generation;
    this.#readImages();
  }

  get node(): Node {
    return this.#node;
  }

  get labels(): Readonly<Record<string, string>> {
    return this.#node.metadata.labels ?? {};
  }

  get allocatable(): Amounts {
    return this.#allocatable;
  }

  /** Differs whenever anything that matters for scheduling has changed. */
  get generation(): number {
    return this.#generation;
  }

  setNode(node: Node, generation: number): void {
    this.#node = node;
    this.#allocatable = amountsOf(node.status?.allocatable);
    this.#generation = generation;
    this.#readImages();
  }

  addPod(info: PodInfo, generation: number): void {
    if (this.pods.has(info.key)) this.removePod(info.key, generation);
    this.pods.set(info.key, info);
    this.#count(info, 1);
    if (hasAffinity(info)) this.withAffinity.set(info.key, info);
    if (info.hostPorts.length > 0) this.withHostPorts.set(info.key, info);
    this.#generation = generation;
  }

  removePod(key: string, generation: number): void {
    const info = this.pods.get(key);
    if (info === undefined) return;
    this.pods.delete(key);
    this.withAffinity.delete(key);
    this.withHostPorts.delete(key);
    this.#count(info, -1);
    this.#generation = generation;
  }

  /** A copy to try things on. */
  clone(): NodeInfo {
    const copy = new NodeInfo(this.#node, this.#generation);
    for (const info of this.pods.values()) copy.addPod(info, this.#generation);
    return copy;
  }

  #count(info: PodInfo, sign: 1 | -1): void {
    addTo(this.requested, info.requests, sign);
    this.scoring.cpu += sign * info.scoring.cpu;
    this.scoring.memory += sign * info.scoring.memory;
    if (info.ownerUid === undefined) return;
    const count = (this.ownerCounts.get(info.ownerUid) ?? 0) + sign;
    if (count === 0) this.ownerCounts.delete(info.ownerUid);
    else this.ownerCounts.set(info.ownerUid, count);
  }

  #readImages(): void {
    this.images.clear();
    for (const image of this.#node.status?.images ?? []) {
      for (const name of image.names ?? []) this.images.set(name, Number(image.sizeBytes ?? 0));
    }
  }
}

function hasAffinity(info: PodInfo): boolean {
  return (
    info.requiredAffinity.length +
      info.requiredAntiAffinity.length +
      info.preferredAffinity.length +
      info.preferredAntiAffinity.length >
    0
  );
}
