/** ControllerRevisions: numbered snapshots of a template, for StatefulSets and DaemonSets. */
import type { OwnerReference } from '../../../api/object.js';
import type { ApiClient } from '../../../client/types.js';
import { isApiError } from '../../../client/types.js';
import type { PodTemplateSpec } from '../../../api/types/core.js';
import type { ControllerRevision } from '../../../api/types/workloads.js';
import { templateHash } from '../../../api/facts/hash.js';
import { jsonEqual } from '../../../api/equal.js';
import { resources } from '../../../client/resources.js';
import { byCreation } from '../../../api/facts/time.js';
import type { Owner } from '../../../api/facts/owners.js';
import { controllerReference } from '../../../api/facts/owners.js';
import { smallest } from '../../../lib/json.js';

/** The label on pods, and on revisions of DaemonSets, that says which template they are of. */
export const revisionHashLabel = 'controller-revision-hash';

/** The label of a StatefulSet's revisions. */
export const historyHashLabel = 'controller.kubernetes.io/hash';

/**
 * The data of a revision: a strategic merge patch of the template, byte for byte as Kubernetes writes it. `kubectl
 * rollout undo` and others write the template of today in the same way and compare bytes: keys in order, and the fields
 * that Go writes although they are empty.
 * @see kubernetes pkg/controller/daemon getPatch, kubectl pkg/polymorphichelpers daemonSetMatch
 */
function revisionData(template: PodTemplateSpec): unknown {
  return { spec: { template: inOrder({ ...withEmptyFields(template), $patch: 'replace' }) } };
}

/** A template with the creation times that objects within objects have in Go: null. */
function withEmptyFields(template: PodTemplateSpec): object {
  const volumes = template.spec?.volumes?.map(({ ephemeral, ...rest }) =>
    ephemeral?.volumeClaimTemplate === undefined
      ? { ...rest, ...(ephemeral === undefined ? {} : { ephemeral }) }
      : {
          ...rest,
          ephemeral: {
            ...ephemeral,
            volumeClaimTemplate: withCreationTime(ephemeral.volumeClaimTemplate),
          },
        },
  );
  const spec = volumes === undefined ? template.spec : { ...template.spec, volumes };
  return withCreationTime({ ...template, spec });
}

function withCreationTime<T extends { readonly metadata?: object | undefined }>(object: T): object {
  return { ...object, metadata: { ...object.metadata, creationTimestamp: null } };
}

function inOrder(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inOrder);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([name, item]) => [name, inOrder(item)]));
}

/** The template that a revision stores. */
export function templateOf(revision: ControllerRevision): PodTemplateSpec | undefined {
  const data = revision.data as { spec?: { template?: PodTemplateSpec & { $patch?: string } } };
  const template = data?.spec?.template;
  if (template === undefined) return undefined;
  const { $patch: _, ...rest } = template;
  return withoutNulls(rest) as PodTemplateSpec;
}

/** What has no value in a template is not in it: Kubernetes keeps no null, and neither does our API. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([, item]) => item !== null);
  return Object.fromEntries(entries.map(([name, item]) => [name, withoutNulls(item)]));
}

/** Whether a revision, of this build or of one before it, is of the template. */
function isOf(revision: ControllerRevision, template: PodTemplateSpec): boolean {
  const stored = templateOf(revision);
  return stored !== undefined && jsonEqual(withMetadata(stored), withMetadata(template));
}

function withMetadata({ metadata = {}, ...rest }: PodTemplateSpec): PodTemplateSpec {
  return { metadata, ...rest };
}

/** Orders ControllerRevisions by number, then by creation. */
export function byRevision(a: ControllerRevision, b: ControllerRevision): number {
  if (a.revision === b.revision) return byCreation(a, b);
  return a.revision < b.revision ? -1 : 1;
}

/**
 * The revision of the present template: an equal old one (renumbered to be the newest), or a new one.
 * @param collisionCount changes the name when a foreign object has it; `collided` answers that it must grow
 */
export async function currentRevision(options: {
  readonly client: ApiClient;
  readonly owner: Owner;
  readonly template: PodTemplateSpec;
  readonly hashLabel: string;
  readonly revisions: readonly ControllerRevision[];
  readonly collisionCount: number | undefined;
}): Promise<{ readonly revision: ControllerRevision; readonly collided: boolean }> {
  const { client, owner, template, revisions, collisionCount } = options;
  const sorted = revisions.toSorted(byRevision);
  const newest = sorted.at(-1);
  const equal = sorted.findLast((revision) => isOf(revision, template));
  if (equal !== undefined && equal === newest) return { revision: equal, collided: false };
  const next = smallest(BigInt(newest?.revision ?? 0) + 1n);
  if (equal !== undefined) {
    const renumbered = await client.update<ControllerRevision>(resources.controllerRevisions, {
      ...equal,
      revision: next,
    });
    return { revision: renumbered, collided: false };
  }
  const made = build(owner, template, options.hashLabel, next, collisionCount);
  try {
    const revision = await client.create(resources.controllerRevisions, made);
    return { revision, collided: false };
  } catch (error) {
    if (!isApiError(error, 'AlreadyExists')) throw error;
  }
  const present = await client.get<ControllerRevision>(
    resources.controllerRevisions,
    made.metadata,
  );
  return { revision: present, collided: !isOf(present, template) };
}

function build(
  owner: Owner,
  template: PodTemplateSpec,
  hashLabel: string,
  revision: number | bigint,
  collisionCount: number | undefined,
): ControllerRevision {
  const hash = templateHash(template, collisionCount);
  const reference: OwnerReference = controllerReference(owner);
  const { annotations } = owner.metadata;
  return {
    apiVersion: 'apps/v1',
    kind: 'ControllerRevision',
    metadata: {
      name: `${owner.metadata.name}-${hash}`,
      ...(owner.metadata.namespace === undefined ? {} : { namespace: owner.metadata.namespace }),
      labels: { ...template.metadata?.labels, [hashLabel]: hash },
      // `kubectl rollout history` reads the cause of the change among them.
      ...(annotations === undefined ? {} : { annotations: { ...annotations } }),
      ownerReferences: [reference],
    },
    data: revisionData(template),
    revision,
  };
}

/** Old revisions beyond the limit that no pod uses, oldest first. Pure. */
export function surplusRevisions(
  revisions: readonly ControllerRevision[],
  inUse: ReadonlySet<string>,
  limit: number,
): ControllerRevision[] {
  const unused = revisions.toSorted(byRevision).filter(({ metadata }) => !inUse.has(metadata.name));
  return unused.slice(0, Math.max(0, unused.length - limit));
}
