/** A pod with everything that scheduling derives from it, computed once. */
import { keyOf } from '../../api/facts/keys.js';
import { controllerOf } from '../../api/object.js';
import type { ContainerPort, Pod, PodAffinityTerm } from '../../api/types/core.js';
import { canonicalJson } from '../../api/facts/hash.js';
import { hostPortsOf } from '../../api/facts/host-ports.js';
import type { Labels, Matcher } from '../../api/facts/selectors.js';
import { compileSelector } from '../../api/facts/selectors.js';
import type { Amounts } from '../../api/facts/pod-requests.js';
import { podRequests, scoringRequests } from '../../api/facts/pod-requests.js';

/** A term of pod (anti-)affinity, compiled. */
export interface AffinityTerm {
  readonly topologyKey: string;
  /** Does `pod` count, given the labels of its namespace? */
  readonly matches: (pod: Pod, namespaceLabels: (name: string) => Labels | undefined) => boolean;
}

/** A term of preferred affinity with its weight, from 1 to 100. */
export interface WeightedTerm extends AffinityTerm {
  readonly weight: number;
}

/** A pod with the facts that the plugins read of it, computed once (kube-scheduler `PodInfo`). */
export interface PodInfo {
  readonly pod: Pod;
  /** `namespace/name`. */
  readonly key: string;
  readonly uid: string;
  readonly priority: number;
  readonly ownerUid: string | undefined;
  readonly requests: Amounts;
  readonly scoring: { readonly cpu: number; readonly memory: number };
  readonly hostPorts: readonly ContainerPort[];
  readonly requiredAffinity: readonly AffinityTerm[];
  readonly requiredAntiAffinity: readonly AffinityTerm[];
  readonly preferredAffinity: readonly WeightedTerm[];
  readonly preferredAntiAffinity: readonly WeightedTerm[];
}

/** Computes the facts of a pod that the plugins read. */
export function podInfo(pod: Pod): PodInfo {
  const affinity = pod.spec.affinity?.podAffinity;
  const anti = pod.spec.affinity?.podAntiAffinity;
  const compile = (term: PodAffinityTerm): AffinityTerm => compileTerm(pod, term);
  return {
    pod,
    key: keyOf(pod),
    uid: pod.metadata.uid ?? '',
    priority: pod.spec.priority ?? 0,
    ownerUid: controllerOf(pod)?.uid,
    requests: podRequests(pod),
    scoring: scoringRequests(pod),
    hostPorts: hostPortsOf(pod),
    requiredAffinity: (affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []).map(compile),
    requiredAntiAffinity: (anti?.requiredDuringSchedulingIgnoredDuringExecution ?? []).map(compile),
    preferredAffinity: (affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map(
      ({ weight, podAffinityTerm }) => ({ ...compile(podAffinityTerm), weight }),
    ),
    preferredAntiAffinity: (anti?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map(
      ({ weight, podAffinityTerm }) => ({ ...compile(podAffinityTerm), weight }),
    ),
  };
}

/** Adds `matchLabelKeys` and `mismatchLabelKeys` of the pod's own labels to a selector (KEP-3633). */
function keyedMatcher(pod: Pod, term: PodAffinityTerm): Matcher {
  const labels = pod.metadata.labels ?? {};
  const requirement = (operator: 'In' | 'NotIn') => (key: string) => {
    const value = labels[key];
    return value === undefined ? [] : [{ key, operator, values: [value] }];
  };
  const extra = [
    ...(term.matchLabelKeys ?? []).flatMap(requirement('In')),
    ...(term.mismatchLabelKeys ?? []).flatMap(requirement('NotIn')),
  ];
  if (term.labelSelector === undefined) return () => false;
  return compileSelector({
    ...term.labelSelector,
    matchExpressions: [...(term.labelSelector.matchExpressions ?? []), ...extra],
  });
}

function compileTerm(pod: Pod, term: PodAffinityTerm): AffinityTerm {
  const labelsMatch = keyedMatcher(pod, term);
  const named = new Set(term.namespaces);
  if (named.size === 0 && term.namespaceSelector === undefined) {
    named.add(pod.metadata.namespace ?? '');
  }
  const selectsNamespace =
    term.namespaceSelector === undefined ? undefined : compileSelector(term.namespaceSelector);
  return {
    topologyKey: term.topologyKey,
    matches: (other, namespaceLabels) => {
      if (!labelsMatch(other.metadata.labels)) return false;
      const namespace = other.metadata.namespace ?? '';
      return named.has(namespace) || selectsNamespace?.(namespaceLabels(namespace)) === true;
    },
  };
}

/** Equal for pods that any node treats alike: those of one template, in short. */
export function classOf(info: PodInfo): string {
  const { spec, metadata } = info.pod;
  return canonicalJson([
    metadata.namespace,
    info.ownerUid,
    metadata.labels,
    info.requests,
    info.scoring,
    info.hostPorts,
    spec.nodeName,
    spec.nodeSelector,
    spec.affinity,
    spec.tolerations,
  ]);
}
