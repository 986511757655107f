/** The count of changes to a DaemonSet's template, which it had as a field before apps/v1. */
import { semanticEqual } from '../equal.js';
import type { DaemonSet } from '../types/workloads.js';

/** The annotation of DaemonSets with that count; their pods have it as the label `pod-template-generation`. */
export const templateGenerationAnnotation = 'deprecated.daemonset.template.generation';

/** Begins the count of a new set; a manifest of another cluster may say a number. */
export function beginTemplateGeneration(set: DaemonSet): void {
  write(set, Math.max(1, read(set)));
}

/** Counts on when the template has changed; an update may not write the count itself. */
export function countTemplateGeneration(next: DaemonSet, old: DaemonSet): void {
  const changed = !semanticEqual(next.spec.template, old.spec.template);
  write(next, read(old) + (changed ? 1 : 0));
}

function read({ metadata }: DaemonSet): number {
  const count = Number(metadata.annotations?.[templateGenerationAnnotation] ?? 0);
  return Number.isSafeInteger(count) && count >= 0 ? count : 0;
}

function write({ metadata }: DaemonSet, count: number): void {
  metadata.annotations = { ...metadata.annotations, [templateGenerationAnnotation]: String(count) };
}
