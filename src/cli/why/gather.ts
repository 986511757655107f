/** Reads from the API what an answer needs, in rounds, until the core asks for nothing more. */
import type { KubeObject } from '../../api/object.js';
import { isApiError } from '../../client/types.js';
import { fetchObject, listObjects } from '../builder/objects.js';
import type { Session } from '../kube/session.js';
import type { Finding } from '../../why/finding.js';
import type { Answer, Want } from '../../why/view.js';
import { ClusterView, wantKey } from '../../why/view.js';

/** Each round goes a step down the chain of causes, which has about six. */
const roundsMax = 12;

/** An answer, and the resources that could not be read for it. */
export interface Explained {
  readonly finding: Finding;
  readonly hidden: readonly string[];
}

/** Runs `explain` with more and more of the cluster. */
export async function gather(
  session: Session,
  explain: (view: ClusterView) => Finding,
): Promise<Explained> {
  const answers = new Map<string, Answer>();
  for (let round = 1; ; round++) {
    const view = new ClusterView({
      answers,
      nowMs: session.context.clock.nowMs(),
      namespace: session.namespace,
    });
    const finding = explain(view);
    if (view.wanted.size === 0 || round === roundsMax) {
      return { finding, hidden: [...view.hidden].sort() };
    }
    await Promise.all(
      [...view.wanted.values()].map(async (want) => {
        answers.set(wantKey(want), await read(session, want));
      }),
    );
  }
}

async function read(session: Session, { type, namespace, name }: Want): Promise<Answer> {
  const resource = await session.mapper.byName(type);
  try {
    if (name === undefined) return await listObjects(session, resource, { namespace });
    const object: KubeObject = await fetchObject(session, { resource, namespace, name });
    return [object];
  } catch (error) {
    if (isApiError(error, 'NotFound')) return [];
    if (isApiError(error, 'Forbidden')) return undefined;
    throw error;
  }
}
