/** The webhooks that are configured, and which of them a request concerns. */
import type {
  MutatingWebhookConfiguration,
  ValidatingWebhookConfiguration,
} from '../../../../api/admission/schemas.js';
import { equivalentsOf } from '../../../../api/equivalents.js';
import type { KindDeclaration } from '../../../../api/kind.js';
import { compileSelector, isEmptySelector } from '../../../../api/facts/selectors.js';
import type { Entry } from '../../cache/entry.js';
import type { WatchCache } from '../../cache/watch-cache.js';
import type { AdmissionRequest } from '../../registry/types.js';
import { PolicySource } from '../policy/evaluate.js';

type MutatingHook = NonNullable<MutatingWebhookConfiguration['webhooks']>[number];
type ValidatingHook = NonNullable<ValidatingWebhookConfiguration['webhooks']>[number];
type Rule = NonNullable<ValidatingHook['rules']>[number] & {
  /** Policies may name the objects that they mean. */
  readonly resourceNames?: readonly string[] | undefined;
};
type Labels = Readonly<Record<string, string>>;

/** The selectors of a webhook or a policy, compiled. */
export interface Selectors {
  readonly matchesNamespace: (labels: Labels) => boolean;
  readonly matchesObject: (labels: Labels) => boolean;
  /** True when the object selector is empty. */
  readonly matchesAll: boolean;
}

/** One webhook of one configuration. */
export interface Hook extends Selectors {
  readonly name: string;
  readonly config: ValidatingHook & Pick<MutatingHook, 'reinvocationPolicy'>;
  /** A policy with the hook's conditions alone; undefined when it has none. */
  readonly conditions: PolicySource | undefined;
}

/** Compiles selectors. */
export function compileSelectors({
  namespaceSelector,
  objectSelector,
}: Pick<ValidatingHook, 'namespaceSelector' | 'objectSelector'>): Selectors {
  return {
    matchesNamespace: compileSelector(namespaceSelector ?? {}),
    matchesObject: compileSelector(objectSelector ?? {}),
    matchesAll: isEmptySelector(objectSelector ?? {}),
  };
}

const compiled = new WeakMap<Entry, readonly Hook[]>();

function hooksOf(entry: Entry): readonly Hook[] {
  let hooks = compiled.get(entry);
  if (hooks === undefined) {
    const { webhooks } = entry.object<ValidatingWebhookConfiguration>();
    hooks = (webhooks ?? []).map((config) => ({
      name: config.name,
      config,
      conditions: conditionsOf(config),
      ...compileSelectors(config),
    }));
    compiled.set(entry, hooks);
  }
  return hooks;
}

function conditionsOf({ name, matchConditions = [] }: ValidatingHook): PolicySource | undefined {
  if (matchConditions.length === 0) return undefined;
  return new PolicySource({ metadata: { name }, spec: { matchConditions } });
}

/** A hook that wants to see a request, and the kind that its rules mean. */
export interface Match {
  readonly hook: Hook;
  readonly as: KindDeclaration;
}

/** Finds the hooks for requests; configurations count in the order of their names. */
export class HookSource {
  readonly #watchCache: WatchCache;
  readonly #id: string;

  constructor(watchCache: WatchCache, plural: string) {
    this.#watchCache = watchCache;
    this.#id = `admissionregistration.k8s.io/${plural}`;
  }

  /** True when there is nothing to ask. */
  get isEmpty(): boolean {
    return this.#watchCache.cache(this.#id).size === 0;
  }

  /** The hooks that want to see the request, in order. */
  matching(request: AdmissionRequest): Match[] {
    const matches: Match[] = [];
    for (const entry of this.#watchCache.cache(this.#id).list()) {
      for (const hook of hooksOf(entry)) {
        const as = this.#kindFor(hook, request);
        if (as !== undefined) matches.push({ hook, as });
      }
    }
    return matches;
  }

  #kindFor(hook: Hook, request: AdmissionRequest): KindDeclaration | undefined {
    const { rules = [], matchPolicy } = hook.config;
    const as = kindFor(rules, matchPolicy, request);
    return as !== undefined && selects(hook, request, this.#watchCache) ? as : undefined;
  }
}

/**
 * The kind as which rules mean a request: its own, or else the first equivalent one that a rule names, earlier rules
 * first (`ShouldCallHook` in apiserver's `webhook/generic/webhook.go`); undefined when they do not mean it.
 */
export function kindFor(
  rules: readonly Rule[],
  matchPolicy: string | undefined,
  request: AdmissionRequest,
): KindDeclaration | undefined {
  const { kind } = request.context.target;
  if (rules.some((rule) => matchesRule(rule, request, kind))) return kind;
  if (matchPolicy === 'Exact') return undefined;
  const equivalents = equivalentsOf(kind);
  if (equivalents.length === 0) return undefined;
  for (const rule of rules) {
    const as = equivalents.find((other) => matchesRule(rule, request, other));
    if (as !== undefined) return as;
  }
  return undefined;
}

/** True when selectors take a request's namespace and its object, or the one before. */
export function selects(
  selectors: Selectors,
  request: AdmissionRequest,
  watchCache: WatchCache,
): boolean {
  if (!selectsNamespace(selectors, request, watchCache)) return false;
  // The options of a connection have no metadata: only a selector that takes everything takes them.
  if (request.operation === 'CONNECT') return selectors.matchesAll;
  const labels = [request.object, request.old].flatMap((object) =>
    object === undefined ? [] : [object.metadata.labels ?? {}],
  );
  return labels.length === 0 || labels.some(selectors.matchesObject);
}

function selectsNamespace(
  { matchesNamespace }: Selectors,
  { context, object, old }: AdmissionRequest,
  watchCache: WatchCache,
): boolean {
  const { kind, namespace } = context.target;
  if (kind.kind === 'Namespace' && kind.group === '') {
    return matchesNamespace((object ?? old)?.metadata.labels ?? {});
  }
  if (namespace === '') return true;
  const found = watchCache.cache('namespaces').get(namespace);
  return matchesNamespace(found?.object().metadata.labels ?? {});
}

function includes(list: readonly string[] | undefined, value: string): boolean {
  return list?.some((item) => item === '*' || item === value) === true;
}

/** @param kind the request's, or one that is equivalent */
function matchesRule(rule: Rule, request: AdmissionRequest, kind: KindDeclaration): boolean {
  const { namespace, subresource, name } = request.context.target;
  const names = rule.resourceNames ?? [];
  if (names.length > 0 && !names.includes(name || (request.object?.metadata.name ?? ''))) {
    return false;
  }
  if (!includes(rule.operations, request.operation)) return false;
  if (!includes(rule.apiGroups, kind.group)) return false;
  if (!includes(rule.apiVersions, kind.version)) return false;
  const isNamespaced = namespace !== '' && kind.namespaced;
  if (rule.scope === 'Namespaced' && !isNamespaced) return false;
  if (rule.scope === 'Cluster' && isNamespaced) return false;
  return (rule.resources ?? []).some((text) => {
    const [resource = '', part = ''] = text.split('/');
    const sameResource = resource === '*' || resource === kind.plural;
    return sameResource && (part === '*' || part === subresource);
  });
}
