/** Pods on nodes: bound once, never beyond a node's room, and of one identity only one runs at a time. */
import { parseQuantity } from '../../../src/api/quantity.js';
import type { ContainerConfig } from '../../../src/runtime/types.js';
import type { Item, Model } from './model.js';
import { nameOf } from './model.js';
import type { SimMachine } from './node-process.js';
import type { ControlPlaneWorld } from './world.js';

/** The resources that a pod takes, or a node has. */
export interface Room {
  /** Thousandths of a core. */
  readonly cpu: number;
  readonly pods: number;
}

/** Sums the requests of a pod. The workload requests whole millicores of CPU in ordinary containers only. */
export function requestOf(pod: Item): Room {
  const containers = (pod.spec?.['containers'] ?? []) as readonly {
    readonly resources?: { readonly requests?: { readonly cpu?: string } };
  }[];
  const cpu = containers.reduce((sum, { resources }) => sum + milli(resources?.requests?.cpu), 0);
  return { cpu, pods: 1 };
}

/** Returns the resources that a node has for pods. */
export function roomOf(node: Item): Room {
  const allocatable = (node.status?.['allocatable'] ?? {}) as { cpu?: string; pods?: string };
  return { cpu: milli(allocatable.cpu), pods: Number(allocatable.pods ?? '0') };
}

function milli(text: string | undefined): number {
  return parseQuantity(text ?? '0')?.milliValue() ?? 0;
}

/** See above. */
export class NodeRules {
  readonly #world: ControlPlaneWorld;
  readonly #model: Model;
  /** Pods that were taken away without their node's word: by force, or with their node. */
  readonly forced = new Set<string>();

  constructor(world: ControlPlaneWorld, model: Model) {
    this.#world = world;
    this.#model = model;
  }

  onWrite(old: Item | undefined, item: Item): void {
    if (item.kind !== 'Pod') return;
    const before = nodeOf(old);
    const now = nodeOf(item);
    if (before !== '' && before !== now) {
      this.#world.broken(`${nameOf(item)} was bound to ${before}, and then to ${now}`);
    }
    const [phaseBefore, phase] = [old?.status?.['phase'], item.status?.['phase']];
    if ((phaseBefore === 'Failed' || phaseBefore === 'Succeeded') && phase !== phaseBefore) {
      this.#world.broken(`${nameOf(item)} is ${String(phase)} after it was ${phaseBefore}`);
    }
    if (before === '' && now !== '') {
      this.#world.count('bindings');
      this.#checkRoom(item, now);
    }
  }

  #checkRoom(pod: Item, nodeName: string): void {
    const node = this.#model.get('nodes', '', nodeName);
    if (node === undefined) {
      this.#world.count('bindings to nodes that have gone');
      return;
    }
    const taken = this.takenOn(nodeName);
    const room = roomOf(node);
    if (taken.cpu <= room.cpu && taken.pods <= room.pods) return;
    const { leaders } = this.#world;
    if (leaders.contested('kube-scheduler')) {
      this.#world.count('nodes overcommitted by two leaders');
      return;
    }
    this.#world.broken(
      `${nameOf(pod)} is bound to ${nodeName}, where ${taken.pods} pods now ask for ${taken.cpu}m of ${room.cpu}m`,
    );
  }

  /** Sums the resources that pods which have not ended take of a node. */
  takenOn(nodeName: string): Room {
    let cpu = 0;
    let pods = 0;
    for (const pod of this.#model.of('pods')) {
      const phase = pod.status?.['phase'];
      if (nodeOf(pod) !== nodeName || phase === 'Succeeded' || phase === 'Failed') continue;
      cpu += requestOf(pod).cpu;
      pods += 1;
    }
    return { cpu, pods };
  }

  /** Of a StatefulSet's pod, only one incarnation runs at a time, wherever it is. */
  containerStarted(machine: SimMachine, config: ContainerConfig): void {
    this.#world.count('containers');
    const { namespace, name, uid } = config.pod;
    for (const other of this.#world.machines) {
      for (const running of other.running.values()) {
        const { pod } = running;
        if (pod.namespace !== namespace || pod.name !== name || pod.uid === uid) continue;
        if (this.forced.has(pod.uid)) continue;
        this.#world.broken(
          `${namespace}/${name} (${uid}) runs on ${machine.nodeName} while ${pod.uid} still runs on ${other.nodeName}`,
        );
      }
    }
  }
}

/** The node that a pod is bound to; empty while it is not. */
export function nodeOf(pod: Item | undefined): string {
  return (pod?.spec?.['nodeName'] as string | undefined) ?? '';
}
