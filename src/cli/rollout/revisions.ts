/** The revisions of workloads: ReplicaSets of Deployments, ControllerRevisions of the others. */
import type { KubeObject } from '../../api/object.js';
import type { ControllerRevision, Deployment, ReplicaSet } from '../../api/types/workloads.js';
import { listObjects } from '../builder/objects.js';
import type { Found } from '../builder/objects.js';
import { CommandLineError } from '../command/command-line-error.js';
import type { Session } from '../kube/session.js';

/** The template of a workload's pods. */
export type PodTemplate = Deployment['spec']['template'];

const revisionAnnotation = 'deployment.kubernetes.io/revision';
const causeAnnotation = 'kubernetes.io/change-cause';

/** A state of a workload that it can go back to. */
export interface Revision {
  readonly number: number | bigint;
  /** Why it was made; '' when nobody said. */
  readonly cause: string;
  readonly template: PodTemplate;
  /** Labels and annotations of what holds the revision. */
  readonly metadata: KubeObject['metadata'];
}

/** The oldest first. @throws CommandLineError for what has no revisions */
export async function revisionsOf(session: Session, found: Found): Promise<Revision[]> {
  const { plural } = found.ref.resource;
  if (plural === 'deployments') return replicaSetRevisions(session, found);
  if (plural === 'daemonsets' || plural === 'statefulsets')
    return controllerRevisions(session, found);
  throw new CommandLineError(
    `no history viewer has been implemented for "${found.ref.resource.kind}"`,
    {
      plain: true,
    },
  );
}

const byNumber = (a: Pick<Revision, 'number'>, b: Pick<Revision, 'number'>): number =>
  a.number < b.number ? -1 : a.number > b.number ? 1 : 0;

/** A revision is an int64, and may be beyond what a number holds. */
function revisionNumber(text: string): number | bigint {
  const revision = Number(text);
  return Number.isSafeInteger(revision) || !/^\d+$/.test(text) ? revision : BigInt(text);
}

const isOwned = (object: KubeObject, owner: KubeObject): boolean =>
  (object.metadata.ownerReferences ?? []).some(({ uid }) => uid === owner.metadata.uid);

async function replicaSetRevisions(session: Session, { ref, object }: Found): Promise<Revision[]> {
  const resource = await session.mapper.byName('replicasets.apps');
  const sets = await listObjects<ReplicaSet>(session, resource, { namespace: ref.namespace });
  return sets
    .filter((set) => isOwned(set, object))
    .map((set) => ({
      number: revisionNumber(set.metadata.annotations?.[revisionAnnotation] ?? '0'),
      cause: set.metadata.annotations?.[causeAnnotation] ?? '',
      template: set.spec?.template ?? {},
      metadata: set.metadata,
    }))
    .toSorted(byNumber);
}

async function controllerRevisions(session: Session, { ref, object }: Found): Promise<Revision[]> {
  const resource = await session.mapper.byName('controllerrevisions.apps');
  const all = await listObjects<ControllerRevision>(session, resource, {
    namespace: ref.namespace,
  });
  return all
    .filter((revision) => isOwned(revision, object))
    .map((revision) => {
      const data = revision.data as
        { spec?: { template?: PodTemplate & { $patch?: string } } } | undefined;
      const { $patch: _, ...template } = data?.spec?.template ?? {};
      return {
        number: revision.revision,
        cause: revision.metadata.annotations?.[causeAnnotation] ?? '',
        template: template as PodTemplate,
        metadata: revision.metadata,
      };
    })
    .toSorted(byNumber);
}
