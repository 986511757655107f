/** Whether some node would take a pod that waits, by its CPU, its volumes, and those that it may drive out. */
import type { Item, Model } from './model.js';
import { nodeOf, requestOf, roomOf } from './node-rules.js';
import { claimsOf, nodesOf, selectedNode } from './volume-rules.js';

/** The priority of a pod. */
export function priorityOf(pod: Item): number {
  return (pod.spec?.['priority'] as number | undefined) ?? 0;
}

/** True for a pod that may drive others out. */
export function preempts(pod: Item): boolean {
  return pod.spec?.['preemptionPolicy'] !== 'Never';
}

/** The node that a DaemonSet's pod is for. */
export function placeOf(pod: Item): string | undefined {
  const affinity = JSON.stringify(pod.spec?.['affinity'] ?? {});
  return /"metadata\.name","operator":"In","values":\["([^"]+)"\]/.exec(affinity)?.[1];
}

/** True when the pod, which waits, would fit on some node: as it is, or once less important pods have gone. */
export function hasRoom(model: Model, pod: Item): boolean {
  const only = placeOf(pod);
  const request = requestOf(pod);
  for (const node of model.of('nodes')) {
    const { name } = node.metadata;
    if ((only !== undefined && only !== name) || !volumesAllow(model, pod, name)) continue;
    let cpu = 0;
    let pods = 0;
    for (const other of model.of('pods')) {
      const phase = other.status?.['phase'];
      if (nodeOf(other) !== name || phase === 'Succeeded' || phase === 'Failed') continue;
      if (preempts(pod) && priorityOf(other) < priorityOf(pod)) continue;
      cpu += requestOf(other).cpu;
      pods += 1;
    }
    const room = roomOf(node);
    if (cpu + request.cpu <= room.cpu && pods < room.pods) return true;
  }
  return false;
}

/** The pod's claims are bound to volumes of that node, or may be. */
function volumesAllow(model: Model, pod: Item, node: string): boolean {
  return claimsOf(pod).every((name) => {
    const claim = model.get('persistentvolumeclaims', pod.metadata.namespace ?? '', name);
    if (claim === undefined) return false;
    const bound = (claim.spec?.['volumeName'] as string | undefined) ?? '';
    if (bound !== '') {
      const volume = model.get('persistentvolumes', '', bound);
      return volume !== undefined && (nodesOf(volume)?.includes(node) ?? true);
    }
    const storageClass = claim.spec?.['storageClassName'];
    if (storageClass === 'local-path') return (selectedNode(claim) ?? node) === node;
    return [...model.of('persistentvolumes')].some(
      (volume) =>
        volume.spec?.['storageClassName'] === storageClass &&
        volume.spec?.['claimRef'] === undefined &&
        sizeOf(volume.spec?.['capacity']) >=
          sizeOf((claim.spec?.['resources'] as { requests?: unknown } | undefined)?.requests) &&
        nodesOf(volume)?.includes(node) === true,
    );
  });
}

/** The workload speaks of whole Gi. */
function sizeOf(amounts: unknown): number {
  return Number.parseInt((amounts as { storage?: string } | undefined)?.storage ?? '0', 10);
}
