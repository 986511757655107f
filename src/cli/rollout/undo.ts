import { deepEqual } from '../../api/equal.js';
import type { KubeObject } from '../../api/object.js';
import type { Deployment } from '../../api/types/workloads.js';
import type { Found } from '../builder/objects.js';
import { CommandLineError } from '../command/command-line-error.js';
import { objectPath } from '../kube/resource.js';
import type { Session } from '../kube/session.js';
import type { DryRun } from '../kube/write.js';
import { writeQuery } from '../kube/write.js';
import type { PodTemplate } from './revisions.js';
import { revisionsOf } from './revisions.js';

const hashLabel = 'pod-template-hash';
const plain = (message: string): CommandLineError => new CommandLineError(message, { plain: true });

/**
 * Goes back to an earlier revision.
 * @param to 0 is the one before
 * @returns what was done, and the object
 */
export async function rolloutUndo(
  session: Session,
  found: Found,
  to: number,
  dryRun: DryRun,
): Promise<{ readonly word: string; readonly object: KubeObject }> {
  const { ref, object } = found;
  const { plural, kind } = ref.resource;
  if ((object as Partial<Deployment>).spec?.paused === true) {
    throw plain(
      `you cannot rollback a paused deployment; resume it first with 'trireme rollout resume deployment/${ref.name}' and try again`,
    );
  }
  if (!['deployments', 'daemonsets', 'statefulsets'].includes(plural)) {
    throw plain(`no rollbacker has been implemented for "${kind}"`);
  }
  const revisions = await revisionsOf(session, found);
  const target = to === 0 ? revisions.at(-2) : revisions.find(({ number }) => number === to);
  if (target === undefined) {
    throw plain(
      to === 0
        ? `no rollout history found for ${plural === 'deployments' ? 'deployment' : ref.resource.singular} "${ref.name}"`
        : `unable to find specified revision ${to} in history`,
    );
  }
  const template = withoutHash(target.template);
  const current = withoutHash(
    (object as Partial<Deployment>).spec?.template ?? ({} as PodTemplate),
  );
  if (deepEqual(template, current)) {
    return {
      word: `skipped rollback (current template already matches revision ${target.number})`,
      object,
    };
  }
  if (dryRun === 'client') return { word: 'rolled back', object };
  const after = await session.kube.json<KubeObject>({
    method: 'PATCH',
    path: objectPath(ref),
    contentType: 'application/json-patch+json',
    query: writeQuery({ dryRun }),
    body: [{ op: 'replace', path: '/spec/template', value: template }],
  });
  return { word: 'rolled back', object: after };
}

/** The template without the label that tells ReplicaSets apart. */
function withoutHash(template: PodTemplate): PodTemplate {
  const copy = structuredClone(template);
  const labels = copy.metadata?.labels;
  if (labels !== undefined) delete labels[hashLabel];
  return copy;
}
