/** Validation that the workload kinds share. */
import { semanticEqual } from '../equal.js';
import { child, forbidden, invalid, notSupported, required } from '../field-error.js';
import type { FieldError } from '../field-error.js';
import { validatePodTemplate } from '../core/pod-validation.js';
import type { LabelSelector, PodTemplateSpec } from '../types/core.js';
import { GoSyntax, goIntOrString, goLabelSelector, goStringMap } from '../go-text/syntax.js';
import { compileSelector } from '../facts/selectors.js';
import { isLabelSelector } from '../validation/checks.js';

/** The fields of a workload that the shared checks read. */
interface WorkloadSpec {
  readonly volumeClaimTemplates?:
    readonly { readonly metadata: { readonly name?: string | undefined } }[] | undefined;
  readonly selector?: LabelSelector | undefined;
  readonly template?: PodTemplateSpec | undefined;
}

/**
 * Selector and template of a workload: the selector must say something and match the template, and
 * pods must be restarted always.
 * @param owner the kind, for messages.
 */
export function validateWorkload(spec: WorkloadSpec, owner: string): FieldError[] {
  const errors: FieldError[] = [];
  const { selector, template } = spec;
  const isEmpty =
    selector !== undefined &&
    Object.keys(selector.matchLabels ?? {}).length === 0 &&
    (selector.matchExpressions?.length ?? 0) === 0;
  if (isEmpty) {
    const kind =
      owner === 'DaemonSet' ? 'daemonset' : owner === 'StatefulSet' ? 'statefulset' : 'deployment';
    errors.push(
      invalid('spec.selector', goLabelSelector(selector), `empty selector is invalid for ${kind}`),
    );
  }
  if (selector !== undefined && !isWellFormed(selector)) {
    if (owner !== 'DaemonSet') {
      errors.push(
        invalid(
          'spec.selector',
          goLabelSelector(selector),
          owner === 'StatefulSet' ? '' : 'invalid label selector',
        ),
      );
    }
    if (owner === 'ReplicaSet') return errors;
  }
  validatePodTemplate(
    withClaimVolumes(template, spec.volumeClaimTemplates),
    'spec.template',
    errors,
  );
  if (!isEmpty && (selector === undefined || isWellFormed(selector))) {
    const labels = template?.metadata?.labels ?? {};
    if (selector === undefined || !compileSelector(selector)(labels)) {
      const text = '`selector` does not match template `labels`';
      const shown = new GoSyntax(goStringMap(template?.metadata?.labels));
      errors.push(invalid('spec.template.metadata.labels', shown, text));
    }
  }
  if (template === undefined) return errors;
  const policy = template.spec.restartPolicy;
  if (policy !== undefined && policy !== 'Always') {
    errors.push(notSupported('spec.template.spec.restartPolicy', policy, ['Always']));
  }
  if (template.spec.activeDeadlineSeconds !== undefined) {
    const text = `activeDeadlineSeconds in ${owner} is not Supported`;
    errors.push(forbidden('spec.template.spec.activeDeadlineSeconds', text));
  }
  return errors;
}

/** True for a selector that can be compiled, and for none. */
export function isWellFormed(selector: LabelSelector | undefined): boolean {
  const errors: FieldError[] = [];
  if (selector !== undefined) isLabelSelector(selector, '', errors);
  return errors.length === 0;
}

/** The template with a volume for each claim template: that is what its pods will have. */
function withClaimVolumes(
  template: PodTemplateSpec | undefined,
  claims: WorkloadSpec['volumeClaimTemplates'] = [],
): PodTemplateSpec | undefined {
  if (template === undefined || claims.length === 0) return template;
  const names = new Set(claims.map(({ metadata }) => metadata.name ?? ''));
  const volumes = [
    ...(template.spec.volumes ?? []).filter(({ name }) => !names.has(name)),
    ...[...names].map((name) => ({ name, emptyDir: {} })),
  ];
  return { ...template, spec: { ...template.spec, volumes } };
}

/** A selector cannot change. */
export function validateSelectorUpdate(next: unknown, old: unknown): FieldError[] {
  if (semanticEqual(next, old)) return [];
  return [invalid('spec.selector', goLabelSelector(next), 'field is immutable')];
}

/** True for a number or a percentage of nothing; what is no number counts as 0, and is refused elsewhere. */
function isNoPart(value: unknown): boolean {
  return typeof value === 'string' ? !/^0*[1-9]\d*%?$/.test(value) : (value ?? 0) === 0;
}

/** The limits of a rolling update. */
interface Rolling {
  readonly maxSurge?: unknown;
  readonly maxUnavailable?: unknown;
}

const surge = 'maxSurge';
const unavailable = 'maxUnavailable';

function neverNil(path: string): FieldError[] {
  return [required(path, 'this should be defaulted and never be nil')];
}

/** Of a Deployment's limits one must allow progress. */
export function deploymentRollingErrors(rolling: Rolling | undefined, path: string): FieldError[] {
  if (rolling === undefined) return neverNil(path);
  if (!isNoPart(rolling.maxUnavailable) || !isNoPart(rolling.maxSurge)) return [];
  const shown = goIntOrString(rolling.maxUnavailable);
  return [invalid(child(path, unavailable), shown, 'may not be 0 when `maxSurge` is 0')];
}

/** Of a DaemonSet's limits exactly one allows progress. */
export function daemonRollingErrors(rolling: Rolling | undefined, path: string): FieldError[] {
  if (rolling === undefined) return neverNil(path);
  const [hasSurge, hasGap] = [!isNoPart(rolling.maxSurge), !isNoPart(rolling.maxUnavailable)];
  if (hasSurge && hasGap) {
    const text = 'may not be set when maxUnavailable is non-zero';
    return [invalid(child(path, surge), goIntOrString(rolling.maxSurge), text)];
  }
  if (hasSurge || hasGap) return [];
  return [required(child(path, unavailable), 'cannot be 0 when maxSurge is 0')];
}

/** A StatefulSet's limit, where it is given. */
export function statefulRollingErrors(rolling: Rolling | undefined, path: string): FieldError[] {
  const value = rolling?.maxUnavailable;
  if (value === undefined || !isNoPart(value)) return [];
  return [invalid(child(path, unavailable), goIntOrString(value), 'cannot be 0')];
}
