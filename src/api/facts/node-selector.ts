/** Node selectors: terms of requirements on labels and on the field `metadata.name`. Pure. */
import type { Node, NodeSelector, NodeSelectorTerm, Pod } from '../types/core.js';
import { matchesExpression } from './selectors.js';

/** An empty term matches nothing (api core/v1 NodeSelectorTerm). */
export function matchesTerm(term: NodeSelectorTerm, node: Node): boolean {
  const { matchExpressions = [], matchFields = [] } = term;
  if (matchExpressions.length === 0 && matchFields.length === 0) return false;
  const labels = node.metadata.labels ?? {};
  const fields = { 'metadata.name': node.metadata.name };
  return (
    matchExpressions.every((requirement) => matchesExpression(requirement, labels)) &&
    matchFields.every((requirement) => matchesExpression(requirement, fields))
  );
}

/** True when any term matches. */
export function matchesNodeSelector(selector: NodeSelector, node: Node): boolean {
  return selector.nodeSelectorTerms.some((term) => matchesTerm(term, node));
}

/** `nodeSelector` and required node affinity together. */
export function matchesNodeRequirements(pod: Pod, node: Node): boolean {
  const labels = node.metadata.labels ?? {};
  for (const [key, value] of Object.entries(pod.spec.nodeSelector ?? {})) {
    if (labels[key] !== value) return false;
  }
  const required = pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return required === undefined || matchesNodeSelector(required, node);
}
