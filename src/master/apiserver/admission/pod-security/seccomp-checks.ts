/** The checks of seccomp profiles: annotations until 1.18, fields since 1.19. */
import { goQuote } from '../../../../api/go-text/quote.js';
import type { CheckPod, Subject, Violation } from './checks.js';
import {
  containersNamed,
  containersOf,
  namesWhere,
  plural,
  quoted,
  setters,
  sorted,
} from './checks.js';

const podAnnotation = 'seccomp.security.alpha.kubernetes.io/pod';
const containerPrefix = 'container.seccomp.security.alpha.kubernetes.io/';
const reason = 'seccompProfile';

function allowsAnnotation(value: string): boolean {
  return (
    value === 'runtime/default' || value === 'docker/default' || value.startsWith('localhost/')
  );
}

/** Baseline until 1.18. */
export const seccompAnnotations: CheckPod = (subject) => {
  const own = containersOf(subject).map(({ name }) => `${containerPrefix}${name}`);
  const bad = [podAnnotation, ...own].flatMap((key) => {
    const value = subject.annotations[key];
    return value === undefined || allowsAnnotation(value) ? [] : [`${key}=${goQuote(value)}`];
  });
  if (bad.length === 0) return undefined;
  const list = sorted(bad);
  const detail = `forbidden ${plural('annotation', list.length)} ${list.join(', ')}`;
  return { reason, detail };
};

function isAllowed(type: string): boolean {
  return type === 'Localhost' || type === 'RuntimeDefault';
}

/** Profiles that are set to something that is not allowed. */
function explicit(subject: Subject): Violation | undefined {
  const types = new Set<string>();
  const isBad = (profile: { type: string } | undefined): boolean => {
    if (profile === undefined || isAllowed(profile.type)) return false;
    types.add(profile.type);
    return true;
  };
  const isPodBad = isBad(subject.spec.securityContext?.seccompProfile);
  const bad = namesWhere(subject, ({ securityContext }) => isBad(securityContext?.seccompProfile));
  const who = setters(isPodBad, bad);
  if (who.length === 0) return undefined;
  const values = quoted(sorted(types));
  const text = 'must not set securityContext.seccompProfile.type to';
  return { reason, detail: `${who.join(' and ')} ${text} ${values}` };
}

/** Baseline since 1.19. */
export const seccompFields: CheckPod = explicit;

/** Restricted since 1.19: the profile must be set, by the pod or by each container. */
export const seccompRequired: CheckPod = (subject) => {
  const violation = explicit(subject);
  if (violation !== undefined) return violation;
  if (subject.spec.securityContext?.seccompProfile !== undefined) return undefined;
  const open = namesWhere(
    subject,
    ({ securityContext }) => securityContext?.seccompProfile === undefined,
  );
  if (open.length === 0) return undefined;
  const text = 'must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"';
  return { reason, detail: `pod or ${containersNamed(open)} ${text}` };
};
