/**
 * Decides whether a pod that is bound to this node fits it: a pod may be bound by hand, or after a race of schedulers.
 * Pure. Unlike kubelet, a critical pod ends no other pods to make room.
 * @see kubelet lifecycle/predicate.go and kube-scheduler `AdmissionCheck`
 */
import { hostPortsConflict, hostPortsOf } from '../../api/facts/host-ports.js';
import { matchesNodeRequirements } from '../../api/facts/node-selector.js';
import type { Amounts } from '../../api/facts/pod-requests.js';
import { addTo, amountsOf, podRequests } from '../../api/facts/pod-requests.js';
import { tolerates } from '../../api/facts/tolerations.js';
import type { Node, Pod } from '../../api/types/core.js';
import { isNativeResource } from '../../api/validation/resource-names.js';
import type { Refusal } from './admission.js';

/** What a pod has to fit. */
export interface NodeRoom {
  /** The Node object; undefined: this agent has not seen it yet. */
  readonly node: Node | undefined;
  /** The node's own resources; others that its object offers count too. */
  readonly allocatable: Readonly<Record<string, string>>;
  /** The pods that were taken before and have not ended. */
  readonly others: readonly Pod[];
}

/** Why a pod does not fit. */
export interface Misfit extends Refusal {
  /** The labels or taints of the Node object decided it: an older object may have misled. */
  readonly isOfNode: boolean;
}

/** @returns undefined when the pod fits; otherwise the first reason, in kubelet's order */
export function misfitOf(pod: Pod, room: NodeRoom): Misfit | undefined {
  return (
    lackOf(pod, room) ??
    affinityProblem(pod, room) ??
    portProblem(pod, room) ??
    taintProblem(pod, room)
  );
}

function lackOf(pod: Pod, { node, allocatable, others }: NodeRoom): Misfit | undefined {
  const all = amountsOf({ ...node?.status?.allocatable, ...allocatable });
  const capacity = all['pods'] ?? 0;
  if (others.length + 1 > capacity) {
    return insufficient('pods', { requested: 1, used: others.length, capacity });
  }
  const wanted = podRequests(pod);
  const used: Amounts = {};
  for (const other of others) addTo(used, podRequests(other));
  for (const name of inOrder(Object.keys(wanted))) {
    // What nodes do not offer themselves may be one of the cluster: not for the node to judge.
    if (!isNativeResource(name) && all[name] === undefined) continue;
    const figures = {
      requested: wanted[name] ?? 0,
      used: used[name] ?? 0,
      capacity: all[name] ?? 0,
    };
    if (figures.requested === 0) continue;
    if (figures.requested > figures.capacity - figures.used) return insufficient(name, figures);
  }
  return undefined;
}

/** As kube-scheduler compares them. */
function inOrder(names: readonly string[]): string[] {
  const first = ['cpu', 'memory', 'ephemeral-storage'];
  return [
    ...first.filter((name) => names.includes(name)),
    ...names.filter((name) => !first.includes(name)).sort(),
  ];
}

function insufficient(
  name: string,
  figures: { readonly requested: number; readonly used: number; readonly capacity: number },
): Misfit {
  const { requested, used, capacity } = figures;
  const text = `${name}, requested: ${requested}, used: ${used}, capacity: ${capacity}`;
  const message = `Node didn't have enough resource: ${text}`;
  return { reason: `OutOf${name}`, message, isOfNode: false };
}

function affinityProblem(pod: Pod, { node }: NodeRoom): Misfit | undefined {
  if (node === undefined || matchesNodeRequirements(pod, node)) return undefined;
  return failed('NodeAffinity', "node(s) didn't match Pod's node affinity/selector", true);
}

function portProblem(pod: Pod, { others }: NodeRoom): Misfit | undefined {
  const wanted = hostPortsOf(pod);
  if (wanted.length === 0) return undefined;
  const taken = others.flatMap(hostPortsOf);
  const clashes = wanted.some((port) => taken.some((other) => hostPortsConflict(port, other)));
  if (!clashes) return undefined;
  return failed('NodePorts', "node(s) didn't have free ports for the requested pod ports", false);
}

/** Taints that only keep pods from being scheduled are no concern of the node's. */
function taintProblem(pod: Pod, { node }: NodeRoom): Misfit | undefined {
  const isUntolerated = (node?.spec.taints ?? []).some(
    (taint) => taint.effect === 'NoExecute' && !tolerates(pod.spec.tolerations, taint),
  );
  if (!isUntolerated) return undefined;
  return failed('TaintToleration', "node(s) had taints that the pod didn't tolerate", true);
}

function failed(predicate: string, description: string, isOfNode: boolean): Misfit {
  const message = `Predicate ${predicate} failed: ${description}`;
  return { reason: predicate, message, isOfNode };
}
