/** What changed in the cluster since a moment. */
import type { KubeObject } from '../../api/object.js';
import { isApiError } from '../../client/types.js';
import { listAt } from '../../history/past.js';
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

/** Resources that change all the time and say little of what somebody did. */
const busy = new Set([
  'events',
  'events.events.k8s.io',
  'leases.coordination.k8s.io',
  'endpoints',
  'endpointslices.discovery.k8s.io',
  'controllerrevisions.apps',
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

/** The objects that differ, and the resources that may not be read. */
export async function changedSince(
  session: Session,
  scope: DiffScope,
  revision: string,
): Promise<{ readonly pairs: Pair[]; readonly hidden: string[] }> {
  const pairs: Pair[] = [];
  const hidden: string[] = [];
  for (const resource of scope.resources) {
    const { namespace } = scope;
    try {
      const list = listerOf(session, resource, namespace);
      const before = await listAt(list, revision);
      const after = await listAt(list, undefined);
      pairs.push(...pairsOf(resource, before, after, scope));
    } catch (error) {
      if (isApiError(error, 'Expired')) throw expired(revision);
      if (!isApiError(error, 'Forbidden')) throw error;
      hidden.push(pluralName(resource));
    }
  }
  return { pairs, hidden };
}

function expired(revision: string): CommandLineError {
  return new CommandLineError(`revision ${revision} is no longer kept: it has been compacted`, {
    plain: true,
  });
}

function pairsOf(
  resource: Resource,
  before: readonly KubeObject[],
  after: readonly KubeObject[],
  { names, status }: DiffScope,
): Pair[] {
  const keyOf = ({ metadata }: KubeObject): string =>
    `${metadata.namespace ?? ''}/${metadata.name}`;
  const old = new Map(before.map((object) => [keyOf(object), object]));
  const now = new Map(after.map((object) => [keyOf(object), object]));
  return [...new Set([...old.keys(), ...now.keys()])].sort().flatMap((key): Pair[] => {
    const [was, is] = [old.get(key), now.get(key)];
    const { metadata } = (is ?? was) as KubeObject;
    if (names.length > 0 && !names.includes(metadata.name)) return [];
    if (was?.metadata.resourceVersion === is?.metadata.resourceVersion) return [];
    const ref = { resource, namespace: metadata.namespace, name: metadata.name };
    const [left, right] = masked(was, is);
    return [{ ref, before: shownSide(left, status), after: shownSide(right, status) }];
  });
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
