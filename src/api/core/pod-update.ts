/** The fields of a pod that may change after its creation. */
import { goQuote } from '../go-text/quote.js';
import { semanticEqual } from '../equal.js';
import { at, child, forbidden, invalid } from '../field-error.js';
import type { FieldError } from '../field-error.js';
import { identityOf } from '../identity.js';
import type { Container, Pod, PodSpec, Toleration } from '../types/core.js';
import { gateErrors, gatedErrors, withNodeAffinity } from './pod-gated-update.js';

const updatableText =
  'pod updates may not change fields other than `spec.containers[*].image`,' +
  '`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` ' +
  '(only additions to existing tolerations),`spec.terminationGracePeriodSeconds` ' +
  '(allow it to be set to 1 if it was previously negative)';

function imagesOf(next: readonly Container[], old: readonly Container[]): Container[] {
  return next.map((container, index) => ({ ...container, image: old[index]?.image }));
}

function onlyAdded(next: readonly Toleration[], old: readonly Toleration[]): boolean {
  const plain = (toleration: Toleration): Toleration => ({
    ...toleration,
    tolerationSeconds: undefined,
  });
  const present = new Set(next.map((toleration) => identityOf(plain(toleration))));
  return old.every((before) => present.has(identityOf(plain(before))));
}

function checkDeadline(next: PodSpec, old: PodSpec, errors: FieldError[]): void {
  const path = 'spec.activeDeadlineSeconds';
  const [now, before] = [next.activeDeadlineSeconds, old.activeDeadlineSeconds];
  if (now === before) return;
  if (now === undefined) {
    errors.push(invalid(path, null, 'must not update from a positive integer to nil value'));
  } else if (before !== undefined && now > before) {
    errors.push(invalid(path, now, 'must be less than or equal to previous value'));
  }
}

/** The spec with everything that may change taken from the old one. */
function neutralized(next: PodSpec, old: PodSpec): PodSpec {
  const grace = old.terminationGracePeriodSeconds ?? 0;
  const gates = new Set((old.schedulingGates ?? []).map((gate) => gate.name));
  const isGated = gates.size > 0;
  return {
    ...next,
    containers: imagesOf(next.containers, old.containers),
    initContainers: next.initContainers && imagesOf(next.initContainers, old.initContainers ?? []),
    activeDeadlineSeconds: old.activeDeadlineSeconds,
    tolerations: old.tolerations,
    terminationGracePeriodSeconds:
      grace < 0 && next.terminationGracePeriodSeconds === 1
        ? old.terminationGracePeriodSeconds
        : next.terminationGracePeriodSeconds,
    schedulingGates: old.schedulingGates,
    nodeSelector: isGated ? old.nodeSelector : next.nodeSelector,
    affinity: isGated ? withNodeAffinity(next.affinity, old.affinity) : next.affinity,
    serviceAccount: old.serviceAccount,
  };
}

const mirrorAnnotation = 'kubernetes.io/config.mirror';

/** A pod does not become a mirror of a node's own pod, nor stops being one. */
function checkMirror(next: Pod, old: Pod, errors: FieldError[]): void {
  const value = next.metadata.annotations?.[mirrorAnnotation];
  if (value === old.metadata.annotations?.[mirrorAnnotation]) return;
  const field = at('metadata.annotations', mirrorAnnotation);
  errors.push(forbidden(field, 'may not remove or update mirror pod annotation'));
}

/** Without an account there are no tokens; a new pod has got one by then. */
function checkTokens(
  { serviceAccountName = '', volumes = [] }: PodSpec,
  errors: FieldError[],
): void {
  if (serviceAccountName !== '') return;
  volumes.forEach(({ projected }, index) => {
    (projected?.sources ?? []).forEach(({ serviceAccountToken }, position) => {
      if (serviceAccountToken === undefined) return;
      const place = at(child(at('spec.volumes', index), 'projected.sources'), position);
      const text = 'must not be specified when serviceAccountName is not set';
      errors.push(forbidden(child(place, 'serviceAccountToken'), text));
    });
  });
}

/** Validates a plain update of a pod; returns its errors by field. */
export function validatePodUpdate(next: Pod, old: Pod): FieldError[] {
  const errors: FieldError[] = [];
  checkMirror(next, old, errors);
  checkTokens(next.spec, errors);
  const given: Partial<PodSpec> = next.spec;
  if (given.containers?.length !== old.spec.containers.length) {
    return [forbidden('spec.containers', 'pod updates may not add or remove containers')];
  }
  if ((next.spec.initContainers?.length ?? 0) !== (old.spec.initContainers?.length ?? 0)) {
    return [forbidden('spec.initContainers', 'pod updates may not add or remove containers')];
  }
  checkDeadline(next.spec, old.spec, errors);
  if (!onlyAdded(next.spec.tolerations ?? [], old.spec.tolerations ?? [])) {
    const text = 'existing toleration can not be modified except its tolerationSeconds';
    errors.push(forbidden('spec.tolerations', text));
  }
  errors.push(...gateErrors(next.spec, old.spec), ...gatedErrors(next.spec, old.spec));
  if (!semanticEqual(neutralized(next.spec, old.spec), old.spec)) {
    errors.push(forbidden('spec', updatableText));
  }
  return errors;
}

/** Ephemeral containers may only be added. */
export function validateEphemeralUpdate(next: Pod, old: Pod): FieldError[] {
  const now = new Map((next.spec.ephemeralContainers ?? []).map((c) => [c.name, c]));
  const errors: FieldError[] = [];
  (old.spec.ephemeralContainers ?? []).forEach((before) => {
    const after = now.get(before.name);
    if (after === undefined) {
      const text = `existing ephemeral containers ${goQuote(before.name)} may not be removed\n`;
      errors.push(forbidden('spec.ephemeralContainers', text));
    } else if (!semanticEqual(after, before)) {
      const text = `existing ephemeral containers ${goQuote(before.name)} may not be changed\n`;
      errors.push(forbidden('spec.ephemeralContainers', text));
    }
  });
  return errors;
}
