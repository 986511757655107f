/** ValidatingAdmissionPolicy: holds requests against policies, as their bindings say. */
import type {
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
} from '../../../../api/admission/policy-schemas.js';
import type { KindDeclaration } from '../../../../api/kind.js';
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
import { compileSelectors, kindFor, selects } from '../webhook/hooks.js';
import { requestIn } from '../webhook/versions.js';
import { AskedData } from './activation.js';
import { Decisions } from './decisions.js';
import type { Denial, Verdict } from './evaluate.js';
import { PolicySource } from './evaluate.js';
import type { PolicyTurns } from './evaluations.js';
import { Evaluations } from './evaluations.js';
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
  readonly turns?: PolicyTurns | undefined;
}

/** A policy or a binding, with its selectors. */
interface Matched<T> {
  readonly item: T;
  readonly match: MatchResources | undefined;
  readonly selectors: Selectors;
}

const policies = new WeakMap<Entry, Matched<PolicySource>>();
const bindings = new WeakMap<Entry, Matched<ValidatingAdmissionPolicyBinding>>();

function policyOf(entry: Entry): Matched<PolicySource> {
  let found = policies.get(entry);
  if (found === undefined) {
    const item = new PolicySource(entry.object<ValidatingAdmissionPolicy>());
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

type Binding = Matched<ValidatingAdmissionPolicyBinding>;

function bindingsByPolicy(all: readonly Binding[]): ReadonlyMap<string, readonly Binding[]> {
  const found = new Map<string, Binding[]>();
  for (const binding of all) {
    const name = binding.item.spec?.policyName ?? '';
    const own = found.get(name);
    if (own === undefined) found.set(name, [binding]);
    else own.push(binding);
  }
  return found;
}

/** The request with its objects as the kind that a policy asks for. */
interface Shown {
  readonly request: AdmissionRequest;
  readonly as: KindDeclaration;
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
      const byPolicy = bindingsByPolicy([...bindingCache.list()].map(bindingOf));
      for (const entry of policyCache.list()) {
        const own = byPolicy.get(entry.object().metadata.name);
        if (own !== undefined) await run.judge(policyOf(entry), own);
      }
      run.finish();
    },
  };
}

/** One request before all policies. */
class PolicyRun {
  readonly #deps: PolicyDeps;
  readonly #request: AdmissionRequest;
  readonly #evaluations: Evaluations;
  readonly #refusals: Refusal[] = [];

  constructor(deps: PolicyDeps, request: AdmissionRequest) {
    this.#deps = deps;
    this.#request = request;
    const { user } = request.context;
    const decisions = new Decisions(deps.authorization, user);
    this.#evaluations = new Evaluations(decisions, user.name, deps.turns);
  }

  async judge(policy: Matched<PolicySource>, own: readonly Binding[]): Promise<void> {
    const as = this.#matches(policy, true);
    if (as === undefined) return;
    const notes = new Map<string, Set<string>>();
    const shown = { request: await requestIn(this.#deps.objects, this.#request, as), as };
    for (const binding of own) {
      if (this.#matches(binding, false) === undefined) continue;
      await this.#bind(policy.item, binding.item, shown, notes);
    }
    for (const [key, values] of notes) {
      this.#note(`${policy.item.name}/${key}`, [...values].join(', '));
    }
  }

  /** @returns the kind as which the request is meant; undefined when it is not */
  #matches(
    { match, selectors }: Matched<unknown>,
    needsRules: boolean,
  ): KindDeclaration | undefined {
    const { kind } = this.#request.context.target;
    const { resourceRules = [], excludeResourceRules = [], matchPolicy } = match ?? {};
    if (kindFor(excludeResourceRules, matchPolicy, this.#request) !== undefined) {
      return undefined;
    }
    const isOpen = resourceRules.length === 0 && !needsRules;
    const as = isOpen ? kind : kindFor(resourceRules, matchPolicy, this.#request);
    if (as === undefined) return undefined;
    return selects(selectors, this.#request, this.#deps.objects.watchCache) ? as : undefined;
  }

  async #bind(
    policy: PolicySource,
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
      const verdict = await this.#evaluations.judge(policy, this.#data(shown, param));
      this.#take(policy, binding, verdict, notes);
    }
  }

  #data({ request, as }: Shown, params: KubeObject | null): AskedData {
    const { target } = request.context;
    return new AskedData(request, {
      as,
      params,
      namespace: (): KubeObject | undefined => {
        const isNamespace = target.kind.kind === 'Namespace' && target.kind.group === '';
        if (target.namespace === '' || isNamespace) return undefined;
        return this.#deps.objects.watchCache.cache('namespaces').get(target.namespace)?.object();
      },
    });
  }

  #take(
    policy: PolicySource,
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
    policy: PolicySource,
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
    policy: PolicySource,
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
