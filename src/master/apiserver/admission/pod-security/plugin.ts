/**
 * PodSecurity: pods that a namespace's level does not allow are refused; what makes such pods is warned of and noted in
 * the audit log. Behaves as kube-apiserver 1.33 with its standard feature gates.
 */
import type { FieldError } from '../../../../api/field-error.js';
import { aggregate, formatFieldError } from '../../../../api/field-error.js';
import type { KubeObject } from '../../../../api/object.js';
import type { Pod, PodSpec } from '../../../../api/types/core.js';
import type { Objects } from '../../registry/objects.js';
import type { AdmissionRequest } from '../../registry/types.js';
import { errorTarget } from '../../registry/types.js';
import { forbidden, internal, invalidObject } from '../../status.js';
import type { AdmissionPlugin } from '../chain.js';
import type { Violation } from './checks.js';
import type { PodSecurityConfiguration } from './configuration.js';
import { detailsOf, violationsOf } from './evaluate.js';
import { podWarnings } from './namespace-pods.js';
import type { LevelVersion, Policy } from './policy.js';
import {
  compareLevels,
  isEquivalent,
  isFullyPrivileged,
  names,
  policyOf,
  sameLevel,
  showLevel,
} from './policy.js';
import { isSignificant } from './significance.js';
import { makesPods, templateOf } from './templates.js';

/** Subresources of pods that cannot change what a pod may do. Any other one is judged. */
const ignoredSubresources = new Set([
  'exec',
  'attach',
  'binding',
  'eviction',
  'log',
  'portforward',
  'proxy',
  'status',
]);

const auditPrefix = 'pod-security.kubernetes.io/';

function note({ context }: AdmissionRequest, key: string, value: string): void {
  context.auditAnnotations?.set(auditPrefix + key, value);
}

function isCore({ context: { target } }: AdmissionRequest, plural: string): boolean {
  return target.kind.group === '' && target.kind.plural === plural;
}

/** The pod or template to check, and whether the level is enforced on it or only warned of. */
interface Judged {
  readonly annotations: Readonly<Record<string, string>>;
  readonly spec: PodSpec;
  readonly enforces: boolean;
}

/** Keeps namespaces to their level. */
export function podSecurity(
  objects: Objects,
  configuration: PodSecurityConfiguration,
): AdmissionPlugin {
  const security = new PodSecurity(objects, configuration);
  return {
    name: 'PodSecurity',
    handles: (request) => security.handles(request),
    validate: (request) => security.validate(request),
  };
}

class PodSecurity {
  readonly #objects: Objects;
  readonly #configuration: PodSecurityConfiguration;

  constructor(objects: Objects, configuration: PodSecurityConfiguration) {
    this.#objects = objects;
    this.#configuration = configuration;
  }

  handles(request: AdmissionRequest): boolean {
    const { operation, object, context } = request;
    if ((operation !== 'CREATE' && operation !== 'UPDATE') || object === undefined) return false;
    const { kind, subresource } = context.target;
    if (isCore(request, 'pods')) return !ignoredSubresources.has(subresource);
    return subresource === '' && (isCore(request, 'namespaces') || makesPods(kind));
  }

  /** @throws StatusError Forbidden for a pod, Invalid for a namespace's labels */
  async validate(request: AdmissionRequest): Promise<void> {
    const { object, old, context } = request;
    if (object === undefined) return;
    if (isCore(request, 'namespaces')) {
      await this.#namespace(request, object);
      return;
    }
    const exemption = this.#exemption(request);
    if (exemption !== undefined) {
      note(request, 'exempt', exemption);
      return;
    }
    const { policy, errors } = policyOf(
      await this.#labels(context.target.namespace),
      this.#configuration.defaults,
    );
    if (isCore(request, 'pods')) {
      const [pod, before] = [asPod(object), old === undefined ? undefined : asPod(old)];
      if (errors.length === 0 && isFullyPrivileged(policy)) {
        note(request, 'enforce-policy', 'privileged:latest');
        return;
      }
      if (before !== undefined && !isSignificant(pod, before)) return;
      const { annotations = {} } = pod.metadata;
      this.#judge(request, { annotations, spec: pod.spec, enforces: true }, policy, errors);
      return;
    }
    const template = templateOf(context.target.kind, object);
    if (template === undefined) return;
    const annotations = template.metadata?.annotations ?? {};
    this.#judge(request, { annotations, spec: template.spec, enforces: false }, policy, errors);
  }

  #judge(
    request: AdmissionRequest,
    judged: Judged,
    { enforce, audit, warn }: Policy,
    errors: readonly FieldError[],
  ): void {
    const { runtimeClassName = '' } = judged.spec;
    if (this.#configuration.exemptions.runtimeClasses.includes(runtimeClassName)) {
      note(request, 'exempt', 'runtimeClass');
      return;
    }
    if (errors.length > 0) {
      const text = aggregate(errors.map(formatFieldError));
      note(request, 'error', `Failed to parse policy: ${text}`);
    }
    const violations = (wanted: LevelVersion): Violation[] =>
      violationsOf({ ...judged, relaxesForUserNamespaces: false }, wanted);
    const told = (verb: string, level: LevelVersion, found: readonly Violation[]): string =>
      `${verb} PodSecurity "${showLevel(level)}": ${detailsOf(found)}`;
    const audited = violations(audit);
    if (audited.length > 0) {
      note(request, 'audit-violations', told('would violate', audit, audited));
    }
    if (judged.enforces) {
      note(request, 'enforce-policy', showLevel(enforce));
      const refused = violations(enforce);
      if (refused.length > 0) throw refusal(request, told('violates', enforce, refused));
    }
    const warned = violations(warn);
    if (warned.length > 0) {
      request.context.warnings.push(told('would violate', warn, warned));
    }
  }

  #exemption({ context }: AdmissionRequest): 'namespace' | 'user' | undefined {
    const { namespaces, usernames } = this.#configuration.exemptions;
    if (namespaces.includes(context.target.namespace)) return 'namespace';
    return usernames.includes(context.user.name) ? 'user' : undefined;
  }

  async #labels(namespace: string): Promise<Readonly<Record<string, string>>> {
    const { watchCache } = this.#objects;
    const cache = watchCache.cache('namespaces');
    let found = cache.get(namespace);
    if (found === undefined) {
      await watchCache.fresh();
      found = cache.get(namespace);
    }
    if (found === undefined) throw internal(`failed to lookup namespace "${namespace}"`);
    return found.object().metadata.labels ?? {};
  }

  /** Labels must be readable where they are new; pods that are there already are told of. */
  async #namespace(request: AdmissionRequest, namespace: KubeObject): Promise<void> {
    const { defaults } = this.#configuration;
    const { name, labels = {} } = namespace.metadata;
    const { policy, errors } = policyOf(labels, defaults);
    const before =
      request.old === undefined ? undefined : policyOf(request.old.metadata.labels ?? {}, defaults);
    const texts = (list: readonly FieldError[]): string => list.map(formatFieldError).join();
    if (errors.length > 0 && texts(errors) !== texts(before?.errors ?? [])) {
      throw invalidObject({ group: '', kind: 'Namespace', name }, errors);
    }
    if (before !== undefined && !isStricter(policy.enforce, before.policy.enforce)) return;
    if (this.#configuration.exemptions.namespaces.includes(name)) {
      request.context.warnings.push(...exemptWarning(name, policy, labels, defaults));
    } else if (before !== undefined) {
      request.context.warnings.push(...(await this.#podWarnings(name, policy.enforce)));
    }
  }

  #podWarnings(namespace: string, enforce: LevelVersion): Promise<string[]> {
    const { watchCache, clock } = this.#objects;
    const { runtimeClasses } = this.#configuration.exemptions;
    const entries = [...watchCache.cache('pods').list(namespace)];
    return podWarnings({
      namespace,
      enforce,
      pods: entries.map((entry) => () => asPod(entry.parse())),
      isExempt: ({ spec }) => runtimeClasses.includes(spec.runtimeClassName ?? ''),
      clock,
    });
  }
}

/** The schema has made sure of it. */
function asPod(object: KubeObject): Pod {
  return object as Pod;
}

function refusal(request: AdmissionRequest, text: string): Error {
  const { target } = request.context;
  const name = request.object?.metadata.name ?? target.name;
  return forbidden(errorTarget(target.kind), name, text);
}

/** True when pods that were let in so far could be refused from now on. */
function isStricter(next: LevelVersion, old: LevelVersion): boolean {
  if (sameLevel(next, old) || next.level === 'privileged') return false;
  return next.version !== old.version || compareLevels(next.level, old.level) > 0;
}

/** Labels of an exempt namespace have no effect, which is said once to who sets them. */
function exemptWarning(
  name: string,
  policy: Policy,
  labels: Readonly<Record<string, string>>,
  defaults: Policy,
): string[] {
  if (isFullyPrivileged(policy) || isEquivalent(policy, defaults)) return [];
  const set = (['enforce', 'audit', 'warn'] as const)
    .filter((mode) => policy[mode].level !== 'privileged' && names(labels, mode))
    .map((mode) => `${mode}=${showLevel(policy[mode])}`)
    .join(', ');
  return [
    `namespace "${name}" is exempt from Pod Security, and the policy (${set}) will be ignored`,
  ];
}
