import { controllerOf } from '../../../api/object.js';
import type { PersistentVolume, PersistentVolumeClaim, Pod } from '../../../api/types/core.js';
import {
  classOfClaim,
  findVolume,
  isClaimBound,
  selectedNodeAnnotation,
  volumeAllowsNode,
} from '../../../api/facts/volume-match.js';
import { claimNames, claimUses } from '../../../api/facts/pod-claims.js';
import type { ClaimUse } from '../../../api/facts/pod-claims.js';
import type { NodeInfo } from '../node-info.js';
import type { ClusterView, Failure, FilterPlugin } from './types.js';

const name = 'VolumeBinding';
const fails = (reason: string, unresolvable: boolean): Failure => ({
  plugin: name,
  reasons: [reason],
  unresolvable,
});
const affinityConflict = fails("node(s) didn't match PersistentVolume's node affinity", true);
const noVolume = fails("node(s) didn't find available persistent volumes to bind", true);

/** The choice for one unbound claim when its pod is bound to a node: a volume, or provisioning. */
export type VolumeChoice =
  | { readonly claim: PersistentVolumeClaim; readonly volume: PersistentVolume }
  | { readonly claim: PersistentVolumeClaim; readonly provision: true };

/** For each unbound claim a volume or provisioning on that node; undefined when one has neither. */
export function chooseVolumes(
  unbound: readonly PersistentVolumeClaim[],
  node: NodeInfo,
  view: ClusterView,
): VolumeChoice[] | undefined {
  const taken = new Set<string>();
  const choices: VolumeChoice[] = [];
  for (const claim of unbound) {
    const selected = claim.metadata.annotations?.[selectedNodeAnnotation];
    if (selected !== undefined && selected !== node.name) return undefined;
    const free = view
      .freeVolumes(classOfClaim(claim))
      .filter((volume) => !taken.has(volume.metadata.name));
    const volume = selected === undefined ? findVolume(claim, free, node.node) : undefined;
    if (volume !== undefined) {
      taken.add(volume.metadata.name);
      choices.push({ claim, volume });
    } else if (mayProvision(claim, node, view)) choices.push({ claim, provision: true });
    else return undefined;
  }
  return choices;
}

function mayProvision(claim: PersistentVolumeClaim, node: NodeInfo, view: ClusterView): boolean {
  const storageClass = view.storageClass(classOfClaim(claim));
  if (storageClass === undefined) return false;
  if (storageClass.provisioner === 'kubernetes.io/no-provisioner') return false;
  const topologies = storageClass.allowedTopologies ?? [];
  if (topologies.length === 0) return true;
  return topologies.some((term) =>
    (term.matchLabelExpressions ?? []).every(({ key, values }) =>
      values.includes(node.labels[key] ?? ''),
    ),
  );
}

/** Bound claims' volumes must be reachable from the node; claims that wait for a consumer must be bindable there. */
export const volumeBinding: FilterPlugin = {
  name,
  local: false,
  wakeOn: ['volume', 'node'],
  prepare: ({ pod }, view) => {
    const uses = claimUses(pod);
    if (uses.length === 0) return undefined;
    const bound: PersistentVolume[] = [];
    const unbound: PersistentVolumeClaim[] = [];
    const namespace = pod.metadata.namespace ?? '';
    for (const use of uses) {
      const claim = view.claim(namespace, use.name);
      const problem = claimProblem(pod, claim, use);
      if (problem !== undefined) return { reject: problem };
      if (claim === undefined) continue;
      if (isClaimBound(claim)) {
        const volume = view.volume(claim.spec.volumeName ?? '');
        if (volume === undefined) {
          return { reject: `persistentvolume "${claim.spec.volumeName ?? ''}" not found` };
        }
        bound.push(volume);
      } else if (waitsForConsumer(claim, view)) unbound.push(claim);
      else return { reject: 'pod has unbound immediate PersistentVolumeClaims' };
    }
    return (node) => {
      if (!bound.every((volume) => volumeAllowsNode(volume, node.node))) return affinityConflict;
      if (unbound.length > 0 && chooseVolumes(unbound, node, view) === undefined) return noVolume;
      return undefined;
    };
  },
};

function claimProblem(
  pod: Pod,
  claim: PersistentVolumeClaim | undefined,
  use: ClaimUse,
): string | undefined {
  const named = `persistentvolumeclaim "${use.name}"`;
  if (claim === undefined) {
    if (!use.ephemeral) return `${named} not found`;
    return `waiting for ephemeral volume controller to create the ${named}`;
  }
  if (claim.status?.phase === 'Lost') {
    return `${named} bound to non-existent persistentvolume "${claim.spec.volumeName ?? ''}"`;
  }
  if (claim.metadata.deletionTimestamp !== undefined) return `${named} is being deleted`;
  if (use.ephemeral && controllerOf(claim)?.uid !== pod.metadata.uid) {
    const { namespace = '', name } = pod.metadata;
    return `PVC ${namespace}/${use.name} was not created for pod ${namespace}/${name} (pod is not owner)`;
  }
  return undefined;
}

function waitsForConsumer(claim: PersistentVolumeClaim, view: ClusterView): boolean {
  if ((claim.spec.volumeName ?? '') !== '') return false;
  const storageClass = view.storageClass(classOfClaim(claim));
  return storageClass?.volumeBindingMode === 'WaitForFirstConsumer';
}

/** The pod's claims that are to be bound when it is placed. */
export function unboundClaims(pod: Pod, view: ClusterView): PersistentVolumeClaim[] {
  return claimNames(pod).flatMap((claimName) => {
    const claim = view.claim(pod.metadata.namespace ?? '', claimName);
    return claim === undefined || isClaimBound(claim) ? [] : [claim];
  });
}
