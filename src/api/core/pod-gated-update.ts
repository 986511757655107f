/**
 * What may change of a pod while gates hold it from being scheduled: fewer gates, and fewer nodes that it may go to.
 * @see Kubernetes pkg/apis/core/validation/validation.go, `ValidatePodUpdate`
 */
import { semanticEqual } from '../equal.js';
import { at, child, forbidden, invalid } from '../field-error.js';
import type { FieldError } from '../field-error.js';
import { given } from '../schema/node.js';
import type { PodSpec } from '../types/core.js';

type Affinity = PodSpec['affinity'];
type Term = NonNullable<
  NonNullable<
    NonNullable<Affinity>['nodeAffinity']
  >['requiredDuringSchedulingIgnoredDuringExecution']
>['nodeSelectorTerms'][number];

/** The errors of gates that an update adds. */
export function gateErrors(next: PodSpec, old: PodSpec): FieldError[] {
  const before = new Set((old.schedulingGates ?? []).map(({ name }) => name));
  return (next.schedulingGates ?? []).flatMap((gate, index) => {
    const { name = '' } = given(gate);
    const text = `only deletion is allowed, but found new scheduling gate '${name}'`;
    return before.has(name)
      ? []
      : [forbidden(child(at('spec.schedulingGates', index), 'name'), text)];
  });
}

/** The errors of an update of a gated pod that lets it go to further nodes; none of a pod without gates. */
export function gatedErrors(next: PodSpec, old: PodSpec): FieldError[] {
  if ((old.schedulingGates ?? []).length === 0) return [];
  return [...selectorErrors(next, old), ...affinityErrors(next.affinity, old.affinity)];
}

function selectorErrors({ nodeSelector = {} }: PodSpec, old: PodSpec): FieldError[] {
  const before = Object.entries(old.nodeSelector ?? {});
  if (before.every(([key, value]) => nodeSelector[key] === value)) return [];
  const text = 'only additions to spec.nodeSelector are allowed (no mutations or deletions)';
  return [invalid('spec.nodeSelector', nodeSelector, text)];
}

function termsOf(affinity: Affinity): readonly Term[] {
  const { requiredDuringSchedulingIgnoredDuringExecution: selector } = affinity?.nodeAffinity ?? {};
  return selector?.nodeSelectorTerms ?? [];
}

function affinityErrors(next: Affinity, old: Affinity): FieldError[] {
  const [now, before] = [termsOf(next), termsOf(old)];
  const path =
    'spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms';
  if (before.length > 0 && before.length !== now.length) {
    const text = 'no additions/deletions to non-empty NodeSelectorTerms list are allowed';
    return [invalid(path, now, text)];
  }
  return before.flatMap((term, index) =>
    onlyAdds(now[index] ?? {}, term)
      ? []
      : [
          invalid(
            at(path, index),
            now[index] ?? {},
            'only additions are allowed (no mutations or deletions)',
          ),
        ],
  );
}

/** A term without requirements selects nothing, and would select something with one. */
function onlyAdds(next: Term, old: Term): boolean {
  const lists = ['matchExpressions', 'matchFields'] as const;
  const isNothing = (term: Term): boolean => lists.every((list) => (term[list] ?? []).length === 0);
  if (isNothing(old)) return isNothing(next);
  return lists.every((list) => {
    const before = old[list] ?? [];
    return semanticEqual((next[list] ?? []).slice(0, before.length), before);
  });
}

/** An affinity with the node's part of another, for comparing the rest. */
export function withNodeAffinity(next: Affinity, old: Affinity): Affinity {
  const { nodeAffinity: _now, ...rest } = next ?? {};
  const { nodeAffinity } = old ?? {};
  if (nodeAffinity !== undefined) return { ...rest, nodeAffinity };
  return old === undefined && Object.keys(rest).length === 0 ? undefined : rest;
}
