/** The webhooks that are configured, and which of them a request concerns. */
import type {
  MutatingWebhookConfiguration,
  ValidatingWebhookConfiguration,
} from '../../../../api/admission/schemas.js';
import { compileSelector, isEmptySelector } from '../../../../api/facts/selectors.js';
import type { Entry } from '../../cache/entry.js';
import type { WatchCache } from '../../cache/watch-cache.js';
import type { AdmissionRequest } from '../../registry/types.js';

type MutatingHook = NonNullable<MutatingWebhookConfiguration['webhooks']>[number];
type ValidatingHook = NonNullable<ValidatingWebhookConfiguration['webhooks']>[number];
type Rule = NonNullable<ValidatingHook['rules']>[number];
type Labels = Readonly<Record<string, string>>;

/** One webhook of one configuration, its selectors compiled. */
export interface Hook {
  readonly name: string;
  readonly config: ValidatingHook & Pick<MutatingHook, 'reinvocationPolicy'>;
  readonly matchesNamespace: (labels: Labels) => boolean;
  readonly matchesObject: (labels: Labels) => boolean;
  /** True when the object selector is empty. */
  readonly matchesAll: boolean;
}

const compiled = new WeakMap<Entry, readonly Hook[]>();

function hooksOf(entry: Entry): readonly Hook[] {
  let hooks = compiled.get(entry);
  if (hooks === undefined) {
    const { webhooks } = entry.object<ValidatingWebhookConfiguration>();
    hooks = (webhooks ?? []).map((config) => ({
      name: config.name,
      config,
      matchesNamespace: compileSelector(config.namespaceSelector ?? {}),
      matchesObject: compileSelector(config.objectSelector ?? {}),
      matchesAll: isEmptySelector(config.objectSelector ?? {}),
    }));
    compiled.set(entry, hooks);
  }
  return hooks;
}

/** The version in which a request is sent to a hook. */
export interface Match {
  readonly hook: Hook;
  readonly version: string;
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
        const version = this.#versionFor(hook, request);
        if (version !== undefined) matches.push({ hook, version });
      }
    }
    return matches;
  }

  #versionFor(hook: Hook, request: AdmissionRequest): string | undefined {
    const { kind } = request.context.target;
    const rules = hook.config.rules ?? [];
    const exact = rules.some((rule) => matchesRule(rule, request, kind.version));
    let version = exact ? kind.version : undefined;
    if (!exact && kind.custom && hook.config.matchPolicy !== 'Exact') {
      version = rules
        .filter((rule) => matchesRule(rule, request, undefined))
        .flatMap((rule) => rule.apiVersions ?? [])[0];
    }
    if (version === undefined) return undefined;
    if (!this.#matchesNamespace(hook, request)) return undefined;
    // The options of a connection have no metadata: only a selector that takes everything takes them.
    if (request.operation === 'CONNECT') return hook.matchesAll ? version : undefined;
    const labels = [request.object, request.old].flatMap((object) =>
      object === undefined ? [] : [object.metadata.labels ?? {}],
    );
    return labels.length === 0 || labels.some(hook.matchesObject) ? version : undefined;
  }

  #matchesNamespace(hook: Hook, { context, object, old }: AdmissionRequest): boolean {
    const { kind, namespace } = context.target;
    if (kind.kind === 'Namespace' && kind.group === '') {
      return hook.matchesNamespace((object ?? old)?.metadata.labels ?? {});
    }
    if (namespace === '') return true;
    const found = this.#watchCache.cache('namespaces').get(namespace);
    return hook.matchesNamespace(found?.object().metadata.labels ?? {});
  }
}

function includes(list: readonly string[] | undefined, value: string): boolean {
  return list?.some((item) => item === '*' || item === value) === true;
}

/** @param version undefined: any version will do */
function matchesRule(rule: Rule, request: AdmissionRequest, version: string | undefined): boolean {
  const { kind, namespace, subresource } = request.context.target;
  if (!includes(rule.operations, request.operation)) return false;
  if (!includes(rule.apiGroups, kind.group)) return false;
  if (version !== undefined && !includes(rule.apiVersions, version)) return false;
  const isNamespaced = namespace !== '' && kind.namespaced;
  if (rule.scope === 'Namespaced' && !isNamespaced) return false;
  if (rule.scope === 'Cluster' && isNamespaced) return false;
  return (rule.resources ?? []).some((text) => {
    const [resource = '', part = ''] = text.split('/');
    const sameResource = resource === '*' || resource === kind.plural;
    return sameResource && (part === '*' || part === subresource);
  });
}
