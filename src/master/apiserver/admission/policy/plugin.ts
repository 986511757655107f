/** ValidatingAdmissionPolicy: holds requests against policies, as their bindings say. */
import type {
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
} from '../../../../api/admission/policy-schemas.js';
import { untypedValue } from '../../../../api/cel/kube/untyped.js';
import type { Value } from '../../../../api/cel/value.js';
import type { KubeObject } from '../../../../api/object.js';
import type { KindRegistry } from '../../../../api/registry.js';
import type { Authorization } from '../../authz/authorizers.js';
import type { Entry } from '../../cache/entry.js';
import type { Objects } from '../../registry/objects.js';
import type { AdmissionRequest } from '../../registry/types.js';
import { errorTarget } from '../../registry/types.js';
import { forbidden, StatusError } from '../../status.js';
import type { AdmissionPlugin } from '../chain.js';
import type { Selectors } from '../webhook/hooks.js';
import { compileSelectors, selects, versionFor } from '../webhook/hooks.js';
import { requestIn } from '../webhook/versions.js';
import { RequestValues } from './activation.js';
import { Decisions } from './decisions.js';
import type { CompiledPolicy, Denial, Verdict } from './evaluate.js';
import { compilePolicy, evaluatePolicy } from './evaluate.js';
import { collectParams } from './params.js';

type BindingSpec = NonNullable<ValidatingAdmissionPolicyBinding['spec']>;
type MatchResources = NonNullable<BindingSpec['matchResources']>;

const group = 'admissionregistration.k8s.io';
const maxAnnotationLength = 10 * 1024;

/** What the plugin looks at. */
export interface PolicyDeps {
  readonly objects: Objects;
  readonly authorization: Authorization;
  readonly kinds: KindRegistry;
}

/** A policy or a binding, with its selectors. */
interface Matched<T> {
  readonly item: T;
  readonly match: MatchResources | undefined;
  readonly selectors: Selectors;
}

const policies = new WeakMap<Entry, Matched<CompiledPolicy>>();
const bindings = new WeakMap<Entry, Matched<ValidatingAdmissionPolicyBinding>>();

function policyOf(entry: Entry): Matched<CompiledPolicy> {
  let found = policies.get(entry);
  if (found === undefined) {
    const item = compilePolicy(entry.object<ValidatingAdmissionPolicy>());
    const match = item.spec.matchConstraints;
    found = { item, match, selectors: compileSelectors(match ?? {}) };
    policies.set(entry, found);
  }
  return found;
}

function bindingOf(entry: Entry): Matched<ValidatingAdmissionPolicyBinding> {
  let found = bindings.get(entry);
  if (found === undefined) {
    const item = entry.object<ValidatingAdmissionPolicyBinding>();
    const match = item.spec?.matchResources;
    found = { item, match, selectors: compileSelectors(match ?? {}) };
    bindings.set(entry, found);
  }
  return found;
}

/** The request with its objects in the version that a policy asks for. */
interface Shown {
  readonly request: AdmissionRequest;
  readonly version: string;
}

/** A policy that denies a request, and the binding by which it does. */
interface Refusal extends Pick<Denial, 'message' | 'reason'> {
  readonly policy: string;
  readonly binding: string | undefined;
}

/** Policies of the cluster's users, compiled when they are first met. */
export function validatingPolicies(deps: PolicyDeps): AdmissionPlugin {
  const { watchCache } = deps.objects;
  const policyCache = watchCache.cache(`${group}/validatingadmissionpolicies`);
  const bindingCache = watchCache.cache(`${group}/validatingadmissionpolicybindings`);
  return {
    name: 'ValidatingAdmissionPolicy',
    handles: ({ context: { target } }) =>
      policyCache.size > 0 &&
      bindingCache.size > 0 &&
      // A bad policy could not be taken back if it judged policies.
      target.kind.group !== group &&
      !target.kind.virtual,
    async validate(request) {
      const run = new PolicyRun(deps, request);
      for (const entry of policyCache.list()) {
        await run.judge(policyOf(entry), [...bindingCache.list()].map(bindingOf));
      }
      run.finish();
    },
  };
}

/** One request before all policies. */
class PolicyRun {
  readonly #deps: PolicyDeps;
  readonly #request: AdmissionRequest;
  readonly #decisions: Decisions;
  readonly #refusals: Refusal[] = [];

  constructor(deps: PolicyDeps, request: AdmissionRequest) {
    this.#deps = deps;
    this.#request = request;
    this.#decisions = new Decisions(deps.authorization, request.context.user);
  }

  async judge(
    policy: Matched<CompiledPolicy>,
    all: readonly Matched<ValidatingAdmissionPolicyBinding>[],
  ): Promise<void> {
    const own = all.filter(({ item }) => item.spec?.policyName === policy.item.name);
    if (own.length === 0) return;
    const version = this.#matches(policy, true);
    if (version === undefined) return;
    const notes = new Map<string, Set<string>>();
    const shown = { request: await requestIn(this.#deps.objects, this.#request, version), version };
    for (const binding of own) {
      if (this.#matches(binding, false) === undefined) continue;
      await this.#bind(policy.item, binding.item, shown, notes);
    }
    for (const [key, values] of notes) {
      this.#note(`${policy.item.name}/${key}`, [...values].join(', '));
    }
  }

  /** @returns the version in which the request is meant; undefined when it is not */
  #matches({ match, selectors }: Matched<unknown>, needsRules: boolean): string | undefined {
    const { kind } = this.#request.context.target;
    const { resourceRules = [], excludeResourceRules = [], matchPolicy } = match ?? {};
    if (versionFor(excludeResourceRules, matchPolicy, this.#request) !== undefined) {
      return undefined;
    }
    const isOpen = resourceRules.length === 0 && !needsRules;
    const version = isOpen ? kind.version : versionFor(resourceRules, matchPolicy, this.#request);
    if (version === undefined) return undefined;
    return selects(selectors, this.#request, this.#deps.objects.watchCache) ? version : undefined;
  }

  async #bind(
    policy: CompiledPolicy,
    binding: ValidatingAdmissionPolicyBinding,
    shown: Shown,
    notes: Map<string, Set<string>>,
  ): Promise<void> {
    const { namespace } = this.#request.context.target;
    const { kinds, objects } = this.#deps;
    const params = collectParams(policy.spec, binding.spec ?? {}, namespace, { kinds, objects });
    if (params instanceof Error) {
      if (policy.spec.failurePolicy === 'Ignore') return;
      const message = `failed to configure binding: ${params.message}`;
      this.#refuse(policy, binding, { message, reason: '' });
      return;
    }
    for (const param of params) {
      const values = this.#values(shown);
      const made: { params?: Value } = {};
      const read = (name: string): Value | undefined =>
        name === 'params' ? (made.params ??= untypedValue(param)) : values.get(name);
      const verdict = await this.#decisions.settle(() => evaluatePolicy(policy, read));
      this.#take(policy, binding, verdict, notes);
    }
  }

  #values({ request, version }: Shown): RequestValues {
    const { target } = request.context;
    return new RequestValues(request, {
      version,
      decide: this.#decisions.decide,
      namespace: (): KubeObject | undefined => {
        const isNamespace = target.kind.kind === 'Namespace' && target.kind.group === '';
        if (target.namespace === '' || isNamespace) return undefined;
        return this.#deps.objects.watchCache.cache('namespaces').get(target.namespace)?.object();
      },
    });
  }

  #take(
    policy: CompiledPolicy,
    binding: ValidatingAdmissionPolicyBinding,
    verdict: Verdict,
    notes: Map<string, Set<string>>,
  ): void {
    const actions = binding.spec?.validationActions ?? [];
    for (const denial of verdict.denials) {
      for (const action of actions) this.#act(action, policy, binding, denial);
    }
    for (const { key, value } of verdict.annotations) {
      const values = notes.get(key) ?? new Set();
      values.add(value.slice(0, maxAnnotationLength));
      notes.set(key, values);
    }
    for (const message of verdict.annotationErrors) {
      this.#refuse(policy, binding, { message, reason: '' });
    }
  }

  #act(
    action: string,
    policy: CompiledPolicy,
    binding: ValidatingAdmissionPolicyBinding,
    denial: Denial,
  ): void {
    const { name } = binding.metadata;
    if (action === 'Deny') this.#refuse(policy, binding, denial);
    else if (action === 'Warn') {
      this.#request.context.warnings.push(
        `Validation failed for ValidatingAdmissionPolicy '${policy.name}' with binding '${name}': ${denial.message}`,
      );
    } else if (action === 'Audit') {
      const failure = {
        message: denial.message,
        policy: policy.name,
        binding: name,
        expressionIndex: denial.index,
        validationActions: binding.spec?.validationActions ?? [],
      };
      const key = 'validation.policy.admission.k8s.io/validation_failure';
      this.#note(key, JSON.stringify([failure]));
    }
  }

  #note(key: string, value: string): void {
    const { auditAnnotations } = this.#request.context;
    if (auditAnnotations?.has(key) === false) auditAnnotations.set(key, value);
  }

  #refuse(
    policy: CompiledPolicy,
    binding: ValidatingAdmissionPolicyBinding,
    { message, reason }: Pick<Denial, 'message' | 'reason'>,
  ): void {
    this.#refusals.push({ policy: policy.name, binding: binding.metadata.name, message, reason });
  }

  /** @throws StatusError with the first refusal */
  finish(): void {
    const [refusal] = this.#refusals;
    if (refusal !== undefined) throw denied(this.#request, refusal);
  }
}

const codes: Readonly<Record<string, number>> = {
  Forbidden: 403,
  Unauthorized: 401,
  RequestEntityTooLarge: 413,
};

function denied({ context, object }: AdmissionRequest, refusal: Refusal): StatusError {
  const { policy, binding, reason } = refusal;
  const who =
    binding === undefined
      ? `ValidatingAdmissionPolicy '${policy}'`
      : `ValidatingAdmissionPolicy '${policy}' with binding '${binding}'`;
  const message = `${who} denied request: ${refusal.message}`;
  const { target } = context;
  const name = target.name || (object?.metadata.name ?? object?.metadata.generateName ?? '');
  const { status } = forbidden(errorTarget(target.kind), name, message);
  const named = reason === '' ? 'Invalid' : reason;
  return new StatusError({
    ...status,
    reason: named,
    code: codes[named] ?? 422,
    details: { ...status.details, causes: [{ message }] },
  });
}
