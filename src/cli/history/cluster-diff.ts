/** What changed in the cluster since a moment. */
import type { KubeObject } from '../../api/object.js';
import { isApiError } from '../../client/types.js';
import { pagesAt } from '../../history/past.js';
import { CommandLineError } from '../command/command-line-error.js';
import type { ObjectRef, Resource } from '../kube/resource.js';
import { pluralName } from '../kube/resource.js';
import { preferred } from '../kube/resource-mapper.js';
import type { Session } from '../kube/session.js';
import { maskSecrets } from '../print/mask-secrets.js';
import { withoutManagedFields } from '../print/output.js';
import { listerOf } from './reader.js';

/** An object before and after; undefined where it was not. */
export interface Pair {
  readonly ref: ObjectRef;
  readonly before: KubeObject | undefined;
  readonly after: KubeObject | undefined;
}

/** What is compared. */
export interface DiffScope {
  readonly resources: readonly Resource[];
  /** Undefined: everywhere. */
  readonly namespace: string | undefined;
  /** Only objects of these names; none is all. */
  readonly names: readonly string[];
  readonly status: boolean;
}

/** Resources that change all the time, or with others, and say little of what somebody did. */
const busy = new Set([
  'events',
  'events.events.k8s.io',
  'leases.coordination.k8s.io',
  'endpoints',
  'endpointslices.discovery.k8s.io',
  'controllerrevisions.apps',
  'ipaddresses.networking.k8s.io',
]);

/** The resources of a comparison that names none: all that can be listed, but for the busy ones. */
export async function comparedResources(
  session: Session,
  everywhere: boolean,
): Promise<readonly Resource[]> {
  const all = preferred(await session.mapper.all());
  return all.filter(
    (resource) =>
      resource.verbs.includes('list') &&
      !busy.has(pluralName(resource)) &&
      (resource.namespaced || everywhere),
  );
}

/**
 * The objects that differ, as they are found. Both lists are read side by side, a page of each at a time: what is alike
 * on both sides is forgotten at once.
 * @param hide is told the resources that may not be read
 * @throws CommandLineError for a revision that is no longer kept
 */
export async function* changedSince(
  session: Pick<Session, 'kube'>,
  scope: DiffScope,
  { revision, hide }: { readonly revision: string; readonly hide: (resource: string) => void },
): AsyncGenerator<Pair, void> {
  for (const resource of scope.resources) {
    try {
      yield* changedOf(session, resource, { scope, revision });
    } catch (error) {
      if (isApiError(error, 'Expired')) throw expired(revision);
      if (!isApiError(error, 'Forbidden')) throw error;
      hide(pluralName(resource));
    }
  }
}

async function* changedOf(
  session: Pick<Session, 'kube'>,
  resource: Resource,
  { scope, revision }: { readonly scope: DiffScope; readonly revision: string },
): AsyncGenerator<Pair, void> {
  const { namespace } = scope;
  const list = listerOf(session, resource, namespace);
  const old = pagesAt(list, revision);
  const now = pagesAt(list, undefined);
  // Those that the other side has not shown yet. Both lists are in the same order, so these are few.
  const unmatched = { before: new Map<string, KubeObject>(), after: new Map<string, KubeObject>() };
  for (let isMore = true; isMore;) {
    const [was, is] = [await old.next(), await now.next()];
    isMore = was.done !== true || is.done !== true;
    for (const object of was.value ?? []) unmatched.before.set(keyOf(object), object);
    for (const object of is.value ?? []) unmatched.after.set(keyOf(object), object);
    for (const [key, object] of unmatched.after) {
      const before = unmatched.before.get(key);
      if (before === undefined) continue;
      unmatched.before.delete(key);
      unmatched.after.delete(key);
      yield* pairOf(resource, before, object, scope);
    }
  }
  for (const object of unmatched.before.values()) yield* pairOf(resource, object, undefined, scope);
  for (const object of unmatched.after.values()) yield* pairOf(resource, undefined, object, scope);
}

const keyOf = ({ metadata }: KubeObject): string => `${metadata.namespace ?? ''}/${metadata.name}`;

function expired(revision: string): CommandLineError {
  return new CommandLineError(`revision ${revision} is no longer kept: it has been compacted`, {
    plain: true,
  });
}

/** The pair, if it is wanted and its sides differ. */
function pairOf(
  resource: Resource,
  was: KubeObject | undefined,
  is: KubeObject | undefined,
  { names, status }: DiffScope,
): Pair[] {
  const { metadata } = (is ?? was) as KubeObject;
  if (names.length > 0 && !names.includes(metadata.name)) return [];
  if (was?.metadata.resourceVersion === is?.metadata.resourceVersion) return [];
  const ref = { resource, namespace: metadata.namespace, name: metadata.name };
  const [left, right] = masked(was, is);
  return [{ ref, before: shownSide(left, status), after: shownSide(right, status) }];
}

/** Both sides without the values of Secrets. */
function masked(
  was: KubeObject | undefined,
  is: KubeObject | undefined,
): [KubeObject | undefined, KubeObject | undefined] {
  if (is !== undefined) return maskSecrets(was, is);
  return was === undefined ? [was, is] : [maskSecrets(undefined, was)[1], is];
}

/** What is compared of an object: nothing that each write changes. */
function shownSide(object: KubeObject | undefined, status: boolean): KubeObject | undefined {
  if (object === undefined) return undefined;
  const { status: state, ...rest } = withoutManagedFields(object) as KubeObject & {
    status?: unknown;
  };
  const { resourceVersion: _version, generation: _generation, ...metadata } = rest.metadata;
  const annotations = Object.entries(metadata.annotations ?? {}).filter(
    // It repeats the object, the values of a Secret too.
    ([name]) => name !== 'kubectl.kubernetes.io/last-applied-configuration',
  );
  return {
    ...rest,
    metadata: {
      ...metadata,
      ...(metadata.annotations === undefined
        ? {}
        : { annotations: Object.fromEntries(annotations) }),
    },
    ...(status && state !== undefined ? { status: state } : {}),
  };
}
