import { cloneJson } from '../../../api/clone.js';
import type { KubeObject } from '../../../api/object.js';
import { parseGroupVersion } from '../../../api/object.js';
import { semanticEqual } from '../../../api/equal.js';
import type { KindRegistry } from '../../../api/registry.js';
import type { Objects } from '../registry/objects.js';
import type { RequestContext } from '../registry/types.js';
import { systemUser } from '../registry/types.js';
import type { Writer } from '../registry/writer.js';
import { isStatusError } from '../status.js';
import { firstClasses, systemNamespaces, systemPriorityClasses } from './objects.js';
import type { PolicyObject } from './policy.js';
import { defaultPolicy } from './policy.js';

/** The registries in which the first objects are made. */
export interface BootstrapDeps {
  readonly kinds: KindRegistry;
  readonly objects: Objects;
  readonly writer: Writer;
}

/** The context of a write by the server itself. */
export function systemContext(
  deps: Pick<BootstrapDeps, 'kinds'>,
  object: KubeObject,
): RequestContext {
  const { group, version } = parseGroupVersion(object.apiVersion ?? '');
  const kind = deps.kinds.byKind(group, version, object.kind ?? '');
  if (kind === undefined)
    throw new Error(`${object.apiVersion ?? ''} ${object.kind ?? ''} is not declared`);
  return {
    user: systemUser,
    target: {
      kind,
      namespace: object.metadata.namespace ?? '',
      name: object.metadata.name,
      subresource: '',
    },
    options: {
      dryRun: false,
      fieldManager: 'kube-apiserver',
      fieldValidation: 'Strict',
      force: false,
    },
    warnings: [],
  };
}

/** Creates an object unless it is there. */
export async function ensure(deps: BootstrapDeps, object: KubeObject): Promise<void> {
  const context = systemContext(deps, object);
  if (deps.objects.cached(context.target) !== undefined) return;
  try {
    await deps.writer.create(context, cloneJson(object));
  } catch (error) {
    if (!isStatusError(error, 'AlreadyExists')) throw error;
  }
}

/** Makes what every cluster has. Several masters may do this at once. */
export async function bootstrapCluster(deps: BootstrapDeps): Promise<void> {
  // The namespaces come after the classes: they say that the cluster is no longer new.
  if (systemNamespaces.every((object) => isMissing(deps, object))) {
    await Promise.all(firstClasses.map((object) => ensure(deps, object)));
  }
  await Promise.all(systemNamespaces.map((object) => ensure(deps, object)));
  await deps.objects.watchCache.fresh();
  await Promise.all(systemPriorityClasses.map((object) => ensure(deps, object)));
  await Promise.all(defaultPolicy.map((object) => reconcile(deps, object)));
}

function isMissing(deps: BootstrapDeps, object: KubeObject): boolean {
  return deps.objects.cached(systemContext(deps, object).target) === undefined;
}

/** Creates a default role, or gives back the rules that it lost, unless its owner said `autoupdate: false`. */
async function reconcile(deps: BootstrapDeps, wanted: PolicyObject): Promise<void> {
  const context = systemContext(deps, wanted);
  const present = deps.objects.cached(context.target)?.parse<PolicyObject>();
  if (present === undefined) {
    await ensure(deps, wanted);
    return;
  }
  const updates = present.metadata.annotations?.['rbac.authorization.kubernetes.io/autoupdate'];
  if (updates !== 'true' || wanted.rules === undefined) return;
  const rules = present.rules ?? [];
  const lost = wanted.rules.filter((rule) => !rules.some((other) => semanticEqual(rule, other)));
  if (lost.length === 0) return;
  await deps.writer.update(context, {
    createsMissing: false,
    tracksFields: false,
    next: (old) => cloneJson({ ...(old ?? wanted), rules: [...rules, ...lost] }) as KubeObject,
  });
}
