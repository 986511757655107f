import type { PodInfo, WeightedTerm } from '../pod-info.js';
import type { ClusterView, FilterPlugin, ScorePlugin } from './types.js';

const name = 'InterPodAffinity';
const fails = (reason: string, unresolvable: boolean) => ({
  plugin: name,
  reasons: [reason],
  unresolvable,
});
const affinityFailure = fails("node(s) didn't match pod affinity rules", true);
const antiAffinityFailure = fails("node(s) didn't match pod anti-affinity rules", false);
const existingFailure = fails("node(s) didn't satisfy existing pods anti-affinity rules", false);

/** `key=value` of a topology. */
type Domain = string;

/** Required affinity and anti-affinity between pods, in both directions. */
export const interPodAffinity: FilterPlugin = {
  name,
  local: false,
  wakeOn: ['pod-deleted', 'pod-placed', 'node', 'namespace'],
  prepare: (pod, view) => {
    const forbidden = domainsForbiddenByOthers(pod, view);
    const { requiredAffinity, requiredAntiAffinity } = pod;
    if (forbidden.size + requiredAffinity.length + requiredAntiAffinity.length === 0) {
      return undefined;
    }
    const near = requiredAffinity.length === 0 ? undefined : affinityDomains(pod, view);
    const far = requiredAntiAffinity.map((term) => ({
      key: term.topologyKey,
      domains: domainsWith(view, term.topologyKey, (o) =>
        term.matches(o.pod, view.namespaceLabels),
      ),
    }));
    return ({ labels }) => {
      if (near !== undefined && !near(labels)) return affinityFailure;
      for (const { key, domains } of far) {
        const value = labels[key];
        if (value !== undefined && domains.has(`${key}=${value}`)) return antiAffinityFailure;
      }
      for (const domain of forbidden) {
        const at = domain.indexOf('=');
        if (labels[domain.slice(0, at)] === domain.slice(at + 1)) return existingFailure;
      }
      return undefined;
    };
  },
};

function domainsWith(
  view: ClusterView,
  key: string,
  counts: (other: PodInfo) => boolean,
): Set<Domain> {
  const domains = new Set<Domain>();
  for (const node of view.nodes) {
    const value = node.labels[key];
    if (value === undefined) continue;
    const domain = `${key}=${value}`;
    if (domains.has(domain)) continue;
    for (const other of node.pods.values()) {
      if (counts(other)) {
        domains.add(domain);
        break;
      }
    }
  }
  return domains;
}

/** Finds the domains of pods whose own anti-affinity forbids this pod nearby. */
function domainsForbiddenByOthers(pod: PodInfo, view: ClusterView): Set<Domain> {
  const domains = new Set<Domain>();
  for (const node of view.nodes) {
    for (const other of node.withAffinity.values()) {
      for (const term of other.requiredAntiAffinity) {
        const value = node.labels[term.topologyKey];
        if (value === undefined || !term.matches(pod.pod, view.namespaceLabels)) continue;
        domains.add(`${term.topologyKey}=${value}`);
      }
    }
  }
  return domains;
}

/**
 * A pod counts for affinity only when it matches all terms (kube-scheduler). The first pod of a group that wants to be
 * near itself may go anywhere that has the topology keys.
 */
function affinityDomains(
  pod: PodInfo,
  view: ClusterView,
): (labels: Readonly<Record<string, string>>) => boolean {
  const terms = pod.requiredAffinity;
  const matchesAll = (other: PodInfo): boolean =>
    terms.every((term) => term.matches(other.pod, view.namespaceLabels));
  const found = terms.map((term) => ({
    key: term.topologyKey,
    domains: domainsWith(view, term.topologyKey, matchesAll),
  }));
  const first = found.every(({ domains }) => domains.size === 0) && matchesAll(pod);
  return (labels) =>
    found.every(({ key, domains }) => {
      const value = labels[key];
      return value !== undefined && (first || domains.has(`${key}=${value}`));
    });
}

/** Preferred affinity and anti-affinity, in both directions. */
export const interPodPreference: ScorePlugin = {
  name,
  weight: 2,
  local: false,
  normalize: 'span',
  prepare: (pod, view) => {
    const sums = new Map<Domain, number>();
    const add = (key: string, labels: Readonly<Record<string, string>>, weight: number): void => {
      const value = labels[key];
      if (value === undefined) return;
      const domain = `${key}=${value}`;
      sums.set(domain, (sums.get(domain) ?? 0) + weight);
    };
    const own = [...signed(pod.preferredAffinity, 1), ...signed(pod.preferredAntiAffinity, -1)];
    for (const node of view.nodes) {
      const others = own.length > 0 ? node.pods : node.withAffinity;
      for (const other of others.values()) {
        for (const term of own) {
          if (term.matches(other.pod, view.namespaceLabels)) {
            add(term.topologyKey, node.labels, term.weight);
          }
        }
        const theirs = [
          ...signed(other.preferredAffinity, 1),
          ...signed(other.preferredAntiAffinity, -1),
          ...other.requiredAffinity.map((term): WeightedTerm => ({ ...term, weight: 1 })),
        ];
        for (const term of theirs) {
          if (term.matches(pod.pod, view.namespaceLabels)) {
            add(term.topologyKey, node.labels, term.weight);
          }
        }
      }
    }
    if (sums.size === 0) return undefined;
    return ({ labels }) => {
      let score = 0;
      for (const [domain, weight] of sums) {
        const at = domain.indexOf('=');
        if (labels[domain.slice(0, at)] === domain.slice(at + 1)) score += weight;
      }
      return score;
    };
  },
};

function signed(terms: readonly WeightedTerm[], sign: 1 | -1): WeightedTerm[] {
  return terms.map((term) => ({ ...term, weight: sign * term.weight }));
}
