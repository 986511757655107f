import type { PersistentVolume, PersistentVolumeClaim, Pod } from '../../../api/types/core.js';
import {
  classOfClaim,
  findVolume,
  isClaimBound,
  selectedNodeAnnotation,
  volumeAllowsNode,
} from '../../controllers/volumes/match.js';
import type { NodeInfo } from '../node-info.js';
import type { ClusterView, Failure, FilterPlugin } from './types.js';

const name = 'VolumeBinding';
const fails = (reason: string, unresolvable: boolean): Failure => ({
  plugin: name,
  reasons: [reason],
  unresolvable,
});
const affinityConflict = fails('node(s) had volume node affinity conflict', true);
const noVolume = fails("node(s) didn't find available persistent volumes to bind", true);

/** The claims of a pod's volumes, as they are named in its namespace. */
export function claimNames(pod: Pod): string[] {
  return (pod.spec.volumes ?? []).flatMap((volume) => {
    if (volume.persistentVolumeClaim !== undefined) return [volume.persistentVolumeClaim.claimName];
    return volume.ephemeral === undefined ? [] : [`${pod.metadata.name}-${volume.name}`];
  });
}

/** What binding a pod to a node asks of one unbound claim. */
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
    const names = claimNames(pod);
    if (names.length === 0) return undefined;
    const bound: PersistentVolume[] = [];
    const unbound: PersistentVolumeClaim[] = [];
    const namespace = pod.metadata.namespace ?? '';
    for (const claimName of names) {
      const claim = view.claim(namespace, claimName);
      const problem = claimProblem(claim, claimName);
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

function claimProblem(claim: PersistentVolumeClaim | undefined, name: string): string | undefined {
  if (claim === undefined) return `persistentvolumeclaim "${name}" not found`;
  if (claim.metadata.deletionTimestamp !== undefined) {
    return `persistentvolumeclaim "${name}" is being deleted`;
  }
  if (claim.status?.phase === 'Lost') {
    return `persistentvolumeclaim "${name}" bound to non-existent persistentvolume "${claim.spec.volumeName ?? ''}"`;
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
