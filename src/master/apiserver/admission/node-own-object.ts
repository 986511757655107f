/**
 * NodeRestriction on Node objects: a node writes its own, and in it neither taints nor labels that steer pods to nodes.
 */
import { semanticEqual } from '../../../api/equal.js';
import type { Node } from '../../../api/types/core.js';
import type { AdmissionRequest } from '../registry/types.js';
import type { Refuse } from './node-refusal.js';

/** Labels of Kubernetes' own domains that a node may give itself (k8s.io/kubelet `well_known_labels.go`). */
const kubeletLabels = new Set([
  'kubernetes.io/hostname',
  'kubernetes.io/os',
  'kubernetes.io/arch',
  'topology.kubernetes.io/zone',
  'topology.kubernetes.io/region',
  'node.kubernetes.io/instance-type',
  'beta.kubernetes.io/os',
  'beta.kubernetes.io/arch',
  'beta.kubernetes.io/instance-type',
  'failure-domain.beta.kubernetes.io/zone',
  'failure-domain.beta.kubernetes.io/region',
]);
const kubeletDomains = ['kubelet.kubernetes.io', 'node.kubernetes.io'];
const restrictedDomain = 'node-restriction.kubernetes.io';

function within(domain: string, parent: string): boolean {
  return domain === parent || domain.endsWith(`.${parent}`);
}

/** True for a label that only others may put on a node. */
function isForbiddenLabel(key: string): boolean {
  const slash = key.indexOf('/');
  if (slash < 0) return false;
  const domain = key.slice(0, slash);
  if (within(domain, restrictedDomain)) return true;
  if (!within(domain, 'kubernetes.io') && !within(domain, 'k8s.io')) return false;
  return !kubeletLabels.has(key) && !kubeletDomains.some((parent) => within(domain, parent));
}

function forbiddenChanges(
  next: Readonly<Record<string, string>>,
  old: Readonly<Record<string, string>>,
): string {
  return [...new Set([...Object.keys(next), ...Object.keys(old)])]
    .filter((key) => next[key] !== old[key] && isForbiddenLabel(key))
    .sort()
    .join(', ');
}

/** Refuses what a node may not change of its Node object: another's, labels and taints that are not its own. */
export function checkNode(request: AdmissionRequest, node: string, refuse: Refuse): void {
  const { operation, context } = request;
  // The kind says what the objects are.
  const next = request.object as Node | undefined;
  const old = request.old as Node | undefined;
  const name = context.target.name === '' ? (next?.metadata.name ?? '') : context.target.name;
  if (name !== node) refuse(`node "${node}" is not allowed to modify node "${name}"`);
  if (next === undefined) return;
  if (operation === 'CREATE') {
    const labels = forbiddenChanges(next.metadata.labels ?? {}, {});
    if (labels !== '') {
      refuse(`node "${node}" is not allowed to set the following labels: ${labels}`);
    }
    checkPodRange(next, undefined, node, refuse);
    return;
  }
  if (old === undefined) return;
  if (!semanticEqual(next.spec.taints, old.spec.taints)) {
    refuse(`node "${node}" is not allowed to modify taints`);
  }
  // The owner's end would take the Node with it (CVE-2025-5187).
  if (!semanticEqual(next.metadata.ownerReferences, old.metadata.ownerReferences)) {
    refuse(`node "${node}" is not allowed to modify ownerReferences`);
  }
  const labels = forbiddenChanges(next.metadata.labels ?? {}, old.metadata.labels ?? {});
  if (labels !== '') refuse(`is not allowed to modify labels: ${labels}`);
  checkPodRange(next, old, node, refuse);
}

/**
 * Other nodes route a Node's pod range to its address, so nobody may claim one for itself: here, unlike in Kubernetes
 * (whose cloud nodes may), only the IPAM controller hands it out.
 */
function checkPodRange(next: Node, old: Node | undefined, node: string, refuse: Refuse): void {
  const same =
    (next.spec.podCIDR ?? '') === (old?.spec.podCIDR ?? '') &&
    semanticEqual(next.spec.podCIDRs ?? [], old?.spec.podCIDRs ?? []);
  if (!same) refuse(`node "${node}" is not allowed to choose its podCIDRs`);
}
