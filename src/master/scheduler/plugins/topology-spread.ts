import type { TopologySpreadConstraint } from '../../../api/types/core.js';
import type { Matcher } from '../../../api/facts/selectors.js';
import { compileSelector } from '../../../api/facts/selectors.js';
import type { NodeInfo } from '../node-info.js';
import { matchesNodeRequirements } from '../../../api/facts/node-selector.js';
import type { PodInfo } from '../pod-info.js';
import { tolerates } from '../../../api/facts/tolerations.js';
import { unranked } from './normalize.js';
import type { ClusterView, FilterPlugin, ScorePlugin } from './types.js';

const name = 'PodTopologySpread';
const mismatch = "node(s) didn't match pod topology spread constraints";
const tooSkewed = { plugin: name, reasons: [mismatch], unresolvable: false };
const unlabelled = {
  plugin: name,
  reasons: [`${mismatch} (missing required label)`],
  unresolvable: true,
};

interface Constraint {
  readonly key: string;
  readonly maxSkew: number;
  readonly minDomains: number;
  /** Does the pod itself count? 1 or 0. */
  readonly self: number;
  /** Matching pods per value of the topology key, over nodes that count. */
  readonly domains: ReadonlyMap<string, number>;
}

/** Constraints with `DoNotSchedule`. */
export const topologySpread: FilterPlugin = {
  name,
  local: false,
  wakeOn: ['pod-deleted', 'pod-placed', 'node'],
  prepare: (pod, view) => {
    const constraints = compile(pod, view, 'DoNotSchedule');
    if (constraints.length === 0) return undefined;
    const least = constraints.map(({ domains, minDomains }) =>
      domains.size < minDomains ? 0 : Math.min(...domains.values()),
    );
    return (node) => {
      for (const [index, { key, maxSkew, self, domains }] of constraints.entries()) {
        const value = node.labels[key];
        if (value === undefined) return unlabelled;
        const skew = (domains.get(value) ?? 0) + self - (least[index] ?? 0);
        if (skew > maxSkew) return tooSkewed;
      }
      return undefined;
    };
  },
};

/**
 * Constraints with `ScheduleAnyway`: fewer matching pods in the node's domains are better. A constraint weighs more the
 * more domains it has among the feasible nodes; nodes without all the labels cannot be compared.
 */
export const topologySpreadPreference: ScorePlugin = {
  name,
  weight: 2,
  local: false,
  normalize: 'fewest',
  prepare: (pod, view, feasible) => {
    const constraints = compile(pod, view, 'ScheduleAnyway');
    if (constraints.length === 0) return undefined;
    const labelled = feasible.filter(({ labels }) =>
      constraints.every(({ key }) => labels[key] !== undefined),
    );
    const weights = constraints.map(({ key }) =>
      Math.log(new Set(labelled.map(({ labels }) => labels[key])).size + 2),
    );
    return ({ labels }) => {
      let score = 0;
      for (const [index, { key, domains, maxSkew }] of constraints.entries()) {
        const value = labels[key];
        if (value === undefined) return unranked;
        score += (domains.get(value) ?? 0) * (weights[index] ?? 0) + (maxSkew - 1);
      }
      return Math.round(score);
    };
  },
};

function compile(
  info: PodInfo,
  view: ClusterView,
  whenUnsatisfiable: 'DoNotSchedule' | 'ScheduleAnyway',
): Constraint[] {
  const { pod } = info;
  const wanted = (pod.spec.topologySpreadConstraints ?? []).filter(
    (constraint) => constraint.whenUnsatisfiable === whenUnsatisfiable,
  );
  return wanted.map((constraint) => {
    const matches = matcherOf(info, constraint);
    return {
      key: constraint.topologyKey,
      maxSkew: constraint.maxSkew,
      minDomains: constraint.minDomains ?? 1,
      self: matches(pod.metadata.labels) ? 1 : 0,
      domains: countDomains(info, view, constraint, wanted, matches),
    };
  });
}

function matcherOf({ pod }: PodInfo, constraint: TopologySpreadConstraint): Matcher {
  if (constraint.labelSelector === undefined) return () => false;
  const labels = pod.metadata.labels ?? {};
  const extra = (constraint.matchLabelKeys ?? []).flatMap((key) => {
    const value = labels[key];
    return value === undefined ? [] : [{ key, operator: 'In', values: [value] }];
  });
  return compileSelector({
    ...constraint.labelSelector,
    matchExpressions: [...(constraint.labelSelector.matchExpressions ?? []), ...extra],
  });
}

function countDomains(
  { pod }: PodInfo,
  view: ClusterView,
  constraint: TopologySpreadConstraint,
  all: readonly TopologySpreadConstraint[],
  matches: Matcher,
): Map<string, number> {
  const counts = (node: NodeInfo): boolean => {
    if (all.some(({ topologyKey }) => node.labels[topologyKey] === undefined)) return false;
    if (constraint.nodeAffinityPolicy !== 'Ignore' && !matchesNodeRequirements(pod, node.node)) {
      return false;
    }
    if (constraint.nodeTaintsPolicy !== 'Honor') return true;
    return (node.node.spec.taints ?? []).every(
      (taint) => taint.effect === 'PreferNoSchedule' || tolerates(pod.spec.tolerations, taint),
    );
  };
  const domains = new Map<string, number>();
  for (const node of view.nodes) {
    if (!counts(node)) continue;
    const value = node.labels[constraint.topologyKey] ?? '';
    let count = domains.get(value) ?? 0;
    for (const other of node.pods.values()) {
      if (
        other.pod.metadata.namespace === pod.metadata.namespace &&
        other.pod.metadata.deletionTimestamp === undefined &&
        matches(other.pod.metadata.labels)
      ) {
        count++;
      }
    }
    domains.set(value, count);
  }
  return domains;
}
